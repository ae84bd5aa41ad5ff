import { GRANT_RIGHTS_COLUMN, grantInForceJoin, visibleTo } from "./visibility-sql.js";
const MODEL_COLUMNS = `m.id, m.tenant_id AS "tenantId", m.owner_slug AS "ownerSlug", m.name, m.summary,
  m.licence, m.tags, m.task, m.visibility, m.public_access AS "publicAccess",
  m.last_version_number AS "lastVersionNumber", m.archived_at AS "archivedAt",
  m.created_at AS "createdAt", m.updated_at AS "updatedAt"`;
function fromRow(row) {
  return {
    id: row.id,
    tenantId: row.tenantId,
    ownerSlug: row.ownerSlug,
    name: row.name,
    summary: row.summary,
    card: row.card ?? null,
    licence: row.licence,
    tags: row.tags,
    task: row.task,
    visibility: row.visibility,
    publicAccess: row.publicAccess,
    lastVersionNumber: row.lastVersionNumber,
    archivedAt: row.archivedAt,
    createdAt: row.createdAt,
    updatedAt: row.updatedAt,
    grantRights: row.grant_rights ?? []
  };
}
const VISIBLE_MODELS = `SELECT ${MODEL_COLUMNS}, m.card, ${GRANT_RIGHTS_COLUMN} FROM models m ${grantInForceJoin("$1")}`;
async function findVisibleModels(query, tenantId, readsForTenant, ids) {
  const rows = await query(
    `${VISIBLE_MODELS} WHERE m.id = ANY ($2::text[]) AND ${visibleTo("$1", readsForTenant)}`,
    [tenantId, ids]
  );
  return rows.map(fromRow);
}
async function findVisibleModelByName(query, tenantId, readsForTenant, ownerSlug, name) {
  const rows = await query(
    `${VISIBLE_MODELS} WHERE m.owner_slug = $2 AND m.name = $3 AND ${visibleTo("$1", readsForTenant)}`,
    [tenantId, ownerSlug, name]
  );
  return rows[0] === void 0 ? null : fromRow(rows[0]);
}
async function findOwnModel(tx, tenantId, modelId) {
  const row = await tx.model.findFirst({ where: { id: modelId, tenantId } });
  return row === null ? null : fromRow(row);
}
async function lockOwnModel(tx, tenantId, modelId) {
  await tx.$queryRaw`SELECT id FROM models WHERE id = ${modelId} AND tenant_id = ${tenantId} FOR NO KEY UPDATE`;
  return findOwnModel(tx, tenantId, modelId);
}
async function claimNextVersionNumber(tx, tenantId, modelId) {
  const rows = await tx.$queryRaw`
    UPDATE models SET last_version_number = last_version_number + 1, updated_at = clock_timestamp()
    WHERE id = ${modelId} AND tenant_id = ${tenantId} AND archived_at IS NULL
    RETURNING last_version_number AS number`;
  return rows[0]?.number ?? null;
}
async function insertModel(tx, tenantId, model) {
  const { slug } = await tx.tenant.findUniqueOrThrow({ where: { id: tenantId }, select: { slug: true } });
  const { tags, ...rest } = model;
  const rows = await tx.model.createManyAndReturn({
    data: [{ ...rest, tags: [...tags], tenantId, ownerSlug: slug, updatedAt: model.createdAt }],
    skipDuplicates: true
  });
  return rows[0] === void 0 ? null : fromRow(rows[0]);
}
async function updateModel(tx, tenantId, modelId, change) {
  const { tags, ...rest } = change;
  const row = await tx.model.update({
    where: { id: modelId, tenantId },
    data: tags === void 0 ? rest : { ...rest, tags: [...tags] }
  });
  return fromRow(row);
}
export {
  MODEL_COLUMNS,
  claimNextVersionNumber,
  findOwnModel,
  findVisibleModelByName,
  findVisibleModels,
  fromRow,
  insertModel,
  lockOwnModel,
  updateModel
};
//# sourceMappingURL=store.js.map

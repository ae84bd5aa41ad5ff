import { grantInForceJoin, tenantHoldsRight, visibleTo } from "../catalog/index.js";
const COLUMN_NAMES = [
  "id",
  "tenant_id",
  "model_id",
  "number",
  "format",
  "producer",
  "digest",
  "bytes",
  "pack_digest",
  "pack_bytes",
  "signature",
  "runtime",
  "trials",
  "parameter_count",
  "weight_bytes",
  "operations",
  "findings",
  "notes",
  "created_by",
  "created_at"
];
const VERSION_COLUMNS = COLUMN_NAMES.map((name) => `v.${name} AS version_${name}`).join(", ");
function versionFromRow(row) {
  return {
    id: row.version_id,
    tenantId: row.version_tenant_id,
    modelId: row.version_model_id,
    number: row.version_number,
    format: row.version_format,
    producer: row.version_producer,
    digest: row.version_digest,
    bytes: Number(row.version_bytes),
    packDigest: row.version_pack_digest,
    packBytes: Number(row.version_pack_bytes),
    signature: row.version_signature,
    runtime: row.version_runtime,
    trials: row.version_trials,
    parameterCount: Number(row.version_parameter_count),
    weightBytes: Number(row.version_weight_bytes),
    operations: row.version_operations,
    findings: row.version_findings,
    notes: row.version_notes,
    createdBy: row.version_created_by,
    createdAt: row.version_created_at
  };
}
function asJson(value) {
  return value;
}
async function insertVersion(tx, tenantId, version) {
  const { bytes, packBytes, parameterCount, weightBytes, signature, trials, operations, findings, ...rest } = version;
  await tx.version.create({
    data: {
      ...rest,
      tenantId,
      bytes: BigInt(bytes),
      packBytes: BigInt(packBytes),
      parameterCount: BigInt(parameterCount),
      weightBytes: BigInt(weightBytes),
      signature: asJson(signature),
      trials: asJson(trials),
      operations: asJson(operations),
      findings: [...findings]
    }
  });
}
function visibleVersions(reader) {
  return `FROM versions v JOIN models m ON m.id = v.model_id ${grantInForceJoin("$1")}
    WHERE ${visibleTo("$1", reader.readsForTenant)}`;
}
async function findVersions(query, reader, ids) {
  const rows = await query(
    `SELECT ${VERSION_COLUMNS} ${visibleVersions(reader)} AND v.id = ANY ($2)`,
    [reader.tenantId, ids]
  );
  return rows.map(versionFromRow);
}
async function findLatest(query, reader, modelIds) {
  const rows = await query(
    `SELECT ${VERSION_COLUMNS} ${visibleVersions(reader)}
       AND v.model_id = ANY ($2) AND v.number = m.last_version_number`,
    [reader.tenantId, modelIds]
  );
  return rows.map(versionFromRow);
}
async function findByNumber(query, reader, modelId, number) {
  const [row] = await query(
    `SELECT ${VERSION_COLUMNS} ${visibleVersions(reader)} AND v.model_id = $2 AND v.number = $3`,
    [reader.tenantId, modelId, number]
  );
  return row === void 0 ? null : versionFromRow(row);
}
async function listVersions(query, reader, modelId, page) {
  const rows = await query(
    `SELECT ${VERSION_COLUMNS} ${visibleVersions(reader)}
       AND v.model_id = $2 AND ($3::int IS NULL OR v.number < $3) ORDER BY v.number DESC LIMIT $4`,
    [reader.tenantId, modelId, page.after?.[0] ?? null, page.first + 1]
  );
  return rows.map(versionFromRow);
}
async function findDownloadable(query, reader, id) {
  const [row] = await query(
    `SELECT ${VERSION_COLUMNS}, m.owner_slug, m.name ${visibleVersions(reader)}
       AND ${tenantHoldsRight("DOWNLOAD", "$1")} AND v.id = $2`,
    [reader.tenantId, id]
  );
  return row === void 0 ? null : { version: versionFromRow(row), ownerSlug: row.owner_slug, modelName: row.name };
}
export {
  VERSION_COLUMNS,
  findByNumber,
  findDownloadable,
  findLatest,
  findVersions,
  insertVersion,
  listVersions,
  versionFromRow
};
//# sourceMappingURL=versions-store.js.map

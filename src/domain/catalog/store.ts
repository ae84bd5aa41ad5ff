/** Reads by plain SQL, because the rule of visibility is SQL; writes by Prisma. Nothing is ever deleted. */
import type { SqlQuery, Tx } from '../../database/index.js';
import type { Model, Right, Visibility } from './model.js';
import {
  GRANT_RIGHTS_COLUMN,
  grantInForceJoin,
  IS_SUBSCRIBED_COLUMN,
  subscriptionInForceJoin,
  visibleTo,
} from './visibility-sql.js';

/** Named as Prisma names them, so that one `fromRow` serves both ways of reading. */
export const MODEL_COLUMNS = `m.id, m.tenant_id AS "tenantId", m.owner_slug AS "ownerSlug", m.name, m.summary,
  m.licence, m.tags, m.task, m.visibility, m.public_access AS "publicAccess",
  m.last_version_number AS "lastVersionNumber", m.archived_at AS "archivedAt",
  m.created_at AS "createdAt", m.updated_at AS "updatedAt"`;

export interface ModelRow {
  readonly id: string;
  readonly tenantId: string;
  readonly ownerSlug: string;
  readonly name: string;
  readonly summary: string;
  readonly card?: string;
  readonly licence: string | null;
  readonly tags: string[];
  readonly task: string | null;
  readonly visibility: string;
  readonly publicAccess: string;
  readonly lastVersionNumber: number;
  readonly archivedAt: Date | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  /** Only where `GRANT_RIGHTS_COLUMN` was read. */
  readonly grant_rights?: string[];
  /** Only where `IS_SUBSCRIBED_COLUMN` was read. */
  readonly is_subscribed?: boolean;
}

/** The casts hold because of the table's checks models_visibility, models_public_access and grants_rights. */
export function fromRow(row: ModelRow): Model {
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
    visibility: row.visibility as Visibility,
    publicAccess: row.publicAccess as Right,
    lastVersionNumber: row.lastVersionNumber,
    archivedAt: row.archivedAt,
    createdAt: row.createdAt,
    updatedAt: row.updatedAt,
    grantRights: (row.grant_rights ?? []) as Right[],
    isSubscribed: row.is_subscribed ?? false,
  };
}

const VISIBLE_MODELS = `SELECT ${MODEL_COLUMNS}, m.card, ${GRANT_RIGHTS_COLUMN}, ${IS_SUBSCRIBED_COLUMN}
  FROM models m ${grantInForceJoin('$1')} ${subscriptionInForceJoin('$1')}`;

/** The visible ones among the ids, in any order, with their cards. */
export async function findVisibleModels(
  query: SqlQuery,
  tenantId: string,
  readsForTenant: boolean,
  ids: readonly string[],
): Promise<Model[]> {
  const rows = await query<ModelRow>(
    `${VISIBLE_MODELS} WHERE m.id = ANY ($2::text[]) AND ${visibleTo('$1', readsForTenant)}`,
    [tenantId, ids],
  );
  return rows.map(fromRow);
}

/** The model of that full name, if visible. */
export async function findVisibleModelByName(
  query: SqlQuery,
  tenantId: string,
  readsForTenant: boolean,
  ownerSlug: string,
  name: string,
): Promise<Model | null> {
  const rows = await query<ModelRow>(
    `${VISIBLE_MODELS} WHERE m.owner_slug = $2 AND m.name = $3 AND ${visibleTo('$1', readsForTenant)}`,
    [tenantId, ownerSlug, name],
  );
  return rows[0] === undefined ? null : fromRow(rows[0]);
}

/** A model of the tenant's own, archived or not. */
export async function findOwnModel(tx: Tx, tenantId: string, modelId: string): Promise<Model | null> {
  const row = await tx.model.findFirst({ where: { id: modelId, tenantId } });
  return row === null ? null : fromRow(row);
}

/**
 * The same, locked until the transaction ends, so that what is decided about it stays true. Does not
 * wait for, nor block, rows that merely refer to the model.
 */
export async function lockOwnModel(tx: Tx, tenantId: string, modelId: string): Promise<Model | null> {
  await tx.$queryRaw`SELECT id FROM models WHERE id = ${modelId} AND tenant_id = ${tenantId} FOR NO KEY UPDATE`;
  return findOwnModel(tx, tenantId, modelId);
}

/**
 * Takes the next version number of a model of the tenant's own and marks the model as changed. The row
 * stays locked until the transaction ends, so numbers have no gaps (a rollback gives it back) and no
 * doubles. `null`: no such model of the tenant, or archived.
 */
export async function claimNextVersionNumber(
  tx: Tx,
  tenantId: string,
  modelId: string,
): Promise<number | null> {
  const rows = await tx.$queryRaw<{ number: number }[]>`
    UPDATE models SET last_version_number = last_version_number + 1, updated_at = clock_timestamp()
    WHERE id = ${modelId} AND tenant_id = ${tenantId} AND archived_at IS NULL
    RETURNING last_version_number AS number`;
  return rows[0]?.number ?? null;
}

/** What is said about a model, and who can find it. */
export interface ModelProfile {
  readonly summary: string;
  readonly card: string;
  readonly licence: string | null;
  readonly tags: readonly string[];
  readonly task: string | null;
  readonly visibility: Visibility;
  readonly publicAccess: Right;
}

export interface NewModel extends ModelProfile {
  readonly id: string;
  readonly name: string;
  readonly createdAt: Date;
}

/** `null` when the name is taken; waits for another transaction that is just taking it. */
export async function insertModel(tx: Tx, tenantId: string, model: NewModel): Promise<Model | null> {
  const { slug } = await tx.tenant.findUniqueOrThrow({ where: { id: tenantId }, select: { slug: true } });
  const { tags, ...rest } = model;
  const rows = await tx.model.createManyAndReturn({
    data: [{ ...rest, tags: [...tags], tenantId, ownerSlug: slug, updatedAt: model.createdAt }],
    skipDuplicates: true,
  });
  return rows[0] === undefined ? null : fromRow(rows[0]);
}

/** Writes the changed fields. The caller holds the row's lock. */
export async function updateModel(
  tx: Tx,
  tenantId: string,
  modelId: string,
  change: Partial<ModelProfile> & { readonly archivedAt?: Date | null; readonly updatedAt: Date },
): Promise<Model> {
  const { tags, ...rest } = change;
  const row = await tx.model.update({
    where: { id: modelId, tenantId },
    data: tags === undefined ? rest : { ...rest, tags: [...tags] },
  });
  return fromRow(row);
}

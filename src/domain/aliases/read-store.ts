/** Reading aliases as far as the reader sees their models. Requests are the owner's only. */
import type { SqlQuery } from '../../database/index.js';
import type { PageRequest } from '../../lib/page.js';
import { grantInForceJoin, visibleTo } from '../catalog/index.js';
import type { Alias, AliasMove, AliasRequest } from './alias.js';
import {
  aliasFromRow,
  moveFromRow,
  requestFromRow,
  type AliasRow,
  type MoveRow,
  type RequestRow,
} from './rows.js';

/** For whom something is read: its tenant, and whether the actor may read what is not for everybody. */
export interface Reader {
  readonly tenantId: string;
  readonly readsForTenant: boolean;
}

const ALIAS = `a.model_id AS "modelId", a.tenant_id AS "tenantId", a.name, a.version_id AS "versionId",
  a.is_protected AS "isProtected", a.revision, a.moved_at AS "movedAt"`;

const MOVE = `a.model_id AS "modelId", a.tenant_id AS "tenantId", a.name, a.revision, a.kind,
  a.from_version_id AS "fromVersionId", a.to_version_id AS "toVersionId", a.reason, a.verdict, a.differences,
  a.is_override AS "isOverride", a.user_id AS "userId", a.api_key_id AS "apiKeyId", a.request_id AS "requestId",
  a.alias_request_id AS "aliasRequestId", a.approved_by AS "approvedBy", a.created_at AS "createdAt"`;

const REQUEST = `a.id, a.model_id AS "modelId", a.tenant_id AS "tenantId", a.name, a.action, a.status, a.revision,
  a.from_version_id AS "fromVersionId", a.to_version_id AS "toVersionId", a.reason, a.verdict, a.differences,
  a.is_override AS "isOverride", a.user_id AS "userId", a.api_key_id AS "apiKeyId", a.request_id AS "requestId",
  a.approved_by AS "approvedBy", a.decided_by_user_id AS "decidedByUserId",
  a.decided_by_api_key_id AS "decidedByApiKeyId", a.decision_reason AS "decisionReason", a.created_at AS "createdAt",
  a.decided_at AS "decidedAt"`;

/** `aliases a` or `alias_moves a` with their model `m`, as far as the reader may see it. The tenant is `$1`. */
function visible(table: 'aliases' | 'alias_moves', reader: Reader): string {
  return `FROM ${table} a JOIN models m ON m.id = a.model_id ${grantInForceJoin('$1')}
    WHERE ${visibleTo('$1', reader.readsForTenant)}`;
}

/** All of the models', by name. */
export async function findAliases(
  query: SqlQuery,
  reader: Reader,
  modelIds: readonly string[],
): Promise<Alias[]> {
  const rows = await query<AliasRow>(
    `SELECT ${ALIAS} ${visible('aliases', reader)} AND a.model_id = ANY ($2) ORDER BY a.name COLLATE "C"`,
    [reader.tenantId, modelIds],
  );
  return rows.map(aliasFromRow);
}

export async function findAlias(
  query: SqlQuery,
  reader: Reader,
  modelId: string,
  name: string,
): Promise<Alias | null> {
  const [row] = await query<AliasRow>(
    `SELECT ${ALIAS} ${visible('aliases', reader)} AND a.model_id = $2 AND a.name = $3`,
    [reader.tenantId, modelId, name],
  );
  return row === undefined ? null : aliasFromRow(row);
}

/** As the last move up to that instant left it; `null` before the first one, and while it was deleted. */
export async function findAliasAt(
  query: SqlQuery,
  reader: Reader,
  modelId: string,
  name: string,
  at: Date,
): Promise<Alias | null> {
  const [row] = await query<Omit<AliasRow, 'versionId'> & { versionId: string | null }>(
    `SELECT a.model_id AS "modelId", a.tenant_id AS "tenantId", a.name, a.to_version_id AS "versionId",
       coalesce((SELECT n.is_protected FROM aliases n WHERE n.model_id = a.model_id AND n.name = a.name), false)
         AS "isProtected", a.revision, a.created_at AS "movedAt"
     ${visible('alias_moves', reader)} AND a.model_id = $2 AND a.name = $3 AND a.created_at <= $4
     ORDER BY a.revision DESC LIMIT 1`,
    [reader.tenantId, modelId, name, at],
  );
  if (row === undefined || row.versionId === null) return null;
  return aliasFromRow({ ...row, versionId: row.versionId });
}

/** Newest first, one more than asked for. The key is time, name and revision. @param name `null`: all names */
export async function listMoves(
  query: SqlQuery,
  reader: Reader,
  modelId: string,
  name: string | null,
  page: PageRequest,
): Promise<AliasMove[]> {
  const [createdAt = null, afterName = null, revision = null] = page.after ?? [];
  const rows = await query<MoveRow>(
    `SELECT ${MOVE} ${visible('alias_moves', reader)} AND a.model_id = $2 AND ($3::text IS NULL OR a.name = $3)
       AND ($4::timestamptz IS NULL OR (a.created_at, a.name, a.revision) < ($4, $5, $6::int))
     ORDER BY a.created_at DESC, a.name DESC, a.revision DESC LIMIT $7`,
    [reader.tenantId, modelId, name, createdAt, afterName, revision, page.first + 1],
  );
  return rows.map(moveFromRow);
}

export async function findRequests(
  query: SqlQuery,
  tenantId: string,
  ids: readonly string[],
): Promise<AliasRequest[]> {
  const rows = await query<RequestRow>(
    `SELECT ${REQUEST} FROM alias_requests a WHERE a.tenant_id = $1 AND a.id = ANY ($2)`,
    [tenantId, ids],
  );
  return rows.map(requestFromRow);
}

/** Those that wait, of the models. */
export async function findPendingRequests(
  query: SqlQuery,
  tenantId: string,
  modelIds: readonly string[],
): Promise<AliasRequest[]> {
  const rows = await query<RequestRow>(
    `SELECT ${REQUEST} FROM alias_requests a
     WHERE a.tenant_id = $1 AND a.model_id = ANY ($2) AND a.status = 'PENDING' ORDER BY a.id`,
    [tenantId, modelIds],
  );
  return rows.map(requestFromRow);
}

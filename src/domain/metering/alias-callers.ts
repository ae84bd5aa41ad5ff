/**
 * Who used an alias lately, for whoever is about to move it: read from the ledger by the index `usage_events_by_alias`, in
 * which a charge is once it is folded. A caller is a tenant with one of its keys, or with its signed-in people together.
 *
 * Crosses tenants, so what it shows was weighed. The publisher learns of each caller the tenant (its slug is public), how
 * often, when last, and the id of the key: enough to say "your key key_… still calls this", and worthless to anybody else.
 * It does not learn names, prefixes or people: how another tenant calls its keys and who works there is its own business.
 */
import type { Transactions } from '../../database/index.js';
import { kindOfId } from '../../lib/ids.js';
import type { Page, PageRequest } from '../../lib/page.js';

/** How far back. */
export const CALLERS_WITHIN_DAYS = 30;
/** A caller's predictions are counted up to this: counting costs a step for each. */
export const MAX_COUNTED = 10_000;
/** Callers that one list can hold. */
const MAX_CALLERS = 10_000;

export interface AliasCaller {
  readonly tenantId: string;
  /** `null`: signed-in users. */
  readonly apiKeyId: string | null;
  readonly lastUsedAt: Date;
  /** Since `CALLERS_WITHIN_DAYS` ago; at most `MAX_COUNTED`. */
  readonly predictions: number;
}

export interface AliasCallerPage {
  readonly page: Page<AliasCaller>;
  /** Of all pages; at most `MAX_CALLERS`. */
  readonly totalCount: number;
}

export interface AliasCallers {
  /** Last used first, one more than asked for. */
  readonly rows: readonly AliasCaller[];
  readonly totalCount: number;
}

/**
 * The key, or nothing for signed-in users: a caller has one place in the index. As the index has it, to the letter. (Not
 * `coalesce`, which PostgreSQL takes for something that might leak, and so does not look for under row-level security.)
 */
const KEY = `(CASE WHEN u.api_key_id IS NULL THEN '' ELSE u.api_key_id END)`;

/**
 * Each caller that ever was is one step in the index (a "loose index scan"), and its last use another. Only those that
 * are shown are counted. Exported for its test.
 */
export const CALLERS = `
  WITH RECURSIVE steps AS (
    (SELECT u.tenant_id, ${KEY} AS key FROM usage_events u
     WHERE u.model_id = $1 AND u.alias = $2 AND u.owner_tenant_id = $8
     ORDER BY u.tenant_id, ${KEY} LIMIT 1)
    UNION ALL
    SELECT n.tenant_id, n.key FROM steps s CROSS JOIN LATERAL (
      SELECT u.tenant_id, ${KEY} AS key FROM usage_events u
      WHERE u.model_id = $1 AND u.alias = $2 AND (u.tenant_id, ${KEY}) > (s.tenant_id, s.key)
      ORDER BY u.tenant_id, ${KEY} LIMIT 1
    ) n
  ), callers AS MATERIALIZED (
    SELECT s.tenant_id, s.key, l.last_used_at FROM (SELECT * FROM steps LIMIT ${MAX_CALLERS}) s CROSS JOIN LATERAL (
      SELECT u.created_at AS last_used_at FROM usage_events u
      WHERE u.model_id = $1 AND u.alias = $2 AND u.tenant_id = s.tenant_id AND ${KEY} = s.key
        AND u.created_at >= $3
      ORDER BY u.created_at DESC LIMIT 1
    ) l
  ), shown AS MATERIALIZED (
    SELECT * FROM callers c
    WHERE $4::timestamptz IS NULL OR (c.last_used_at, c.tenant_id, c.key) < ($4, $5, $6)
    ORDER BY c.last_used_at DESC, c.tenant_id DESC, c.key DESC LIMIT $7
  )
  SELECT s.tenant_id AS "tenantId", nullif(s.key, '') AS "apiKeyId", s.last_used_at AS "lastUsedAt",
    n.predictions::int AS predictions, t."totalCount"
  FROM (SELECT count(*)::int AS "totalCount" FROM callers) t LEFT JOIN shown s ON true LEFT JOIN LATERAL (
    SELECT count(*) AS predictions FROM (
      SELECT 1 FROM usage_events u
      WHERE u.model_id = $1 AND u.alias = $2 AND u.tenant_id = s.tenant_id AND ${KEY} = s.key
        AND u.created_at >= $3
      LIMIT ${MAX_COUNTED}
    ) counted
  ) n ON true
  ORDER BY s.last_used_at DESC, s.tenant_id DESC, s.key DESC`;

/**
 * For this transaction. Where statistics are older than an alias, the planner takes it for one that hardly anybody uses,
 * and would read and sort all of its events at each step.
 */
export const IN_STEPS = `SELECT set_config('enable_sort', 'off', true), set_config('enable_bitmapscan', 'off', true),
  set_config('enable_seqscan', 'off', true)`;

/** One row without a caller where the page is empty. */
type Row = Omit<AliasCaller, 'tenantId'> & { readonly tenantId: string | null; readonly totalCount: number };

/**
 * Callers of an alias of one of the owner's models, of all tenants. Of other owners' models there is nothing to see: the
 * statement asks for the owner, and so does the policy `usage_events_of_owner`.
 */
export async function readAliasCallersAcrossTenants(
  database: Transactions,
  ownerTenantId: string,
  { modelId, alias, since }: { readonly modelId: string; readonly alias: string; readonly since: Date },
  page: PageRequest,
): Promise<AliasCallers> {
  const [lastUsedAt = null, tenantId = null, key = null] = page.after ?? [];
  const parameters = [modelId, alias, since, lastUsedAt, tenantId, key, page.first + 1, ownerTenantId];
  const rows = await database.sql({ tenantId: ownerTenantId, acrossTenants: true }, async (query) => {
    await query(IN_STEPS, []);
    return query<Row>(CALLERS, parameters);
  });
  return {
    rows: rows.flatMap(({ tenantId: caller, apiKeyId, lastUsedAt: last, predictions }) =>
      caller === null ? [] : [{ tenantId: caller, apiKeyId, lastUsedAt: last, predictions }],
    ),
    totalCount: rows[0]?.totalCount ?? 0,
  };
}

export function cursorKey({ lastUsedAt, tenantId, apiKeyId }: AliasCaller): readonly string[] {
  return [lastUsedAt.toISOString(), tenantId, apiKeyId ?? ''];
}

/** A cursor is a client's text: a forged one must not reach the database with a time that it cannot read. */
export function isCursorKey([lastUsedAt, tenantId, key]: readonly (string | number)[]): boolean {
  if (typeof lastUsedAt !== 'string' || typeof tenantId !== 'string' || typeof key !== 'string') return false;
  const time = new Date(lastUsedAt);
  const isTime =
    !Number.isNaN(time.getTime()) && time.toISOString() === lastUsedAt && lastUsedAt.length === 24;
  return isTime && kindOfId(tenantId) === 'tenant' && (key === '' || kindOfId(key) === 'apiKey');
}

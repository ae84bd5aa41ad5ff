/** Closed statements, and what a closing writes. */
import type { SqlQuery } from '../../database/index.js';
import type { Period } from '../metering/index.js';
import { exact, type Statement, type StatementLine } from './statement.js';

/** A closed statement without its lines. */
export interface FrozenStatement extends Pick<Statement, 'periodStart' | 'currency' | 'amountMicros'> {
  readonly id: string;
  readonly number: number;
  readonly closedAt: Date;
}

type Row = Omit<FrozenStatement, 'amountMicros'> & { readonly amountMicros: string };

const SELECT = `SELECT s.id, s.number, s.period_start AS "periodStart", s.currency, s.closed_at AS "closedAt",
    s.amount_micros::text AS "amountMicros" FROM statements s WHERE s.tenant_id = $1`;

function fromRow(row: Row): FrozenStatement {
  return { ...row, amountMicros: exact(row.amountMicros) };
}

/** Those before a month and currency, the newest first. */
export async function listFrozen(
  query: SqlQuery,
  tenantId: string,
  before: { readonly month: Date; readonly currency: string } | null,
  limit: number,
): Promise<FrozenStatement[]> {
  const rows = await query<Row>(
    `${SELECT} AND ($2::timestamptz IS NULL OR (s.period_start, s.currency) < ($2::timestamptz, $3::text))
     ORDER BY s.period_start DESC, s.currency DESC LIMIT $4`,
    [tenantId, before?.month ?? null, before?.currency ?? null, limit],
  );
  return rows.map(fromRow);
}

export async function findFrozen(
  query: SqlQuery,
  tenantId: string,
  month: Period,
  currency: string,
): Promise<FrozenStatement | null> {
  const [row] = await query<Row>(`${SELECT} AND s.period_start = $2::timestamptz AND s.currency = $3`, [
    tenantId,
    month.start,
    currency,
  ]);
  return row === undefined ? null : fromRow(row);
}

/** Until the transaction ends, nobody else closes a month of the tenant, and nobody leases units in any. */
export async function lockStatements(query: SqlQuery, tenantId: string): Promise<void> {
  await query(
    `SELECT 1 AS locked FROM pg_advisory_xact_lock(hashtextextended('statements ' || $1::text, 0))`,
    [tenantId],
  );
}

/** Whether the month is closed, and whether units of it, or of one before, are still leased. Under the lock. */
export async function stateOfMonth(
  query: SqlQuery,
  tenantId: string,
  month: Period,
): Promise<{ readonly isClosed: boolean; readonly isLeased: boolean }> {
  const [state] = await query<{ isClosed: boolean; isLeased: boolean }>(
    `SELECT EXISTS (
         SELECT 1 FROM statement_closings c WHERE c.tenant_id = $1 AND c.period_start >= $2::timestamptz
       ) AS "isClosed", EXISTS (
         SELECT 1 FROM quota_leases l WHERE l.tenant_id = $1 AND l.period_start <= $2::timestamptz
       ) AS "isLeased"`,
    [tenantId, month.start],
  );
  if (state === undefined) throw new Error('A SELECT without FROM has a row.');
  return state;
}

export async function insertClosing(
  query: SqlQuery,
  tenantId: string,
  month: Period,
  closedAt: Date,
): Promise<void> {
  await query(
    'INSERT INTO statement_closings (tenant_id, period_start, closed_at) VALUES ($1, $2::timestamptz, $3::timestamptz)',
    [tenantId, month.start, closedAt],
  );
}

/** Numbers it as the next one of its tenant. Under the lock, so without gaps or doubles. */
export async function insertStatement(
  query: SqlQuery,
  tenantId: string,
  statement: Omit<FrozenStatement, 'number'>,
  lines: readonly StatementLine[],
  correctionIds: ReadonlyMap<string, string>,
): Promise<void> {
  const { id, periodStart, currency, amountMicros, closedAt } = statement;
  await query(
    `INSERT INTO statements (id, tenant_id, number, period_start, currency, amount_micros, closed_at)
     SELECT $1, $2, coalesce(max(s.number), 0) + 1, $3::timestamptz, $4, $5::bigint, $6::timestamptz
     FROM statements s WHERE s.tenant_id = $2`,
    [id, tenantId, periodStart, currency, String(amountMicros), closedAt],
  );
  await query(
    `INSERT INTO statement_lines (statement_id, position, tenant_id, owner_tenant_id, period_start, currency, kind,
       for_period_start, subscription_id, plan_id, plan_name, model_id, model_name, predictions, free_predictions, rows,
       compute_us, amount_micros)
     SELECT $1, l.position, $2, l."ownerTenantId", $3::timestamptz, $4, l.kind, l."forPeriodStart", l."subscriptionId",
       l."planId", l."planName", l."modelId", l."modelName", l.predictions, l."freePredictions", l.rows, l."computeUs",
       l."amountMicros"
     FROM jsonb_to_recordset($5::jsonb) AS l(position INTEGER, "ownerTenantId" TEXT, kind TEXT, "forPeriodStart" TIMESTAMPTZ,
       "subscriptionId" TEXT, "planId" TEXT, "planName" TEXT, "modelId" TEXT, "modelName" TEXT, predictions BIGINT,
       "freePredictions" BIGINT, rows BIGINT, "computeUs" BIGINT, "amountMicros" BIGINT)`,
    [
      id,
      tenantId,
      periodStart,
      currency,
      JSON.stringify(lines.map((line, position) => ({ ...line, position }))),
    ],
  );
  await query(
    `INSERT INTO billed_corrections (event_id, tenant_id, owner_tenant_id, statement_id)
     SELECT e.key, $2, e.value, $1 FROM jsonb_each_text($3::jsonb) AS e`,
    [id, tenantId, JSON.stringify(Object.fromEntries(correctionIds))],
  );
}

/**
 * What the frozen statements of a month differ by from the ledger, by currency: the events of the month, and the
 * corrections of earlier ones that they hold. Read anew from both, so that nothing that the closing did is trusted.
 */
export async function findDifferences(
  query: SqlQuery,
  tenantId: string,
  month: Period,
): Promise<{ readonly currency: string }[]> {
  return query<{ currency: string }>(
    `WITH ledger AS (
       SELECT u.currency, sum(u.cost_micros) AS micros FROM (
         SELECT u.currency, u.cost_micros FROM usage_ledger u
         WHERE u.tenant_id = $1 AND u.period_start = $2::timestamptz AND u.cost_micros <> 0
         UNION ALL
         SELECT u.currency, u.cost_micros FROM billed_corrections b
         JOIN statements s ON s.id = b.statement_id
         JOIN usage_ledger u ON u.id = b.event_id AND u.tenant_id = b.tenant_id AND u.kind <> 'PREDICTION'
         WHERE b.tenant_id = $1 AND s.period_start = $2::timestamptz AND u.period_start < $2::timestamptz
       ) u GROUP BY u.currency
     ), frozen AS (
       SELECT s.currency, s.amount_micros, (
         SELECT coalesce(sum(l.amount_micros), 0) FROM statement_lines l WHERE l.statement_id = s.id
       ) AS lines FROM statements s WHERE s.tenant_id = $1 AND s.period_start = $2::timestamptz
     )
     SELECT coalesce(l.currency, f.currency) AS currency
     FROM ledger l FULL JOIN frozen f ON f.currency = l.currency
     WHERE coalesce(l.micros, 0) <> coalesce(f.amount_micros, 0) OR coalesce(f.amount_micros, 0) <> coalesce(f.lines, 0)`,
    [tenantId, month.start],
  );
}

export interface Unclosed {
  readonly tenantId: string;
  /** When it first subscribed to anything. */
  readonly since: Date;
  /** Start of the last month that is closed; `null`: none is. */
  readonly closed: Date | null;
}

/** A server whose clock is behind may have charged to a month that ends before another's made the first subscription. */
export const CLOCKS_APART_MS = 2 * 86_400_000;

/** Tenants that have, or had, a subscription, and months that are not closed up to the given one; by id. */
export function listUnclosedAcrossTenants(
  query: SqlQuery,
  through: Period,
  after: string,
  limit: number,
): Promise<Unclosed[]> {
  return query<Unclosed>(
    `SELECT s.tenant_id AS "tenantId", min(s.created_at) AS since, (
         SELECT max(c.period_start) FROM statement_closings c WHERE c.tenant_id = s.tenant_id
       ) AS closed
     FROM subscriptions s
     WHERE s.tenant_id > $2 AND NOT EXISTS (
       SELECT 1 FROM statement_closings c WHERE c.tenant_id = s.tenant_id AND c.period_start >= $1::timestamptz
     )
     GROUP BY s.tenant_id HAVING min(s.created_at) < $4::timestamptz ORDER BY s.tenant_id LIMIT $3`,
    [through.start, after, limit, new Date(through.end.getTime() + CLOCKS_APART_MS)],
  );
}

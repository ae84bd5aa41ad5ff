/**
 * Lines of open months, as the ledger stands now, and of closed ones, as they were frozen. An event is on one line of one
 * statement: a prediction on that of its month; a correction on that of its month, or, where that was closed when it came,
 * on the first open one.
 */
import type { SqlQuery } from '../../database/index.js';
import type { Period } from '../metering/index.js';
import { exact, type EarningsLine, type StatementLine } from './statement.js';

interface Row extends Omit<
  StatementLine,
  'predictions' | 'freePredictions' | 'rows' | 'computeUs' | 'amountMicros'
> {
  readonly predictions: string;
  readonly freePredictions: string;
  readonly rows: string;
  readonly computeUs: string;
  readonly amountMicros: string;
}

interface OpenRow extends Row {
  readonly eventIds: string[] | null;
}

/** A line that may be frozen, with the corrections in it. */
export interface OpenLine {
  readonly line: StatementLine;
  /** Empty for predictions: they are known by their month. */
  readonly correctionIds: readonly string[];
}

const BILLABLE = `u.tenant_id, u.owner_tenant_id, u.currency, u.subscription_id, u.model_id, u.model_name,
  u.id, u.units, u.rows, u.compute_us, u.cost_micros`;

/** @param side whose lines: what the tenant owes, or what it earns */
const openLinesOf = (side: 'tenant_id' | 'owner_tenant_id') => `
  WITH closed AS (
    SELECT c.tenant_id, (max(c.period_start) AT TIME ZONE 'UTC' + INTERVAL '1 month') AT TIME ZONE 'UTC' AS first_open
    FROM statement_closings c ${side === 'tenant_id' ? 'WHERE c.tenant_id = $1' : ''} GROUP BY c.tenant_id
  ), billable AS (
    SELECT 'PREDICTIONS' AS kind, u.period_start AS on_month, u.period_start AS for_month, ${BILLABLE}
    FROM usage_ledger u LEFT JOIN closed c ON c.tenant_id = u.tenant_id
    WHERE u.${side} = $1 AND u.subscription_id IS NOT NULL AND u.kind = 'PREDICTION'
      AND u.period_start >= $2::timestamptz AND u.period_start < $3::timestamptz
      AND (c.first_open IS NULL OR u.period_start >= c.first_open)
    UNION ALL
    SELECT 'CORRECTIONS', greatest(u.period_start, c.first_open), u.period_start, ${BILLABLE}
    FROM usage_ledger u LEFT JOIN closed c ON c.tenant_id = u.tenant_id
    WHERE u.${side} = $1 AND u.subscription_id IS NOT NULL AND u.kind <> 'PREDICTION'
      AND u.period_start < $3::timestamptz
      AND greatest(u.period_start, c.first_open) >= $2::timestamptz
      AND greatest(u.period_start, c.first_open) < $3::timestamptz
      AND NOT EXISTS (SELECT 1 FROM billed_corrections b WHERE b.event_id = u.id)
  ), lines AS (
    SELECT kind, on_month, for_month, tenant_id, owner_tenant_id, currency, subscription_id, model_id,
      max(model_name) AS model_name, sum(units) AS units,
      coalesce(sum(units) FILTER (WHERE kind = 'PREDICTIONS' AND cost_micros = 0), 0) AS free,
      sum(rows) AS rows, sum(compute_us) AS compute_us, sum(cost_micros) AS cost_micros,
      array_agg(id) FILTER (WHERE kind = 'CORRECTIONS') AS ids
    FROM billable
    GROUP BY kind, on_month, for_month, tenant_id, owner_tenant_id, currency, subscription_id, model_id
  )
  SELECT l.kind, l.on_month AS "periodStart", l.for_month AS "forPeriodStart", l.tenant_id AS "tenantId",
    l.owner_tenant_id AS "ownerTenantId", l.currency, l.subscription_id AS "subscriptionId", p.id AS "planId",
    p.name AS "planName", l.model_id AS "modelId", l.model_name AS "modelName", l.units::text AS predictions,
    l.free::text AS "freePredictions", l.rows::text AS rows, l.compute_us::text AS "computeUs",
    l.cost_micros::text AS "amountMicros", l.ids AS "eventIds"
  FROM lines l LEFT JOIN subscriptions s ON s.id = l.subscription_id LEFT JOIN plans p ON p.id = s.plan_id`;

const OWED = openLinesOf('tenant_id');
const EARNED = openLinesOf('owner_tenant_id');

const FROZEN = `SELECT l.kind, l.period_start AS "periodStart", l.for_period_start AS "forPeriodStart",
    l.tenant_id AS "tenantId", l.owner_tenant_id AS "ownerTenantId", l.currency, l.subscription_id AS "subscriptionId",
    l.plan_id AS "planId", l.plan_name AS "planName", l.model_id AS "modelId", l.model_name AS "modelName",
    l.predictions::text AS predictions, l.free_predictions::text AS "freePredictions", l.rows::text AS rows,
    l.compute_us::text AS "computeUs", l.amount_micros::text AS "amountMicros", l.statement_id AS "statementId"
  FROM statement_lines l`;

/** What the tenant owes for months that are open. @param months those that begin in the span */
export async function readOpenLines(query: SqlQuery, tenantId: string, months: Period): Promise<OpenLine[]> {
  const rows = await query<OpenRow>(OWED, [tenantId, months.start, months.end]);
  return rows.map(({ eventIds, ...row }) => ({ line: lineFromRow(row), correctionIds: eventIds ?? [] }));
}

/** The lines of closed statements, by the statement's id, in their order. */
export async function readFrozenLines(
  query: SqlQuery,
  tenantId: string,
  statementIds: readonly string[],
): Promise<ReadonlyMap<string, readonly StatementLine[]>> {
  const rows = await query<Row & { readonly statementId: string }>(
    `${FROZEN} WHERE l.tenant_id = $1 AND l.statement_id = ANY ($2::text[]) ORDER BY l.statement_id, l.position`,
    [tenantId, statementIds],
  );
  const byStatement = new Map<string, StatementLine[]>(statementIds.map((id) => [id, []]));
  for (const { statementId, ...row } of rows) byStatement.get(statementId)?.push(lineFromRow(row));
  return byStatement;
}

/**
 * What others owe for a tenant's models on their statements of one month. The transaction acts across tenants, for the owner:
 * row-level security then shows lines and events about its models, and no others.
 */
export async function readEarningsLinesAcrossTenants(
  query: SqlQuery,
  tenantId: string,
  month: Period,
): Promise<EarningsLine[]> {
  const open = await query<OpenRow>(EARNED, [tenantId, month.start, month.end]);
  const frozen = await query<Row & { readonly statementId: string }>(
    `${FROZEN} WHERE l.owner_tenant_id = $1 AND l.period_start = $2::timestamptz`,
    [tenantId, month.start],
  );
  return [
    ...open.map(({ eventIds: _, ...row }): EarningsLine => ({ status: 'OPEN', line: lineFromRow(row) })),
    ...frozen.map(({ statementId: _, ...row }): EarningsLine => ({
      status: 'CLOSED',
      line: lineFromRow(row),
    })),
  ];
}

function lineFromRow(row: Row): StatementLine {
  return {
    ...row,
    predictions: exact(row.predictions),
    freePredictions: exact(row.freePredictions),
    rows: exact(row.rows),
    computeUs: exact(row.computeUs),
    amountMicros: exact(row.amountMicros),
  };
}

/**
 * Sums over the ledger, by one statement and so in one snapshot: whole days from the sums of days, whole hours from those
 * of hours, what is not folded into them yet from the deltas, and the minutes at the two ends from the events. An event
 * lies in the month that was charged (the database checks it), so a report over a calendar month and the quota of that
 * month are the same number.
 */
import type { Transactions } from '../../database/index.js';
import { refuse, ok, type Result } from '../../lib/result.js';
import { invalid, type InvalidUsageInput } from './errors.js';
import type { UsageDimension, UsageGranularity, UsageReport, UsageRow, UsageSum } from './ledger.js';
import { periodOf } from './quota.js';
import { isEmpty, piecesOf, type Span } from './usage-span.js';

export const MAX_USAGE_ROWS = 10_000;

interface Grouping {
  readonly expressions: readonly string[];
  readonly columns: readonly string[];
}

// Whitelisted texts: nothing here comes from a caller.
const MODEL_COLUMNS = ['model_id AS "modelId"', 'max(model_name) AS model'];
const GROUPINGS: Readonly<Record<UsageDimension, Grouping>> = {
  MODEL: { expressions: ['model_id'], columns: MODEL_COLUMNS },
  VERSION: {
    expressions: ['model_id', 'version_id', 'version_number'],
    columns: [...MODEL_COLUMNS, 'version_id AS "versionId"', 'version_number AS "versionNumber"'],
  },
  API_KEY: { expressions: ['api_key_id'], columns: ['api_key_id AS "apiKeyId"'] },
};
const KEYS = 'model_id, model_name, version_id, version_number, api_key_id, currency';
const MEASURES = 'predictions, rows, bytes, compute_us, cost_micros';

const SUMMED = MEASURES.split(', ')
  .map((measure) => `sum(${measure})::bigint AS ${measure}`)
  .join(', ');

/**
 * What is rolled up, series by series: each is a few neighbouring rows. Summed there already where that leaves fewer.
 * $1 tenant; $2-$7 days, and the hours before and after them.
 */
function rolled(bucketOf: (at: string) => string, isMany: boolean): string {
  return [
    ['usage_days', '$2', '$3'],
    ['usage_hours', '$4', '$5'],
    ['usage_hours', '$6', '$7'],
  ]
    .map(([table, from, to]) => {
      const rows = `FROM ${table} u
        WHERE u.series_id = m.id AND u.tenant_id = $1 AND u.period_start >= ${from} AND u.period_start < ${to}`;
      const sums = isMany
        ? `SELECT ${bucketOf('period_start')} AS bucket, ${SUMMED} ${rows} GROUP BY 1`
        : `SELECT ${bucketOf('period_start')} AS bucket, ${MEASURES} ${rows}`;
      return `SELECT ${KEYS}, bucket, ${MEASURES} FROM mine m CROSS JOIN LATERAL (${sums}) r`;
    })
    .join(' UNION ALL ');
}

/** $8, $9 all whole hours; $10-$12, $13-$15 the two ends, each with its month. */
const UNROLLED = `
  SELECT ${KEYS}, hour AS at, ${MEASURES} FROM usage_deltas
  WHERE tenant_id = $1 AND hour >= $8 AND hour < $9
  UNION ALL
  SELECT ${KEYS}, created_at, units, rows, bytes, compute_us, cost_micros FROM usage_events
  WHERE tenant_id = $1 AND created_at >= $10 AND created_at < $11 AND period_start = $12
  UNION ALL
  SELECT ${KEYS}, created_at, units, rows, bytes, compute_us, cost_micros FROM usage_events
  WHERE tenant_id = $1 AND created_at >= $13 AND created_at < $14 AND period_start = $15`;

const SUMS = `coalesce(sum(predictions), 0)::float8 AS predictions, coalesce(sum(rows), 0)::float8 AS rows,
  coalesce(sum(bytes), 0)::float8 AS bytes, coalesce(sum(compute_us), 0)::float8 AS "computeUs",
  coalesce(array_agg(currency) FILTER (WHERE currency IS NOT NULL), '{}') AS currencies,
  coalesce(array_agg(cost_micros::float8) FILTER (WHERE currency IS NOT NULL), '{}') AS "costMicros"`;

interface Sums {
  readonly predictions: number;
  readonly rows: number;
  readonly bytes: number;
  readonly computeUs: number;
  readonly currencies: readonly string[];
  readonly costMicros: readonly number[];
}
type Row = Partial<Omit<UsageRow, 'sum'>> & Sums & { readonly isTotal: boolean; readonly isRetired: boolean };

const NO_GROUP: Omit<UsageRow, 'sum'> = {
  model: null,
  modelId: null,
  versionNumber: null,
  versionId: null,
  apiKeyId: null,
  periodStart: null,
};

/**
 * `groupBy` holds no dimension twice. Refuses a span that begins or ends within an hour of a month whose events were
 * dropped: only their sums by hour are left.
 */
export async function readUsage(
  database: Transactions,
  tenantId: string,
  span: Span,
  groupBy: readonly UsageDimension[],
  granularity: UsageGranularity | null,
): Promise<Result<UsageReport, InvalidUsageInput>> {
  const rows = await database.single({ tenantId })<Row>(
    textOf(groupBy, granularity),
    parametersOf(tenantId, span, granularity),
  );
  const total = rows.find((row) => row.isTotal);
  if (total === undefined) throw new Error('A grand total always has a row.');
  if (total.isRetired) {
    const message =
      'Events of a month at the ends of the range were dropped by the retention of this server; only sums by hour are left of it. Let `from` and `to` be whole hours.';
    return refuse(invalid(message, ['range']));
  }
  return ok({ total: sumOf(total), rows: rows.filter((row) => !row.isTotal).map(toUsageRow) });
}

function textOf(groupBy: readonly UsageDimension[], granularity: UsageGranularity | null): string {
  const unit = granularity?.toLowerCase();
  const bucketOf = (at: string) =>
    unit === undefined ? 'NULL::timestamptz' : `date_trunc('${unit}', ${at}, 'UTC')`;
  const dimensions = [...new Set(groupBy.flatMap((dimension) => GROUPINGS[dimension].expressions))];
  const expressions = [...dimensions, ...(granularity === null ? [] : ['bucket'])];
  const columns = [
    ...new Set(groupBy.flatMap((dimension) => GROUPINGS[dimension].columns)),
    ...(granularity === null ? [] : ['bucket AS "periodStart"']),
  ];
  const names = columns.map((column) => column.split(' AS ').at(-1));
  const isMany = granularity === null || granularity === 'MONTH';
  const keys = [...expressions, 'currency'].join(', ');
  const modelName = dimensions.includes('model_id') ? 'max(model_name) AS model_name, ' : '';
  const groups =
    expressions.length === 0
      ? ''
      : `UNION ALL
    (SELECT false, false, ${columns.join(', ')}, ${SUMS} FROM cells GROUP BY ${expressions.join(', ')}
     ORDER BY predictions DESC, ${names.join(', ')} LIMIT ${MAX_USAGE_ROWS})`;
  return `
    WITH mine AS MATERIALIZED (SELECT id, ${KEYS} FROM usage_series WHERE tenant_id = $1),
    parts AS (
      ${rolled(bucketOf, isMany)}
      UNION ALL
      SELECT ${KEYS}, ${bucketOf('at')}, ${MEASURES} FROM (${UNROLLED}) u
    ), cells AS (
      SELECT ${keys}, ${modelName}${SUMMED} FROM parts GROUP BY ${keys}
    ), currencies AS (
      SELECT currency, ${SUMMED} FROM cells GROUP BY currency
    )
    SELECT true AS "isTotal",
      EXISTS (SELECT 1 FROM usage_retired_months r
        WHERE (r.period_start = $12 AND $10 < $11) OR (r.period_start = $15 AND $13 < $14)) AS "isRetired",
      ${columns.map((column, i) => `${typeOf(column)} AS ${names[i]}`).join(', ')}${columns.length > 0 ? ',' : ''} ${SUMS}
    FROM currencies
    ${groups}`;
}

/** What the column is in the row of the total. */
function typeOf(column: string): string {
  if (column.startsWith('bucket')) return 'NULL::timestamptz';
  return column.startsWith('version_number') ? 'NULL::int' : 'NULL::text';
}

function parametersOf(tenantId: string, span: Span, granularity: UsageGranularity | null): unknown[] {
  const { head, tail, hoursBefore, hoursAfter, days, whole } = piecesOf(span, granularity === 'HOUR');
  return [
    tenantId,
    ...[days, hoursBefore, hoursAfter, whole].flatMap(({ from, to }) => [from, to]),
    ...[head, tail].flatMap((end) => [end.from, end.to, isEmpty(end) ? null : periodOf(end.from).start]),
  ];
}

function toUsageRow(row: Row): UsageRow {
  const { model, modelId, versionNumber, versionId, apiKeyId, periodStart } = { ...NO_GROUP, ...row };
  return { model, modelId, versionNumber, versionId, apiKeyId, periodStart, sum: sumOf(row) };
}

function sumOf({ predictions, rows, bytes, computeUs, currencies, costMicros }: Sums): UsageSum {
  const cost = currencies.map((currency, i) => ({ amountMicros: costMicros[i] ?? 0, currency }));
  cost.sort((a, b) => (a.currency < b.currency ? -1 : 1));
  return { predictions, rows, bytes, computeMs: computeUs / 1000, cost };
}

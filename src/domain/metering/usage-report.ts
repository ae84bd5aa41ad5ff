/**
 * Sums over the ledger, by one statement and so in one snapshot: whole months, days and hours from their sums, of keys where
 * that is enough and of series where not; what is not folded into them yet from the deltas; and the minutes at the two ends
 * from the events. An event lies in the month that was charged (the database checks it), so a report over a calendar month
 * and the quota of that month are the same number.
 */
import type { Transactions } from '../../database/index.js';
import { invalidInput } from '../../lib/invalid-input.js';
import { refuse, ok, type Result } from '../../lib/result.js';
import type { InvalidUsageInput } from './errors.js';
import type { UsageDimension, UsageGranularity, UsageReport, UsageRow, UsageSum } from './ledger.js';
import { periodOf } from './quota.js';
import { isEmpty, piecesOf, type RollupUnit, type Span } from './usage-span.js';

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
const MEASURES = 'predictions, rows, bytes, compute_us, cost_micros';
const SUMMED = MEASURES.split(', ')
  .map((measure) => `sum(${measure})::bigint AS ${measure}`)
  .join(', ');

/** $1 tenant; then the spans of whole units. */
const PIECES = [
  ['MONTH', '$2', '$3'],
  ['DAY', '$4', '$5'],
  ['DAY', '$6', '$7'],
  ['HOUR', '$8', '$9'],
  ['HOUR', '$10', '$11'],
] as const;
const TABLES = { HOUR: 'usage_hours', DAY: 'usage_days', MONTH: 'usage_months' };

/** Sums of one kind, and by what they can be grouped. */
interface Rollups {
  readonly keys: string;
  /** In front of the statement. */
  readonly given: string;
  /** What is rolled up of a piece; nothing is read of an empty one. */
  piece(unit: RollupUnit, from: string, to: string, bucket: string, isMany: boolean): string;
}

/** Series by series: each is a few neighbouring rows. Summed there already where that leaves fewer. */
const SERIES_KEYS = 'model_id, model_name, version_id, version_number, api_key_id, currency';
const OF_SERIES: Rollups = {
  keys: SERIES_KEYS,
  given: `mine AS MATERIALIZED (SELECT id, ${SERIES_KEYS} FROM usage_series WHERE tenant_id = $1),`,
  piece(unit, from, to, bucket, isMany) {
    const rows = `FROM ${TABLES[unit]} u
      WHERE u.series_id = m.id AND u.tenant_id = $1 AND u.period_start >= ${from} AND u.period_start < ${to}`;
    const sums = isMany
      ? `SELECT ${bucket} AS bucket, ${SUMMED} ${rows} GROUP BY 1`
      : `SELECT ${bucket} AS bucket, ${MEASURES} ${rows}`;
    return `SELECT ${SERIES_KEYS}, bucket, ${MEASURES} FROM mine m CROSS JOIN LATERAL (${sums}) r
      WHERE ${from}::timestamptz < ${to}::timestamptz`;
  },
};

/** For all that needs to know neither model nor version. */
const OF_KEYS: Rollups = {
  keys: 'api_key_id, currency',
  given: '',
  piece: (unit, from, to, bucket) =>
    `SELECT nullif(api_key_id, ''), nullif(currency, ''), ${bucket}, ${MEASURES} FROM usage_key_sums
     WHERE tenant_id = $1 AND unit = '${unit.toLowerCase()}' AND period_start >= ${from} AND period_start < ${to}
       AND ${from}::timestamptz < ${to}::timestamptz`,
};

/** $12, $13 all whole hours; $14-$16, $17-$19 the two ends, each with its month. */
const unrolled = (keys: string) => `
  SELECT ${keys}, hour AS at, ${MEASURES} FROM usage_deltas
  WHERE tenant_id = $1 AND hour >= $12 AND hour < $13
  UNION ALL
  SELECT ${keys}, created_at, units, rows, bytes, compute_us, cost_micros FROM usage_ledger
  WHERE tenant_id = $1 AND created_at >= $14 AND created_at < $15 AND period_start = $16
  UNION ALL
  SELECT ${keys}, created_at, units, rows, bytes, compute_us, cost_micros FROM usage_ledger
  WHERE tenant_id = $1 AND created_at >= $17 AND created_at < $18 AND period_start = $19`;

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
    return refuse(invalidInput(['range'], message));
  }
  return ok({ total: sumOf(total), rows: rows.filter((row) => !row.isTotal).map(toUsageRow) });
}

function textOf(groupBy: readonly UsageDimension[], granularity: UsageGranularity | null): string {
  const bucketOf = (at: string) =>
    granularity === null ? 'NULL::timestamptz' : `date_trunc('${granularity.toLowerCase()}', ${at}, 'UTC')`;
  const dimensions = [...new Set(groupBy.flatMap((dimension) => GROUPINGS[dimension].expressions))];
  const expressions = [...dimensions, ...(granularity === null ? [] : ['bucket'])];
  const columns = [
    ...new Set(groupBy.flatMap((dimension) => GROUPINGS[dimension].columns)),
    ...(granularity === null ? [] : ['bucket AS "periodStart"']),
  ];
  const names = columns.map((column) => column.split(' AS ').at(-1));
  const rollups = groupBy.some((dimension) => dimension !== 'API_KEY') ? OF_SERIES : OF_KEYS;
  const rolled = PIECES.map(([unit, from, to]) =>
    rollups.piece(
      unit,
      from,
      to,
      unit === granularity ? 'period_start' : bucketOf('period_start'),
      longestOf(granularity) === 'MONTH' && unit !== granularity,
    ),
  );
  const keys = [...expressions, 'currency'].join(', ');
  const modelName = dimensions.includes('model_id') ? 'max(model_name) AS model_name, ' : '';
  const groups =
    expressions.length === 0
      ? ''
      : `UNION ALL
    (SELECT false, false, ${columns.join(', ')}, ${SUMS} FROM cells GROUP BY ${expressions.join(', ')}
     ORDER BY predictions DESC, ${names.join(', ')} LIMIT ${MAX_USAGE_ROWS})`;
  return `
    WITH ${rollups.given} parts (${rollups.keys}, bucket, ${MEASURES}) AS (
      ${rolled.join(' UNION ALL ')}
      UNION ALL
      SELECT ${rollups.keys}, ${bucketOf('at')}, ${MEASURES} FROM (${unrolled(rollups.keys)}) u
    ), cells AS (
      SELECT ${keys}, ${modelName}${SUMMED} FROM parts GROUP BY ${keys}
    ), currencies AS (
      SELECT currency, ${SUMMED} FROM cells GROUP BY currency
    )
    SELECT true AS "isTotal",
      EXISTS (SELECT 1 FROM usage_retired_months r
        WHERE (r.period_start = $16 AND $14 < $15) OR (r.period_start = $19 AND $17 < $18)) AS "isRetired",
      ${columns.map((column, i) => `${typeOf(column)} AS ${names[i]}`).join(', ')}${columns.length > 0 ? ',' : ''} ${SUMS}
    FROM currencies
    ${groups}`;
}

/** The longest unit whose sums can be told apart by the granularity. */
function longestOf(granularity: UsageGranularity | null): RollupUnit {
  return granularity ?? 'MONTH';
}

/** What the column is in the row of the total. */
function typeOf(column: string): string {
  if (column.startsWith('bucket')) return 'NULL::timestamptz';
  return column.startsWith('version_number') ? 'NULL::int' : 'NULL::text';
}

function parametersOf(tenantId: string, span: Span, granularity: UsageGranularity | null): unknown[] {
  const pieces = piecesOf(span, longestOf(granularity));
  const { head, tail, months, daysBefore, daysAfter, hoursBefore, hoursAfter, whole } = pieces;
  return [
    tenantId,
    ...[months, daysBefore, daysAfter, hoursBefore, hoursAfter, whole].flatMap(({ from, to }) => [from, to]),
    ...[head, tail].flatMap((end) => [end.from, end.to, isEmpty(end) ? null : periodOf(end.from).start]),
  ];
}

/** Each fact by name: spreading rows took as long as reading them. */
function toUsageRow(row: Row): UsageRow {
  return {
    model: row.model ?? null,
    modelId: row.modelId ?? null,
    versionNumber: row.versionNumber ?? null,
    versionId: row.versionId ?? null,
    apiKeyId: row.apiKeyId ?? null,
    periodStart: row.periodStart ?? null,
    sum: sumOf(row),
  };
}

function sumOf({ predictions, rows, bytes, computeUs, currencies, costMicros }: Sums): UsageSum {
  const cost = currencies.map((currency, i) => ({ amountMicros: costMicros[i] ?? 0, currency }));
  cost.sort((a, b) => (a.currency < b.currency ? -1 : 1));
  return { predictions, rows, bytes, computeMs: computeUs / 1000, cost };
}

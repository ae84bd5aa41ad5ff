/**
 * Sums over the ledger, by one statement. `created_at` of an event lies in the month that was charged (the database
 * checks it), so a report over a calendar month and the quota of that month are the same number.
 */
import type { Transactions } from '../../database/index.js';
import type { UsageDimension, UsageReport, UsageRow, UsageSum } from './ledger.js';

export const MAX_USAGE_ROWS = 10_000;

interface Grouping {
  readonly expressions: readonly string[];
  readonly columns: readonly string[];
}

// Whitelisted texts: nothing here comes from a caller.
const GROUPINGS: Readonly<Record<UsageDimension, Grouping>> = {
  MODEL: { expressions: ['model_id'], columns: ['model_id AS "modelId"', 'max(model_name) AS model'] },
  VERSION: {
    expressions: ['model_id', 'version_id', 'version_number'],
    columns: [
      'model_id AS "modelId"',
      'max(model_name) AS model',
      'version_id AS "versionId"',
      'version_number AS "versionNumber"',
    ],
  },
  API_KEY: { expressions: ['api_key_id'], columns: ['api_key_id AS "apiKeyId"'] },
  DAY: {
    expressions: [`date_trunc('day', created_at, 'UTC')`],
    columns: [`date_trunc('day', created_at, 'UTC') AS "periodStart"`],
  },
  MONTH: { expressions: ['period_start'], columns: ['period_start AS "periodStart"'] },
};

type Row = Partial<Omit<UsageRow, 'sum'>> & UsageSum & { readonly isTotal: boolean };

const NO_GROUP: Omit<UsageRow, 'sum'> = {
  model: null,
  modelId: null,
  versionNumber: null,
  versionId: null,
  apiKeyId: null,
  periodStart: null,
};

/** `range`: from inclusive, to exclusive. `groupBy` holds at most one of DAY and MONTH, and no dimension twice. */
export function readUsage(
  database: Transactions,
  tenantId: string,
  range: { readonly from: Date; readonly to: Date },
  groupBy: readonly UsageDimension[],
): Promise<UsageReport> {
  const expressions = [...new Set(groupBy.flatMap((dimension) => GROUPINGS[dimension].expressions))];
  const columns = [...new Set(groupBy.flatMap((dimension) => GROUPINGS[dimension].columns))];
  const sets = expressions.length === 0 ? '()' : `(), (${expressions.join(', ')})`;
  // `grouping` tells the total from a group whose key is null, as of a signed-in user's predictions.
  const isTotal = expressions.length === 0 ? 'true' : `grouping(${expressions.join(', ')}) <> 0`;
  const text = `
    SELECT ${[`${isTotal} AS "isTotal"`, ...columns].join(', ')},
      coalesce(sum(units), 0)::float8 AS predictions, coalesce(sum(rows), 0)::float8 AS rows,
      coalesce(sum(compute_ms), 0)::float8 AS "computeMs"
    FROM usage_events
    WHERE tenant_id = $1 AND created_at >= $2 AND created_at < $3
    GROUP BY GROUPING SETS (${sets})
    ORDER BY "isTotal" DESC, predictions DESC${columns.map((_, i) => `, ${i + 2}`).join('')}
    LIMIT ${MAX_USAGE_ROWS + 1}`;
  return database.sql({ tenantId }, async (query) => {
    const [total, ...groups] = await query<Row>(text, [tenantId, range.from, range.to]);
    if (total === undefined) throw new Error('A grand total always has a row.');
    return { total: sumOf(total), rows: groups.map(toUsageRow) };
  });
}

function toUsageRow(row: Row): UsageRow {
  const { predictions: _p, rows: _r, computeMs: _c, isTotal: _t, ...keys } = row;
  return { ...NO_GROUP, ...keys, sum: sumOf(row) };
}

function sumOf({ predictions, rows, computeMs }: Row): UsageSum {
  return { predictions, rows, computeMs };
}

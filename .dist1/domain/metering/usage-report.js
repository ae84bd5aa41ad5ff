const MAX_USAGE_ROWS = 1e4;
const GROUPINGS = {
  MODEL: { expressions: ["model_id"], columns: ['model_id AS "modelId"', "max(model_name) AS model"] },
  VERSION: {
    expressions: ["model_id", "version_id", "version_number"],
    columns: [
      'model_id AS "modelId"',
      "max(model_name) AS model",
      'version_id AS "versionId"',
      'version_number AS "versionNumber"'
    ]
  },
  API_KEY: { expressions: ["api_key_id"], columns: ['api_key_id AS "apiKeyId"'] },
  DAY: {
    expressions: [`date_trunc('day', created_at, 'UTC')`],
    columns: [`date_trunc('day', created_at, 'UTC') AS "periodStart"`]
  },
  MONTH: { expressions: ["period_start"], columns: ['period_start AS "periodStart"'] }
};
const NO_GROUP = {
  model: null,
  modelId: null,
  versionNumber: null,
  versionId: null,
  apiKeyId: null,
  periodStart: null
};
function readUsage(database, tenantId, range, groupBy) {
  const expressions = [...new Set(groupBy.flatMap((dimension) => GROUPINGS[dimension].expressions))];
  const columns = [...new Set(groupBy.flatMap((dimension) => GROUPINGS[dimension].columns))];
  const sets = expressions.length === 0 ? "()" : `(), (${expressions.join(", ")})`;
  const isTotal = expressions.length === 0 ? "true" : `grouping(${expressions.join(", ")}) <> 0`;
  const text = `
    SELECT ${[`${isTotal} AS "isTotal"`, ...columns].join(", ")},
      coalesce(sum(units), 0)::float8 AS predictions, coalesce(sum(rows), 0)::float8 AS rows,
      coalesce(sum(compute_ms), 0)::float8 AS "computeMs"
    FROM usage_events
    WHERE tenant_id = $1 AND created_at >= $2 AND created_at < $3
    GROUP BY GROUPING SETS (${sets})
    ORDER BY "isTotal" DESC, predictions DESC${columns.map((_, i) => `, ${i + 2}`).join("")}
    LIMIT ${MAX_USAGE_ROWS + 1}`;
  return database.sql({ tenantId }, async (query) => {
    const [total, ...groups] = await query(text, [tenantId, range.from, range.to]);
    if (total === void 0) throw new Error("A grand total always has a row.");
    return { total: sumOf(total), rows: groups.map(toUsageRow) };
  });
}
function toUsageRow(row) {
  const { predictions: _p, rows: _r, computeMs: _c, isTotal: _t, ...keys } = row;
  return { ...NO_GROUP, ...keys, sum: sumOf(row) };
}
function sumOf({ predictions, rows, computeMs }) {
  return { predictions, rows, computeMs };
}
export {
  MAX_USAGE_ROWS,
  readUsage
};
//# sourceMappingURL=usage-report.js.map

import { decodeOutputs } from "./kept-outputs.js";
const SELECT = `SELECT u.id, u.version_id AS "versionId", u.created_at AS "createdAt",
    (r.outputs IS NOT NULL) AS "hasKeptOutputs", u.request_id AS "requestId", u.model_name AS model,
    u.version_number AS "versionNumber", u.digest AS sha256, u.runtime, u.worker, u.batch_size AS "batchSize",
    u.rows, u.queue_ms AS "queueMs", u.load_ms AS "loadMs", u.compute_ms AS "computeMs", u.units AS charged
  FROM usage_events u
  LEFT JOIN idempotency_records r ON r.prediction_id = u.id AND r.tenant_id = u.tenant_id
  WHERE u.tenant_id = $1`;
function fromRow({ id, createdAt, hasKeptOutputs, ...facts }) {
  const { versionId } = facts;
  const receipt = { ...facts, replayed: false, remaining: null };
  return { id, versionId, outputs: null, hasKeptOutputs, receipt, createdAt };
}
async function findById(query, tenantId, id) {
  const [row] = await query(`${SELECT} AND u.id = $2`, [tenantId, id]);
  return row === void 0 ? null : fromRow(row);
}
async function findKeptOutputs(query, tenantId, predictionId) {
  const [row] = await query(
    "SELECT outputs FROM idempotency_records WHERE tenant_id = $1 AND prediction_id = $2",
    [tenantId, predictionId]
  );
  const outputs = row?.outputs ?? null;
  return outputs === null ? null : decodeOutputs(outputs);
}
function createLedgerReads(database) {
  return Object.freeze({
    /** In no order; those of other tenants are not there. */
    getByIds(tenantId, ids) {
      return database.sql(
        { tenantId },
        async (query) => (await query(`${SELECT} AND u.id = ANY ($2)`, [tenantId, ids])).map(fromRow)
      );
    },
    /** Newest first, one more than asked for. */
    list(tenantId, filter, page) {
      const [createdAt = null, id = null] = page.after ?? [];
      return database.sql({ tenantId }, async (query) => {
        const rows = await query(
          `${SELECT}
             AND ($2::text IS NULL OR u.model_id = $2) AND ($3::text IS NULL OR u.version_id = $3)
             AND ($4::text IS NULL OR u.api_key_id = $4) AND ($5::text IS NULL OR u.request_id = $5)
             AND ($6::timestamptz IS NULL OR (u.created_at, u.id) < ($6, $7))
           ORDER BY u.created_at DESC, u.id DESC LIMIT $8`,
          [
            tenantId,
            filter.modelId ?? null,
            filter.versionId ?? null,
            filter.apiKeyId ?? null,
            filter.requestId ?? null,
            createdAt,
            id,
            page.first + 1
          ]
        );
        return rows.map(fromRow);
      });
    },
    findKeptOutputs(tenantId, predictionId) {
      return database.sql({ tenantId }, (query) => findKeptOutputs(query, tenantId, predictionId));
    }
  });
}
export {
  createLedgerReads,
  findById,
  findKeptOutputs
};
//# sourceMappingURL=ledger-rows.js.map

import { fullNameOf } from "../catalog/index.js";
import {
  entitlementFactsFromRow,
  entitlementFactsSql
} from "../marketplace/index.js";
import { findById, findKeptOutputs } from "./ledger-rows.js";
const RUNNABLE = `SELECT v.id, v.number, v.digest, v.pack_digest, v.runtime, v.signature, v.model_id, m.owner_slug,
    m.name, ${entitlementFactsSql.columns}
  FROM versions v JOIN models m ON m.id = v.model_id ${entitlementFactsSql.join("$1")} WHERE`;
function createPredictionsStore(database, othersDiedBefore = null) {
  return Object.freeze({
    /** One statement: the version, its model, and what decides about access. `null` when the tenant may not see it. */
    async findRunnable(tenantId, reference) {
      const [condition, parameters] = whereOf(reference);
      const query = database.single({ tenantId });
      const [row] = await query(`${RUNNABLE} ${condition}`, [tenantId, ...parameters]);
      return row === void 0 ? null : runnableFromRow(row);
    },
    /** Takes the key, or says who has it. A claim past its time belongs to a dead process and is taken over. */
    claim(tenantId, key, requestHash, now, expiresAt) {
      return database.sql({ tenantId }, async (query) => {
        const taken = await query(
          `INSERT INTO idempotency_records AS r (tenant_id, key, request_hash, claim_expires_at, created_at)
           VALUES ($1, $2, $3, $5, $4)
           ON CONFLICT (tenant_id, key) DO UPDATE
             SET request_hash = excluded.request_hash, claim_expires_at = excluded.claim_expires_at,
               created_at = excluded.created_at
             WHERE r.prediction_id IS NULL AND (r.claim_expires_at <= $4 OR r.created_at < $6)
           RETURNING key`,
          [tenantId, key, requestHash, now, expiresAt, othersDiedBefore]
        );
        if (taken.length > 0) return { state: "CLAIMED", claim: { key, expiresAt } };
        return findAnswer(query, tenantId, key, requestHash);
      });
    },
    /** Gives the key back after a failure, so that a retry may run. An answered key stays. */
    async unclaim(tenantId, claim) {
      await database.sql(
        { tenantId },
        (query) => query(
          `DELETE FROM idempotency_records
           WHERE tenant_id = $1 AND key = $2 AND claim_expires_at = $3 AND prediction_id IS NULL`,
          [tenantId, claim.key, claim.expiresAt]
        )
      );
    }
  });
}
async function recordAnswer(query, tenantId, claim, predictionId, outputs) {
  const rows = await query(
    `UPDATE idempotency_records SET prediction_id = $4, outputs = $5
     WHERE tenant_id = $1 AND key = $2 AND claim_expires_at = $3 AND prediction_id IS NULL RETURNING key`,
    [tenantId, claim.key, claim.expiresAt, predictionId, outputs]
  );
  return rows.length > 0;
}
async function findAnswer(query, tenantId, key, requestHash) {
  const [row] = await query(
    `SELECT request_hash AS "requestHash", prediction_id AS "predictionId"
     FROM idempotency_records WHERE tenant_id = $1 AND key = $2`,
    [tenantId, key]
  );
  if (row === void 0) return { state: "RUNNING", requestHash };
  if (row.predictionId === null) return { state: "RUNNING", requestHash: row.requestHash };
  const prediction = await findById(query, tenantId, row.predictionId);
  if (prediction === null) throw new Error(`${row.predictionId} has an answer but is not in the ledger.`);
  const outputs = row.requestHash === requestHash ? await findKeptOutputs(query, tenantId, row.predictionId) : null;
  return { state: "ANSWERED", requestHash: row.requestHash, prediction: { ...prediction, outputs } };
}
function whereOf(reference) {
  if ("versionId" in reference) return ["v.id = $2", [reference.versionId]];
  if ("modelId" in reference) return ["m.id = $2 AND v.number = m.last_version_number", [reference.modelId]];
  const { owner, name, number } = reference;
  return [
    "m.owner_slug = $2 AND m.name = $3 AND v.number = coalesce($4, m.last_version_number)",
    [owner, name, number]
  ];
}
function runnableFromRow(row) {
  return {
    id: row.id,
    number: row.number,
    digest: row.digest,
    packDigest: row.pack_digest,
    runtime: row.runtime,
    signature: row.signature,
    modelId: row.model_id,
    modelName: fullNameOf({ ownerSlug: row.owner_slug, name: row.name }),
    facts: entitlementFactsFromRow(row)
  };
}
export {
  createPredictionsStore,
  recordAnswer
};
//# sourceMappingURL=store.js.map

/** What the corridor reads and writes: claims on idempotency keys. The version to run: `runnable-versions.ts`. */
import type { SqlQuery, Transactions } from '../../database/index.js';
import type { Tensor } from '../../lib/tensor.js';
import { findById, findKeptOutputs } from './ledger-rows.js';
import type { Prediction } from './prediction.js';

/**
 * The right to answer under an idempotency key. `expiresAt` is also its number: each later claim on the key has a
 * later one, so a process that was taken over cannot record an answer any more.
 */
export interface Claim {
  readonly key: string;
  readonly expiresAt: Date;
  readonly madeAt: Date;
}

/** By how much the clocks of two servers may differ. */
const CLOCK_MARGIN_MS = 10_000;

export type ClaimAnswer =
  | { readonly state: 'CLAIMED'; readonly claim: Claim }
  | { readonly state: 'ANSWERED'; readonly requestHash: string; readonly prediction: Prediction }
  /** Another request with the key runs, in this process or in another. */
  | { readonly state: 'RUNNING'; readonly requestHash: string };

/** @param othersDiedBefore a claim that is older belongs to a dead process; `null`: only its time tells */
export function createPredictionsStore(database: Transactions, othersDiedBefore: Date | null = null) {
  return Object.freeze({
    /**
     * Takes the key, or says who has it. A claim past its time belongs to a dead process and is taken over; one from the
     * future was made before the clock was put back, and its time says nothing any more.
     */
    claim(
      tenantId: string,
      key: string,
      requestHash: string,
      now: Date,
      expiresAt: Date,
    ): Promise<ClaimAnswer> {
      return database.sql({ tenantId }, async (query) => {
        const taken = await query(
          `INSERT INTO idempotency_records AS r (tenant_id, key, request_hash, claim_expires_at, created_at)
           VALUES ($1, $2, $3, $5, $4)
           ON CONFLICT (tenant_id, key) DO UPDATE
             SET request_hash = excluded.request_hash, claim_expires_at = excluded.claim_expires_at,
               created_at = excluded.created_at
             WHERE r.prediction_id IS NULL
               AND (r.claim_expires_at <= $4 OR r.created_at < $6 OR r.created_at > $7)
           RETURNING key`,
          [tenantId, key, requestHash, now, expiresAt, othersDiedBefore, tooLate(now)],
        );
        if (taken.length > 0) return { state: 'CLAIMED', claim: { key, expiresAt, madeAt: now } };
        return findAnswer(query, tenantId, key, requestHash);
      });
    },

    /**
     * Gives the key back after a failure, so that a retry may run. An answered key stays, and so does a later claim, also
     * one that expires in the same millisecond: this may be said late, when the database was away.
     */
    async unclaim(tenantId: string, claim: Claim): Promise<void> {
      await database.sql({ tenantId }, (query) =>
        query(
          `DELETE FROM idempotency_records
           WHERE tenant_id = $1 AND key = $2 AND claim_expires_at = $3 AND created_at = $4 AND prediction_id IS NULL`,
          [tenantId, claim.key, claim.expiresAt, claim.madeAt],
        ),
      );
    },
  });
}

/** Nobody whose clock is right has made a claim after this. */
function tooLate(now: Date): Date {
  return new Date(now.getTime() + CLOCK_MARGIN_MS);
}

/** Lets go of the outputs that are kept under these keys; that they were answered and charged stays known. */
export async function dropOutputs(query: SqlQuery, tenantId: string, keys: readonly string[]): Promise<void> {
  await query(
    `UPDATE idempotency_records SET outputs = NULL
     WHERE tenant_id = $1 AND key = ANY ($2) AND prediction_id IS NOT NULL AND outputs IS NOT NULL`,
    [tenantId, keys],
  );
}

export type PredictionsStore = ReturnType<typeof createPredictionsStore>;

/** Records the answer in the transaction of the charge. `false`: the claim was taken over meanwhile. */
export async function recordAnswer(
  query: SqlQuery,
  tenantId: string,
  claim: Claim,
  predictionId: string,
  outputs: Buffer | null,
): Promise<boolean> {
  const rows = await query(
    `UPDATE idempotency_records SET prediction_id = $4, outputs = $5
     WHERE tenant_id = $1 AND key = $2 AND claim_expires_at = $3 AND prediction_id IS NULL RETURNING key`,
    [tenantId, claim.key, claim.expiresAt, predictionId, outputs],
  );
  return rows.length > 0;
}

async function findAnswer(
  query: SqlQuery,
  tenantId: string,
  key: string,
  requestHash: string,
): Promise<ClaimAnswer> {
  const [row] = await query<{ requestHash: string; predictionId: string | null }>(
    `SELECT request_hash AS "requestHash", prediction_id AS "predictionId"
     FROM idempotency_records WHERE tenant_id = $1 AND key = $2`,
    [tenantId, key],
  );
  // Given back in this very moment: as good as running, and free at the next try.
  if (row === undefined) return { state: 'RUNNING', requestHash };
  if (row.predictionId === null) return { state: 'RUNNING', requestHash: row.requestHash };
  const prediction = await findById(query, tenantId, row.predictionId);
  if (prediction === null) throw new Error(`${row.predictionId} has an answer but is not in the ledger.`);
  // The outputs only for whoever may have them: the same request.
  const outputs: readonly Tensor[] | null =
    row.requestHash === requestHash ? await findKeptOutputs(query, tenantId, row.predictionId) : null;
  return { state: 'ANSWERED', requestHash: row.requestHash, prediction: { ...prediction, outputs } };
}

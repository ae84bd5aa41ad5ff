/**
 * The charge of a prediction that nobody is charged together with: the caller who sends one request after the other waits
 * for it each time. The same as the statement for many, without the tables made of its parameters, which take the
 * database as long as writing the row.
 */
import type { SqlQuery } from '../../database/index.js';
import type { Settled, Settlement } from './charge-store.js';

// The lease is locked before the event is written: should it end meanwhile, neither is.
const SETTLE_ONE = `
  WITH held AS MATERIALIZED (
    SELECT l.api_key_id, l.period_start FROM quota_leases l WHERE l.tenant_id = $1 AND l.id = $2 FOR UPDATE
  ), added AS (
    INSERT INTO usage_events (id, tenant_id, user_id, api_key_id, request_id, owner_tenant_id, model_id, model_name,
      version_id, version_number, digest, runtime, worker, batch_size, batch_rows, rows, units, queue_ms, batch_ms,
      load_ms, compute_ms, period_start, created_at, alias, bytes, compute_us, cost_micros, currency, subscription_id)
    SELECT $4, $1, $5, h.api_key_id, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22,
      h.period_start, to_timestamp($23::float8 / 1000), $24, $25, $26, $27, $28, $29
    FROM held h
    ON CONFLICT (id, period_start) DO NOTHING
    RETURNING units, rows, bytes, compute_us, cost_micros, api_key_id
  ), counted AS (
    INSERT INTO usage_deltas (tenant_id, api_key_id, owner_tenant_id, model_id, model_name, version_id, version_number,
      subscription_id, currency, hour, predictions, rows, bytes, compute_us, cost_micros)
    SELECT $1, a.api_key_id, $7, $8, $9, $10, $11, $29, $28, to_timestamp(floor($23::float8 / 3600000) * 3600),
      a.units, $17, $25, $26, $27
    FROM added a
  )
  UPDATE quota_leases l SET charged = l.charged + a.units, charged_rows = l.charged_rows + a.rows,
    charged_bytes = l.charged_bytes + a.bytes, charged_compute_us = l.charged_compute_us + a.compute_us,
    charged_cost_micros = l.charged_cost_micros + a.cost_micros,
    ordinals = CASE WHEN $30::bigint IS NULL THEN l.ordinals
      ELSE l.ordinals - int8multirange(int8range($30::bigint, $30::bigint + 1)) END,
    expires_at = greatest(l.expires_at, $3)
  FROM added a WHERE l.tenant_id = $1 AND l.id = $2
  RETURNING l.recalled_at IS NOT NULL AS "isRecalled"`;

/** `null`: it was not added now, because the lease is gone or because it was added before. */
export async function settleOne(
  query: SqlQuery,
  tenantId: string,
  { leaseId, leaseExpiresAt, userId, requestId, units, ordinal, at, charge }: Settlement,
): Promise<Settled | null> {
  const [taken] = await query<{ isRecalled: boolean }>(SETTLE_ONE, [
    tenantId,
    leaseId,
    leaseExpiresAt,
    charge.predictionId,
    userId,
    requestId,
    charge.ownerTenantId,
    charge.modelId,
    charge.modelName,
    charge.versionId,
    charge.versionNumber,
    charge.digest,
    charge.runtime,
    charge.worker,
    charge.batchSize,
    charge.batchRows,
    charge.rows,
    units,
    charge.queueMs,
    charge.batchMs,
    charge.loadMs,
    charge.computeMs,
    at.getTime(),
    charge.alias,
    charge.bytes,
    charge.computeUs,
    charge.costMicros,
    charge.currency,
    charge.subscriptionId,
    ordinal,
  ]);
  return taken === undefined ? null : { isCharged: true, isRecalled: taken.isRecalled };
}

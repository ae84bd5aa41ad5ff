/**
 * The two statements that charge: for charges of one kind, which is what a caller of one model sends, and for any. Both
 * take the units off the leases first: the lease is the licence to charge, and without a row of it nothing is written.
 * Each kind is one row of `usage_deltas`, with its events in it until the fold moves them (migration `charges_in_one_row`).
 */
import type { SqlQuery } from '../../database/index.js';
import { EVENT_ARRAYS, groupByKind, type ChargeKind, type Settlement } from './charge-kinds.js';

/** A lease whose charges are in the ledger now. */
export interface TakenLease {
  readonly leaseId: string;
  /** It is wanted back: give back what is idle. */
  readonly isRecalled: boolean;
}

const DELTA_COLUMNS = `tenant_id, api_key_id, period_start, user_id, owner_tenant_id, model_id, model_name, version_id,
      version_number, digest, alias, runtime, currency, subscription_id, hour, predictions, rows, bytes, compute_us,
      cost_micros, ${EVENT_ARRAYS.join(', ')}`;

// Compared with the statement for any: no table of kinds, no join and nothing to sort, half of the database's time.
const SETTLE_KIND = `
  WITH taken AS (
    UPDATE quota_leases l SET charged = l.charged + $3, charged_rows = l.charged_rows + $4,
      charged_bytes = l.charged_bytes + $5, charged_compute_us = l.charged_compute_us + $6,
      charged_cost_micros = l.charged_cost_micros + $7,
      ordinals = CASE WHEN $8::int8multirange IS NULL THEN l.ordinals ELSE l.ordinals - $8::int8multirange END,
      expires_at = greatest(l.expires_at, $9)
    WHERE l.tenant_id = $1 AND l.id = $2
    RETURNING l.id, l.api_key_id, l.period_start, l.recalled_at
  ), added AS (
    INSERT INTO usage_deltas (${DELTA_COLUMNS})
    SELECT $1, t.api_key_id, t.period_start, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20,
      to_timestamp($21::float8 / 1000), $3, $4, $5, $6, $7, ${EVENT_ARRAYS.map((_, i) => `$${22 + i}`).join(', ')}
    FROM taken t
  )
  SELECT id AS "leaseId", recalled_at IS NOT NULL AS "isRecalled" FROM taken`;

// Leases are locked in the order of their ids, as everywhere.
const SETTLE_ANY = `
  WITH held AS MATERIALIZED (
    SELECT l.id FROM quota_leases l WHERE l.tenant_id = $1 AND l.id = ANY ($3::text[]) ORDER BY l.id FOR UPDATE
  ), kinds AS MATERIALIZED (
    SELECT * FROM json_to_recordset($4::json) AS k("leaseId" TEXT, "userId" TEXT, "ownerTenantId" TEXT, "modelId" TEXT,
      "modelName" TEXT, "versionId" TEXT, "versionNumber" INTEGER, digest TEXT, alias TEXT, runtime TEXT, currency TEXT,
      "subscriptionId" TEXT, "hourMs" FLOAT8, units BIGINT, rows BIGINT, bytes BIGINT, "computeUs" BIGINT,
      "costMicros" BIGINT, ordinals INT8MULTIRANGE, ids TEXT[], request_ids TEXT[], workers TEXT[], batch_sizes INTEGER[],
      batch_row_counts INTEGER[], row_counts INTEGER[], unit_counts INTEGER[], byte_counts BIGINT[], queue_ms FLOAT8[],
      batch_ms FLOAT8[], load_ms FLOAT8[], compute_ms FLOAT8[], charged_us BIGINT[], costs_micros BIGINT[],
      at_ms INTEGER[])
  ), taken AS (
    UPDATE quota_leases l SET charged = l.charged + s.units, charged_rows = l.charged_rows + s.rows,
      charged_bytes = l.charged_bytes + s.bytes, charged_compute_us = l.charged_compute_us + s.compute_us,
      charged_cost_micros = l.charged_cost_micros + s.cost_micros,
      ordinals = CASE WHEN s.ordinals IS NULL THEN l.ordinals ELSE l.ordinals - s.ordinals END,
      expires_at = greatest(l.expires_at, $2)
    FROM (
      SELECT h.id, sum(k.units) AS units, sum(k.rows) AS rows, sum(k.bytes) AS bytes, sum(k."computeUs") AS compute_us,
        sum(k."costMicros") AS cost_micros, range_agg(k.ordinals) AS ordinals
      FROM kinds k JOIN held h ON h.id = k."leaseId" GROUP BY 1
    ) s
    WHERE l.id = s.id
    RETURNING l.id, l.api_key_id, l.period_start, l.recalled_at
  ), added AS (
    INSERT INTO usage_deltas (${DELTA_COLUMNS})
    SELECT $1, t.api_key_id, t.period_start, k."userId", k."ownerTenantId", k."modelId", k."modelName", k."versionId",
      k."versionNumber", k.digest, k.alias, k.runtime, k.currency, k."subscriptionId", to_timestamp(k."hourMs" / 1000),
      k.units, k.rows, k.bytes, k."computeUs", k."costMicros", ${EVENT_ARRAYS.map((name) => `k.${name}`).join(', ')}
    FROM kinds k JOIN taken t ON t.id = k."leaseId"
  )
  SELECT id AS "leaseId", recalled_at IS NOT NULL AS "isRecalled" FROM taken`;

/**
 * Writes the events and takes their units off the leases; of a lease that is not there nothing is written.
 * @returns the leases that were
 * @throws what `isDataRefused` knows when a lease has less left; `UnfitChargeError`. Nothing is written then
 */
export function writeCharges(
  query: SqlQuery,
  tenantId: string,
  settlements: readonly Settlement[],
): Promise<TakenLease[]> {
  const leaseExpiresAt = latestExpiryOf(settlements);
  const kinds = groupByKind(settlements);
  const [kind, another] = kinds;
  if (kind !== undefined && another === undefined) {
    return query<TakenLease>(SETTLE_KIND, parametersOfKind(tenantId, kind, leaseExpiresAt));
  }
  return query<TakenLease>(SETTLE_ANY, parametersOfAny(tenantId, kinds, leaseExpiresAt));
}

function parametersOfKind(tenantId: string, kind: ChargeKind, leaseExpiresAt: Date): unknown[] {
  const { sums } = kind;
  return [
    tenantId,
    kind.leaseId,
    sums.units,
    sums.rows,
    sums.bytes,
    sums.computeUs,
    String(sums.costMicros),
    sums.ordinals,
    leaseExpiresAt,
    kind.userId,
    kind.ownerTenantId,
    kind.modelId,
    kind.modelName,
    kind.versionId,
    kind.versionNumber,
    kind.digest,
    kind.alias,
    kind.runtime,
    kind.currency,
    kind.subscriptionId,
    kind.hourMs,
    ...kind.events,
  ];
}

function parametersOfAny(tenantId: string, kinds: readonly ChargeKind[], leaseExpiresAt: Date): unknown[] {
  const rows = kinds.map(({ sums, events, ...facts }) => ({
    ...facts,
    ...sums,
    costMicros: String(sums.costMicros),
    ...Object.fromEntries(EVENT_ARRAYS.map((name, i) => [name, events[i]])),
  }));
  const leaseIds = [...new Set(kinds.map(({ leaseId }) => leaseId))];
  return [tenantId, leaseExpiresAt, leaseIds, JSON.stringify(rows)];
}

function latestExpiryOf(settlements: readonly Settlement[]): Date {
  return settlements.reduce(
    (latest, { leaseExpiresAt }) => (leaseExpiresAt > latest ? leaseExpiresAt : latest),
    new Date(0),
  );
}

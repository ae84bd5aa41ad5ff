/**
 * The two statements that charge: for charges of one kind, which is what a caller of one model sends, and for any. Both
 * take the units off the leases first: the lease is the licence to charge, and without a row of it nothing is written.
 * That an event is written once is its primary key: should one be there already, nothing of the statement stands.
 */
import type { SqlQuery } from '../../database/index.js';
import { groupByKind, type ChargeGroup, type ChargeKind, type Settlement } from './charge-kinds.js';

/** A lease whose charges are in the ledger now. */
export interface TakenLease {
  readonly leaseId: string;
  /** It is wanted back: give back what is idle. */
  readonly isRecalled: boolean;
}

const EVENT_COLUMNS = `id, request_id, worker, batch_size, batch_rows, rows, units, bytes, queue_ms, batch_ms, load_ms,
      compute_ms, compute_us, cost_micros`;
const EVENT_VALUES = EVENT_COLUMNS.replace(/\w+/g, 'e.$&');
const LEASE_COLUMNS = 'tenant_id, api_key_id, period_start';
const KIND_COLUMNS = `user_id, owner_tenant_id, model_id, model_name, version_id, version_number, digest, alias, runtime,
      currency, subscription_id`;
const DELTA_COLUMNS = `tenant_id, api_key_id, owner_tenant_id, model_id, model_name, version_id, version_number,
      subscription_id, currency, hour, predictions, rows, bytes, compute_us, cost_micros`;

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
    INSERT INTO usage_events (${EVENT_COLUMNS}, created_at, ${LEASE_COLUMNS}, ${KIND_COLUMNS})
    SELECT ${EVENT_VALUES}, to_timestamp(e.at_ms / 1000), $1, t.api_key_id, t.period_start, $10,
      $11, $12, $13, $14, $15, $16, $17, $18, $19, $20
    FROM taken t, unnest($22::text[], $23::text[], $24::text[], $25::int[], $26::int[], $27::int[], $28::int[],
      $29::bigint[], $30::float8[], $31::float8[], $32::float8[], $33::float8[], $34::bigint[], $35::bigint[],
      $36::float8[]) AS e(${EVENT_COLUMNS}, at_ms)
  ), counted AS (
    INSERT INTO usage_deltas (${DELTA_COLUMNS})
    SELECT $1, t.api_key_id, $11, $12, $13, $14, $15, $20, $19, to_timestamp($21::float8 / 1000), $3, $4, $5, $6, $7
    FROM taken t
  )
  SELECT id AS "leaseId", recalled_at IS NOT NULL AS "isRecalled" FROM taken`;

// Leases are locked in the order of their ids, as everywhere.
const SETTLE_ANY = `
  WITH held AS MATERIALIZED (
    SELECT l.id FROM quota_leases l WHERE l.tenant_id = $1 AND l.id = ANY ($3::text[]) ORDER BY l.id FOR UPDATE
  ), kinds AS MATERIALIZED (
    SELECT * FROM json_to_recordset($4::json) AS k(kind INTEGER, "leaseId" TEXT, "userId" TEXT, "ownerTenantId" TEXT,
      "modelId" TEXT, "modelName" TEXT, "versionId" TEXT, "versionNumber" INTEGER, digest TEXT, alias TEXT, runtime TEXT,
      currency TEXT, "subscriptionId" TEXT, "hourMs" FLOAT8, units BIGINT, rows BIGINT, bytes BIGINT, "computeUs" BIGINT,
      "costMicros" BIGINT, ordinals INT8MULTIRANGE)
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
    INSERT INTO usage_events (${EVENT_COLUMNS}, created_at, ${LEASE_COLUMNS}, ${KIND_COLUMNS})
    SELECT ${EVENT_VALUES}, to_timestamp(e.at_ms / 1000), $1, t.api_key_id, t.period_start,
      k."userId", k."ownerTenantId", k."modelId", k."modelName", k."versionId", k."versionNumber", k.digest, k.alias,
      k.runtime, k.currency, k."subscriptionId"
    FROM unnest($5::int[], $6::text[], $7::text[], $8::text[], $9::int[], $10::int[], $11::int[], $12::int[],
      $13::bigint[], $14::float8[], $15::float8[], $16::float8[], $17::float8[], $18::bigint[], $19::bigint[],
      $20::float8[]) AS e(kind, ${EVENT_COLUMNS}, at_ms)
    JOIN kinds k USING (kind) JOIN taken t ON t.id = k."leaseId"
  ), counted AS (
    INSERT INTO usage_deltas (${DELTA_COLUMNS})
    SELECT $1, t.api_key_id, k."ownerTenantId", k."modelId", k."modelName", k."versionId", k."versionNumber",
      k."subscriptionId", k.currency, to_timestamp(k."hourMs" / 1000), k.units, k.rows, k.bytes, k."computeUs",
      k."costMicros"
    FROM kinds k JOIN taken t ON t.id = k."leaseId"
  )
  SELECT id AS "leaseId", recalled_at IS NOT NULL AS "isRecalled" FROM taken`;

/**
 * Writes the events and takes their units off the leases; of a lease that is not there nothing is written.
 * @returns the leases that were
 * @throws an integrity violation when one of the events is in the ledger already (its key, or what the lease has left);
 * nothing is written then
 */
export function writeCharges(
  query: SqlQuery,
  tenantId: string,
  settlements: readonly Settlement[],
): Promise<TakenLease[]> {
  const group = groupByKind(settlements);
  const [kind, another] = group.kinds;
  if (kind !== undefined && another === undefined) {
    return query<TakenLease>(SETTLE_KIND, parametersOfKind(tenantId, kind, settlements));
  }
  return query<TakenLease>(SETTLE_ANY, parametersOfAny(tenantId, group, settlements));
}

function parametersOfKind(tenantId: string, kind: ChargeKind, settlements: readonly Settlement[]): unknown[] {
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
    latestExpiryOf(settlements),
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
    ...eventColumns(settlements),
  ];
}

function parametersOfAny(
  tenantId: string,
  { kinds, kindOf }: ChargeGroup,
  settlements: readonly Settlement[],
): unknown[] {
  const rows = kinds.map(({ sums, ...facts }, kind) => ({
    kind,
    ...facts,
    ...sums,
    costMicros: String(sums.costMicros),
  }));
  return [
    tenantId,
    latestExpiryOf(settlements),
    [...new Set(kinds.map(({ leaseId }) => leaseId))],
    JSON.stringify(rows),
    `{${kindOf.join(',')}}`,
    ...eventColumns(settlements),
  ];
}

function latestExpiryOf(settlements: readonly Settlement[]): Date {
  return settlements.reduce(
    (latest, { leaseExpiresAt }) => (leaseExpiresAt > latest ? leaseExpiresAt : latest),
    new Date(0),
  );
}

const EVENT_ARRAYS = 15;

/**
 * What differs between charges, a text for each column of `EVENT_COLUMNS` and the time. Built here and not by the
 * driver, which would look at the type of each element and quote them all.
 */
function eventColumns(settlements: readonly Settlement[]): string[] {
  const columns = Array.from({ length: EVENT_ARRAYS }, () => '');
  for (const [i, { requestId, units, at, charge }] of settlements.entries()) {
    const values = [
      quoted(charge.predictionId),
      quoted(requestId),
      quoted(charge.worker),
      charge.batchSize,
      charge.batchRows,
      charge.rows,
      units,
      charge.bytes,
      charge.queueMs,
      charge.batchMs,
      charge.loadMs,
      charge.computeMs,
      charge.computeUs,
      charge.costMicros,
      at.getTime(),
    ];
    const separator = i === 0 ? '{' : ',';
    for (let c = 0; c < values.length; c++) columns[c] += `${separator}${values[c]}`;
  }
  return columns.map((column) => `${column}}`);
}

/** A text as an element of an array of Postgres. */
function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}

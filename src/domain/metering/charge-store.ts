/**
 * Charging: one statement that writes the usage events and takes their units off the leases, in one exchange with the
 * database. What many predictions have in common travels once (a `kind`), the rest as typed arrays: reading JSON
 * costs the database more than writing the rows.
 */
import type { SqlQuery, Transactions } from '../../database/index.js';
import { refuse, type Result } from '../../lib/result.js';
import { settleOne } from './charge-one.js';
import { reservationLost, type ReservationLost } from './errors.js';
import type { Charge } from './ledger.js';

/** What a caller writes in the transaction of the charge; its refusal undoes the charge. */
export type WriteWithCharge<E> = (query: SqlQuery) => Promise<Result<void, E>>;

export interface Settlement {
  readonly leaseId: string;
  readonly units: number;
  /** Its place in the month of its subscription. */
  readonly ordinal: number | null;
  readonly userId: string | null;
  readonly requestId: string;
  /** When the prediction was answered, inside the month that pays. */
  readonly at: Date;
  /** Until when the lease is good once this is charged. */
  readonly leaseExpiresAt: Date;
  readonly charge: Charge;
}

export interface Settled {
  readonly isCharged: boolean;
  /** The lease is wanted back: give back what is idle. */
  readonly isRecalled: boolean;
}

// The lease is the licence to charge: an event without one is not written. That it happens once is the primary key of
// the events. Leases are locked in the order of their ids, as everywhere.
const SETTLE = `
  WITH held AS MATERIALIZED (
    SELECT l.id, l.api_key_id, l.period_start FROM quota_leases l
    WHERE l.tenant_id = $1 AND l.id = ANY ($3::text[]) ORDER BY l.id FOR UPDATE
  ), kinds AS MATERIALIZED (
    SELECT * FROM json_to_recordset($4::json) AS k(kind INTEGER, "leaseId" TEXT, "userId" TEXT, "ownerTenantId" TEXT,
      "modelId" TEXT, "modelName" TEXT, "versionId" TEXT, "versionNumber" INTEGER, digest TEXT,
      alias TEXT, runtime TEXT, worker TEXT, currency TEXT, "subscriptionId" TEXT, "hourMs" FLOAT8)
  ), events AS MATERIALIZED (
    SELECT e.* FROM unnest($5::int[], $6::text[], $7::text[], $8::int[], $9::int[], $10::int[], $11::int[],
      $12::bigint[], $13::float8[], $14::float8[], $15::float8[], $16::float8[], $17::bigint[], $18::bigint[], $19::float8[],
      $20::bigint[])
      AS e(kind, id, request_id, batch_size, batch_rows, rows, units, bytes, queue_ms, batch_ms, load_ms, compute_ms,
        compute_us, cost_micros, at_ms, ordinal)
  ), added AS (
    INSERT INTO usage_events (id, tenant_id, user_id, api_key_id, request_id, owner_tenant_id, model_id, model_name,
      version_id, version_number, digest, alias, runtime, worker, batch_size, batch_rows, rows, units, bytes,
      queue_ms, batch_ms, load_ms, compute_ms, compute_us, cost_micros, currency, subscription_id, period_start,
      created_at)
    SELECT e.id, $1, k."userId", h.api_key_id, e.request_id, k."ownerTenantId", k."modelId", k."modelName",
      k."versionId", k."versionNumber", k.digest, k.alias, k.runtime, k.worker, e.batch_size, e.batch_rows, e.rows, e.units, e.bytes,
      e.queue_ms, e.batch_ms, e.load_ms, e.compute_ms, e.compute_us, e.cost_micros, k.currency, k."subscriptionId",
      h.period_start, to_timestamp(e.at_ms / 1000)
    FROM events e JOIN kinds k USING (kind) JOIN held h ON h.id = k."leaseId"
    ON CONFLICT (id, period_start) DO NOTHING
    RETURNING id, units
  ), sums AS MATERIALIZED (
    SELECT e.kind, sum(a.units) AS units, sum(e.rows) AS rows, sum(e.bytes) AS bytes, sum(e.compute_us) AS compute_us,
      sum(e.cost_micros) AS cost_micros,
      range_agg(int8range(e.ordinal, e.ordinal + 1)) FILTER (WHERE e.ordinal IS NOT NULL) AS ordinals
    FROM added a JOIN events e ON e.id = a.id GROUP BY e.kind
  ), counted AS (
    INSERT INTO usage_deltas (tenant_id, api_key_id, owner_tenant_id, model_id, model_name, version_id, version_number,
      subscription_id, currency, hour, predictions, rows, bytes, compute_us, cost_micros)
    SELECT $1, h.api_key_id, k."ownerTenantId", k."modelId", k."modelName", k."versionId", k."versionNumber",
      k."subscriptionId", k.currency, to_timestamp(k."hourMs" / 1000), s.units, s.rows, s.bytes, s.compute_us, s.cost_micros
    FROM sums s JOIN kinds k USING (kind) JOIN held h ON h.id = k."leaseId"
  ), taken AS (
    UPDATE quota_leases l SET charged = l.charged + s.units, charged_rows = l.charged_rows + s.rows,
      charged_bytes = l.charged_bytes + s.bytes, charged_compute_us = l.charged_compute_us + s.compute_us,
      charged_cost_micros = l.charged_cost_micros + s.cost_micros,
      ordinals = CASE WHEN s.ordinals IS NULL THEN l.ordinals ELSE l.ordinals - s.ordinals END,
      expires_at = greatest(l.expires_at, $2)
    FROM (
      SELECT k."leaseId", sum(s.units) AS units, sum(s.rows) AS rows, sum(s.bytes) AS bytes,
        sum(s.compute_us) AS compute_us, sum(s.cost_micros) AS cost_micros, range_agg(s.ordinals) AS ordinals
      FROM sums s JOIN kinds k USING (kind) GROUP BY 1
    ) s
    WHERE l.id = s."leaseId"
    RETURNING l.id, l.recalled_at
  )
  SELECT e.id, false AS "isRecalled" FROM events e WHERE NOT EXISTS (SELECT 1 FROM added a WHERE a.id = e.id)
  UNION ALL SELECT id, true FROM taken WHERE recalled_at IS NOT NULL`;

export function createChargeStore(database: Transactions) {
  return Object.freeze({
    /** Charges in one transaction; says of each, in order, whether it is in the ledger now. */
    settle(tenantId: string, settlements: readonly Settlement[]): Promise<Settled[]> {
      return settle(database.single({ tenantId }), tenantId, settlements);
    },

    /** Charges one, together with what the caller writes: both or neither. */
    settleAndWrite<E>(
      tenantId: string,
      settlement: Settlement,
      write: WriteWithCharge<E>,
    ): Promise<Result<void, ReservationLost | E>> {
      return database.sql<Result<void, ReservationLost | E>>({ tenantId }, async (query) => {
        const [settled] = await settle(query, tenantId, [settlement]);
        return settled?.isCharged === true ? write(query) : refuse(reservationLost());
      });
    },
  });
}

export type ChargeStore = ReturnType<typeof createChargeStore>;

async function settle(
  query: SqlQuery,
  tenantId: string,
  settlements: readonly Settlement[],
): Promise<Settled[]> {
  const [first, second] = settlements;
  if (first !== undefined && second === undefined) {
    const settled = await settleOne(query, tenantId, first);
    if (settled !== null) return [settled];
    // Because the lease is gone, or because it was added before (a retry after a lost connection).
    const before = await findEvents(query, tenantId, [first.charge.predictionId]);
    return [{ isCharged: before.length > 0, isRecalled: false }];
  }
  const rows = await query<{ id: string; isRecalled: boolean }>(SETTLE, parametersOf(tenantId, settlements));
  if (rows.length === 0) return settlements.map(() => ({ isCharged: true, isRecalled: false }));
  const recalled = new Set(rows.filter((row) => row.isRecalled).map((row) => row.id));
  const absent = new Set(rows.filter((row) => !row.isRecalled).map((row) => row.id));
  // Not added now: as above.
  const before = absent.size === 0 ? [] : await findEvents(query, tenantId, [...absent]);
  for (const { id } of before) absent.delete(id);
  return settlements.map(({ charge, leaseId }) => ({
    isCharged: !absent.has(charge.predictionId),
    isRecalled: recalled.has(leaseId),
  }));
}

function findEvents(query: SqlQuery, tenantId: string, ids: readonly string[]): Promise<{ id: string }[]> {
  return query<{ id: string }>('SELECT id FROM usage_events WHERE tenant_id = $1 AND id = ANY ($2)', [
    tenantId,
    ids,
  ]);
}

/** What settlements of one kind have in common. */
interface Kind {
  readonly kind: number;
  readonly leaseId: string;
  readonly userId: string | null;
  readonly ownerTenantId: string;
  readonly modelId: string;
  readonly modelName: string;
  readonly versionId: string;
  readonly versionNumber: number;
  readonly digest: string;
  readonly alias: string | null;
  readonly runtime: string;
  readonly worker: string;
  readonly currency: string | null;
  readonly subscriptionId: string | null;
  /** The hour that they are summed in. */
  readonly hourMs: number;
}

/** Exported for its test. */
export function parametersOf(tenantId: string, settlements: readonly Settlement[]): unknown[] {
  const kinds: Kind[] = [];
  const leaseIds = new Set<string>();
  let expiresAt = settlements[0]?.leaseExpiresAt ?? new Date(0);
  // Built here and not by the driver, which would look at the type of each element and quote them all.
  const columns = Array.from({ length: 16 }, () => '');
  for (const [i, settlement] of settlements.entries()) {
    const { charge } = settlement;
    leaseIds.add(settlement.leaseId);
    if (settlement.leaseExpiresAt > expiresAt) expiresAt = settlement.leaseExpiresAt;
    let kind = kinds.find((one) => isOfKind(one, settlement));
    if (kind === undefined) kinds.push((kind = kindOf(kinds.length, settlement)));
    const values = [
      kind.kind,
      quoted(charge.predictionId),
      quoted(settlement.requestId),
      charge.batchSize,
      charge.batchRows,
      charge.rows,
      settlement.units,
      charge.bytes,
      charge.queueMs,
      charge.batchMs,
      charge.loadMs,
      charge.computeMs,
      charge.computeUs,
      charge.costMicros,
      settlement.at.getTime(),
      settlement.ordinal,
    ];
    const separator = i === 0 ? '{' : ',';
    for (let c = 0; c < values.length; c++) columns[c] += `${separator}${values[c]}`;
  }
  const arrays = columns.map((column) => `${column}}`);
  return [tenantId, expiresAt, [...leaseIds], JSON.stringify(kinds), ...arrays];
}

function isOfKind(kind: Kind, { charge, leaseId, userId, at }: Settlement): boolean {
  return (
    kind.hourMs === hourMsOf(at) &&
    kind.versionId === charge.versionId &&
    kind.alias === charge.alias &&
    kind.leaseId === leaseId &&
    kind.worker === charge.worker &&
    kind.userId === userId &&
    kind.runtime === charge.runtime &&
    kind.modelName === charge.modelName &&
    kind.modelId === charge.modelId &&
    kind.ownerTenantId === charge.ownerTenantId &&
    kind.versionNumber === charge.versionNumber &&
    kind.digest === charge.digest &&
    kind.subscriptionId === charge.subscriptionId &&
    kind.currency === charge.currency
  );
}

function kindOf(kind: number, { charge, leaseId, userId, at }: Settlement): Kind {
  const { ownerTenantId, modelId, modelName, versionId, versionNumber, digest, alias, runtime, worker } =
    charge;
  const { currency, subscriptionId } = charge;
  return {
    kind,
    leaseId,
    userId,
    ownerTenantId,
    modelId,
    modelName,
    versionId,
    versionNumber,
    digest,
    alias,
    runtime,
    worker,
    currency,
    subscriptionId,
    hourMs: hourMsOf(at),
  };
}

const HOUR_MS = 3_600_000;

function hourMsOf(at: Date): number {
  return Math.floor(at.getTime() / HOUR_MS) * HOUR_MS;
}

/** A text as an element of an array of Postgres. */
function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}

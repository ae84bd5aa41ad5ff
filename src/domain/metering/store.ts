/**
 * Counters, reservations and the ledger in Postgres. The statements that decide are functions of the migration
 * `exact_quota`: one statement each, so that a hot counter is locked for one round trip. Whole numbers are read
 * as float8, which is exact up to 2^53.
 */
import type { SqlQuery, TransactionContext, Transactions, Tx } from '../../database/index.js';
import { refuse, type Result } from '../../lib/result.js';
import { reservationLost, type ReservationLost } from './errors.js';
import type { Charge } from './ledger.js';
import type { Period, QuotaSubject } from './quota.js';

/** What a caller writes in the transaction of the charge; its refusal undoes the charge. */
export type WriteWithCharge<E> = (query: SqlQuery) => Promise<Result<void, E>>;

export interface Settlement {
  readonly reservationId: string;
  readonly userId: string | null;
  readonly requestId: string;
  /** When the prediction was answered. */
  readonly at: Date;
  readonly charge: Charge;
}

export interface ReserveRequest {
  readonly reservationId: string;
  readonly apiKeyId: string | null;
  readonly units: number;
  readonly period: Period;
  readonly expiresAt: Date;
  readonly now: Date;
}

export type ReserveAnswer =
  | { readonly admitted: true; readonly remaining: number | null }
  | {
      readonly admitted: false;
      readonly subject: QuotaSubject;
      readonly limit: number;
      readonly used: number;
    };

export interface Counter {
  readonly subject: QuotaSubject;
  readonly subjectId: string;
  readonly limit: number | null;
  readonly used: number;
  readonly reserved: number;
}

export interface DeadReservation {
  readonly id: string;
  readonly tenantId: string;
}

const ACROSS_TENANTS: TransactionContext = { acrossTenants: true };

export function createMeteringStore(database: Transactions) {
  return Object.freeze({
    /**
     * Claims units of the tenant's and the key's allowance: for each request, in order, of both or of none. Many
     * requests take one statement, one connection and one turn at the tenant's counter.
     */
    async reserve(tenantId: string, requests: readonly ReserveRequest[]): Promise<ReserveAnswer[]> {
      const rows = await database.single({ tenantId })<ReserveAnswer & { readonly id: string }>(
        `SELECT e.id, r.admitted, r.subject, r.quota_limit::float8 AS "limit", r.used::float8, r.remaining::float8
         FROM jsonb_to_recordset($2) AS e(id TEXT, api_key_id TEXT, units BIGINT, period_start TIMESTAMPTZ,
           expires_at TIMESTAMPTZ, now TIMESTAMPTZ)
         CROSS JOIN LATERAL reserve_quota(e.id, $1, e.api_key_id, e.units, e.period_start, e.expires_at, e.now) r`,
        [tenantId, JSON.stringify(requests.map(toClaim))],
      );
      const answers = new Map(rows.map((row) => [row.id, row]));
      return requests.map(({ reservationId }) => {
        const answer = answers.get(reservationId);
        if (answer === undefined) throw new Error('reserve_quota returned no row.');
        return answer;
      });
    },

    /** Charges in one transaction; says of each, in order, whether it is in the ledger. */
    async settle(tenantId: string, settlements: readonly Settlement[]): Promise<boolean[]> {
      const charged = await settleQuota(database.single({ tenantId }), tenantId, settlements);
      return settlements.map((settlement) => charged.has(settlement.charge.predictionId));
    },

    /** Charges one, together with what the caller writes: both or neither. */
    settleAndWrite<E>(
      tenantId: string,
      settlement: Settlement,
      write: WriteWithCharge<E>,
    ): Promise<Result<void, ReservationLost | E>> {
      return database.sql<Result<void, ReservationLost | E>>({ tenantId }, async (query) => {
        const charged = await settleQuota(query, tenantId, [settlement]);
        return charged.has(settlement.charge.predictionId) ? write(query) : refuse(reservationLost());
      });
    },

    /** Gives units back; returns how many claims that ended. What was settled before is passed over. */
    async release(tenantId: string, reservationIds: readonly string[]): Promise<number> {
      const [row] = await database.single({ tenantId })<{ released: number }>(
        'SELECT release_quota($1, $2) AS released',
        [tenantId, reservationIds],
      );
      return row?.released ?? 0;
    },

    /** Reservations past their time, and those that were made before `othersDiedBefore` if that is given. */
    listDeadReservationsAcrossTenants(
      now: Date,
      othersDiedBefore: Date | null,
      limit: number,
    ): Promise<DeadReservation[]> {
      return database.sql(ACROSS_TENANTS, (query) =>
        query<DeadReservation>(
          `SELECT id, tenant_id AS "tenantId" FROM reservations
           WHERE expires_at <= $1 OR created_at < $2 ORDER BY expires_at LIMIT $3`,
          [now, othersDiedBefore, limit],
        ),
      );
    },

    /** The tenant's counter and those of the named keys of the tenant. A month without use counts as zero. */
    readCounters(tenantId: string, apiKeyIds: readonly string[], period: Period): Promise<Counter[]> {
      return database.sql({ tenantId }, (query) =>
        query<Counter>(
          `SELECT s.subject, s.subject_id AS "subjectId", s.predictions_per_month::float8 AS "limit",
             coalesce(c.used, 0)::float8 AS used, coalesce(c.reserved, 0)::float8 AS reserved
           FROM (
             SELECT 'TENANT' AS subject, t.id AS subject_id, p.predictions_per_month, 0 AS place
             FROM tenants t LEFT JOIN tenant_plans p ON p.tenant_id = t.id WHERE t.id = $1
             UNION ALL
             SELECT 'API_KEY', k.id, k.predictions_per_month, array_position($2::text[], k.id)
             FROM api_keys k WHERE k.tenant_id = $1 AND k.id = ANY ($2)
           ) s
           LEFT JOIN quota_counters c
             ON c.subject = s.subject AND c.subject_id = s.subject_id AND c.period_start = $3
           ORDER BY s.place`,
          [tenantId, apiKeyIds, period.start],
        ),
      );
    },

    async findTenantIdBySlugAcrossTenants(tx: Tx, slug: string): Promise<string | null> {
      return (await tx.tenant.findUnique({ where: { slug }, select: { id: true } }))?.id ?? null;
    },

    async setPlanLimitAcrossTenants(
      tx: Tx,
      tenantId: string,
      limit: number | null,
      now: Date,
    ): Promise<void> {
      const predictionsPerMonth = limit === null ? null : BigInt(limit);
      await tx.tenantPlan.upsert({
        where: { tenantId },
        create: { tenantId, predictionsPerMonth, updatedAt: now },
        update: { predictionsPerMonth, updatedAt: now },
      });
    },
  });
}

export type MeteringStore = ReturnType<typeof createMeteringStore>;

async function settleQuota(
  query: SqlQuery,
  tenantId: string,
  settlements: readonly Settlement[],
): Promise<ReadonlySet<string>> {
  const rows = await query<{ id: string }>('SELECT id FROM settle_quota($1, $2) AS id', [
    tenantId,
    JSON.stringify(settlements.map(toEvent)),
  ]);
  return new Set(rows.map((row) => row.id));
}

function toClaim({ reservationId, apiKeyId, units, period, expiresAt, now }: ReserveRequest) {
  return {
    id: reservationId,
    api_key_id: apiKeyId,
    units,
    period_start: period.start,
    expires_at: expiresAt,
    now,
  };
}

/** The names that `settle_quota` reads. */
function toEvent({ reservationId, userId, requestId, at, charge }: Settlement): Record<string, unknown> {
  return {
    reservation_id: reservationId,
    id: charge.predictionId,
    user_id: userId,
    request_id: requestId,
    owner_tenant_id: charge.ownerTenantId,
    model_id: charge.modelId,
    model_name: charge.modelName,
    version_id: charge.versionId,
    version_number: charge.versionNumber,
    digest: charge.digest,
    runtime: charge.runtime,
    worker: charge.worker,
    batch_size: charge.batchSize,
    batch_rows: charge.batchRows,
    rows: charge.rows,
    queue_ms: charge.queueMs,
    batch_ms: charge.batchMs,
    load_ms: charge.loadMs,
    compute_ms: charge.computeMs,
    at,
  };
}

/** Reserve, run, settle: the promises, and why they hold, are in README.md. */
import { LRUCache } from 'lru-cache';
import { isDatabaseUnavailable, type Transactions, type Tx } from '../../database/index.js';
import type { Clock } from '../../lib/clock.js';
import { mayBeId, newId } from '../../lib/ids.js';
import { ok, refuse, type Result } from '../../lib/result.js';
import { can, permissionDenied, type PermissionDenied, type TenantActor } from '../access/index.js';
import type { AuditService } from '../audit/index.js';
import { createAdmission, type Admission } from './admission.js';
import {
  apiKeyNotFound,
  quotaExceeded,
  reservationLost,
  tenantNotFound,
  type InvalidUsageInput,
  type QuotaExceeded,
  type RateLimited,
  type ReservationLost,
  type QuotaNotFound,
} from './errors.js';
import { createGroupCommit } from './group-commit.js';
import type { Charge, Charged, Reservation, UsageReport } from './ledger.js';
import { periodOf, quotaOf, withinPeriod, type Quota } from './quota.js';
import {
  createMeteringStore,
  type ReserveAnswer,
  type ReserveRequest,
  type Settlement,
  type WriteWithCharge,
} from './store.js';
import { checkLimit, checkUsageInput, type UsageInput } from './usage-input.js';
import { readUsage } from './usage-report.js';

export interface MeteringService {
  /** A place among the running predictions, if the rate allows. In memory, no I/O. Leave it in a `finally`. */
  admit(actor: TenantActor): Result<Admission, RateLimited>;
  /** Claims `units` of the tenant's and the key's allowance of this month, of both or of none. */
  reserve(
    actor: TenantActor,
    request: { readonly units: number; readonly timeoutMs: number },
  ): Promise<Result<Reservation, QuotaExceeded>>;
  /**
   * Charges a reservation, once; durable when it resolves. `write` joins the same transaction, and its refusal
   * undoes the charge. RESERVATION_LOST: nothing was charged, so the answer must not be given.
   */
  settle<E = never>(
    actor: TenantActor,
    reservation: Reservation,
    charge: Charge,
    write?: WriteWithCharge<E>,
  ): Promise<Result<Charged, ReservationLost | E>>;
  /** Gives the units back. Does nothing when the reservation was settled or given back before. */
  release(actor: TenantActor, reservation: Reservation): Promise<void>;
  /** The tenant's quota, then the acting key's, then that of `apiKeyId`, which must be a key of the tenant. */
  quota(
    actor: TenantActor,
    input: { readonly apiKeyId?: string | null | undefined },
  ): Promise<Result<readonly Quota[], PermissionDenied | QuotaNotFound>>;
  /** Sums over the ledger. */
  usage(
    actor: TenantActor,
    input: UsageInput,
  ): Promise<Result<UsageReport, PermissionDenied | InvalidUsageInput>>;
  /** Counts from the next reservation on. Needs PLATFORM_OPERATE. */
  setTenantQuota(
    actor: TenantActor,
    input: { readonly tenantSlug: string; readonly predictionsPerMonth?: number | null | undefined },
  ): Promise<Result<Quota, PermissionDenied | InvalidUsageInput | QuotaNotFound>>;
  /** Gives back what dead processes hold; returns how many claims. Called by `ReservationSweeper`. */
  sweepReservationsAcrossTenants(): Promise<number>;
}

export interface MeteringDeps {
  readonly database: Transactions;
  readonly clock: Clock;
  readonly audit: Pick<AuditService, 'record'>;
  /** For each API key or signed-in user. */
  readonly predictionsPerMinutePerKey: number;
  readonly maxConcurrentPerTenant: number;
  /**
   * How long a reservation outlives the timeout of its prediction, so that a live process that is only slow
   * (a stalled disk, a long commit) does not lose it.
   */
  readonly reservationMarginMs?: number;
  /**
   * Whatever was reserved before this moment was reserved by a process that is dead. Only where no other process
   * can be using the database; `null`, or left away: others may, and only the time tells.
   */
  readonly othersDiedBefore?: Date | null;
}

export const DEFAULT_RESERVATION_MARGIN_MS = 30_000;
const MAX_ITEMS_PER_COMMIT = 128;
const SWEEP_BATCH = 1000;
/** Reservations that could not be given back and are remembered; one that is forgotten expires by itself. */
const MAX_OWED = 10_000;

export function createMeteringService(deps: MeteringDeps): MeteringService {
  const { database, clock, audit } = deps;
  const marginMs = deps.reservationMarginMs ?? DEFAULT_RESERVATION_MARGIN_MS;
  const store = createMeteringStore(database);
  const grouping = {
    maxItems: MAX_ITEMS_PER_COMMIT,
    mayRetryAlone: (fault: unknown) => !isDatabaseUnavailable(fault),
  };
  const claims = createGroupCommit<ReserveRequest, ReserveAnswer>(store.reserve, grouping);
  const settlements = createGroupCommit<Settlement, boolean>(store.settle, grouping);

  // Reservation to tenant. Nothing runs under these any more, but the database was away when they were to be given back.
  const owed = new LRUCache<string, string>({ max: MAX_OWED });

  async function readQuotas(tenantId: string, apiKeyIds: readonly string[]): Promise<Quota[]> {
    const period = periodOf(clock.now());
    const counters = await store.readCounters(tenantId, apiKeyIds, period);
    return counters.map(({ subject, subjectId, limit, used, reserved }) =>
      quotaOf(subject, subjectId, { limit, used, reserved }, period),
    );
  }

  return Object.freeze<MeteringService>({
    admit: createAdmission(deps),

    async reserve(actor, { units, timeoutMs }) {
      const now = clock.now();
      const period = periodOf(now);
      const id = newId('reservation', now.getTime());
      const claim: ReserveRequest = {
        reservationId: id,
        apiKeyId: apiKeyOf(actor),
        units,
        period,
        expiresAt: new Date(now.getTime() + timeoutMs + marginMs),
        now,
      };
      const answer = await claims.submit(actor.tenantId, claim).catch((error: unknown) => {
        // Only the answer may be lost: then the units are held, and nobody knows it.
        owed.set(id, actor.tenantId);
        throw error;
      });
      if (!answer.admitted) {
        const { subject, limit, used } = answer;
        return refuse(quotaExceeded({ subject, limit, used, resetsAt: period.end }));
      }
      return ok({ id, tenantId: actor.tenantId, units, period, remaining: answer.remaining });
    },

    async settle<E>(
      actor: TenantActor,
      reservation: Reservation,
      charge: Charge,
      write?: WriteWithCharge<E>,
    ): Promise<Result<Charged, ReservationLost | E>> {
      const chargedAt = withinPeriod(reservation.period, clock.now());
      const settlement: Settlement = {
        reservationId: reservation.id,
        userId: actor.kind === 'user' ? actor.userId : null,
        requestId: actor.requestId,
        at: chargedAt,
        charge,
      };
      if (write !== undefined) {
        const settled = await store.settleAndWrite(actor.tenantId, settlement, write);
        return settled.ok ? ok({ chargedAt }) : settled;
      }
      const isCharged = await settlements.submit(actor.tenantId, settlement);
      return isCharged ? ok({ chargedAt }) : refuse(reservationLost());
    },

    async release(actor, reservation) {
      try {
        await store.release(actor.tenantId, [reservation.id]);
      } catch (error) {
        owed.set(reservation.id, actor.tenantId);
        throw error;
      }
    },

    async quota(actor, { apiKeyId }) {
      if (!can(actor, 'USAGE_READ')) return refuse(permissionDenied(actor, 'USAGE_READ'));
      if (typeof apiKeyId === 'string' && !mayBeId(apiKeyId)) return refuse(apiKeyNotFound(['apiKeyId']));
      const keys = [apiKeyOf(actor), apiKeyId ?? null].filter((id) => id !== null);
      const quotas = await readQuotas(actor.tenantId, [...new Set(keys)]);
      const isMissing = (apiKeyId ?? null) !== null && !quotas.some((quota) => quota.subjectId === apiKeyId);
      return isMissing ? refuse(apiKeyNotFound(['apiKeyId'])) : ok(quotas);
    },

    async usage(actor, input) {
      if (!can(actor, 'USAGE_READ')) return refuse(permissionDenied(actor, 'USAGE_READ'));
      const question = checkUsageInput(input, clock.now());
      if (!question.ok) return question;
      return ok(await readUsage(database, actor.tenantId, question.value, question.value.groupBy));
    },

    async setTenantQuota(actor, input) {
      if (!can(actor, 'PLATFORM_OPERATE')) return refuse(permissionDenied(actor, 'PLATFORM_OPERATE'));
      const limit = checkLimit(input.predictionsPerMonth ?? null);
      if (!limit.ok) return limit;
      if (!mayBeId(input.tenantSlug)) return refuse(tenantNotFound(['tenantSlug']));
      const set = await database.transaction<Result<string, QuotaNotFound>>(
        // The operator's own tenant is named too: the audit event is written there.
        { tenantId: actor.tenantId, acrossTenants: true },
        async (tx: Tx) => {
          const tenantId = await store.findTenantIdBySlugAcrossTenants(tx, input.tenantSlug);
          if (tenantId === null) return refuse(tenantNotFound(['tenantSlug']));
          await store.setPlanLimitAcrossTenants(tx, tenantId, limit.value, clock.now());
          await audit.record(tx, actor, {
            action: 'setTenantQuota',
            subjectId: tenantId,
            details: { tenantSlug: input.tenantSlug, predictionsPerMonth: limit.value },
          });
          return ok(tenantId);
        },
      );
      if (!set.ok) return set;
      const [quota] = await readQuotas(set.value, []);
      if (quota === undefined) throw new Error('A tenant that was just found has a quota.');
      return ok(quota);
    },

    async sweepReservationsAcrossTenants() {
      let swept = 0;
      for (const [id, tenantId] of [...owed]) {
        swept += await store.release(tenantId, [id]);
        owed.delete(id);
      }
      for (;;) {
        const dead = await store.listDeadReservationsAcrossTenants(
          clock.now(),
          deps.othersDiedBefore ?? null,
          SWEEP_BATCH,
        );
        const idsOf = new Map<string, string[]>();
        for (const { id, tenantId } of dead) idsOf.set(tenantId, [...(idsOf.get(tenantId) ?? []), id]);
        // Each tenant in a transaction of its own: counters of two tenants are never locked together.
        for (const [tenantId, ids] of idsOf) swept += await store.release(tenantId, ids);
        if (dead.length < SWEEP_BATCH) return swept;
      }
    },
  });
}

function apiKeyOf(actor: TenantActor): string | null {
  return actor.kind === 'apiKey' ? actor.apiKeyId : null;
}

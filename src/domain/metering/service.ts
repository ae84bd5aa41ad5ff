/** Reserve, run, settle: the promises, and why they hold, are in README.md. */
import type { Transactions, Tx } from '../../database/index.js';
import type { Clock } from '../../lib/clock.js';
import { mayBeId } from '../../lib/ids.js';
import { parsePageRequest, toPage } from '../../lib/page.js';
import { ok, refuse, type Refusal, type Result } from '../../lib/result.js';
import { can, permissionDenied, type PermissionDenied, type TenantActor } from '../access/index.js';
import type { AuditService } from '../audit/index.js';
import {
  CALLERS_WITHIN_DAYS,
  cursorKey,
  isCursorKey,
  readAliasCallersAcrossTenants,
  type AliasCallerPage,
} from './alias-callers.js';
import { createAdmission, type Admission } from './admission.js';
import type { Settlement } from './charge-kinds.js';
import { createChargeStore, mayChargeAlone, type Settled, type WriteWithCharge } from './charge-store.js';
import {
  apiKeyNotFound,
  reservationLost,
  tenantNotFound,
  type InvalidUsageInput,
  type QuotaExceeded,
  type RateLimited,
  type ReservationLost,
  type QuotaNotFound,
} from './errors.js';
import { createGroupCommit } from './group-commit.js';
import { createLeaseBook } from './lease-book.js';
import { createLeaseStore } from './lease-store.js';
import { LEASE_MS } from './lease.js';
import type { Charge, Charged, Reservation, ReserveRequest, UsageReport } from './ledger.js';
import { exceededQuota, quotasFor, type Outlook } from './outlook.js';
import { withinPeriod, type Quota } from './quota.js';
import type { LimitLeft } from './limit.js';
import { createLimits, type LimitsService } from './limits.js';
import type { Amounts } from './measures.js';
import { createLedgerStore } from './ledger-store.js';
import { createMeteringStore } from './store.js';
import { checkLimit, checkUsageInput, checkWeight, type UsageInput } from './usage-input.js';
import { readUsage } from './usage-report.js';

export interface MeteringService extends LimitsService {
  /** A place among the running predictions, if the rate allows. In memory, no I/O. Leave it in a `finally`. */
  admit(actor: TenantActor): Result<Admission, RateLimited>;
  /**
   * Claims what a prediction may be charged of all limits that count for it, of all or of none: in memory, where a
   * lease has it.
   */
  reserve(actor: TenantActor, request: ReserveRequest): Promise<Result<Reservation, QuotaExceeded>>;
  /**
   * Charges a reservation, once; durable when it resolves. `write` joins the same transaction, and its refusal
   * undoes the charge. RESERVATION_LOST: this call charged nothing, so the answer must not be given.
   */
  settle<E = never>(
    actor: TenantActor,
    reservation: Reservation,
    charge: Charge,
    write?: WriteWithCharge<E>,
  ): Promise<Result<Charged, ReservationLost | E>>;
  /** Gives the units back. Does nothing when the reservation was settled or given back before. Never rejects. */
  release(actor: TenantActor, reservation: Reservation): Promise<void>;
  /** What is left under each HARD limit that counts for the reservation, as far as this process knows. No I/O. */
  limitsLeft(reservation: Reservation): readonly LimitLeft[];
  /** What `admit` and `reserve` would say to a prediction now, and what is left. Takes nothing. */
  outlook(actor: TenantActor, request: ReserveRequest): Promise<Outlook>;
  /**
   * The predictions of this month of the tenant, of the acting key and of `apiKeyId`, which must be a key of the tenant;
   * then every other limit of the tenant, its subscriptions and these keys.
   */
  quota(
    actor: TenantActor,
    input: { readonly apiKeyId?: string | null | undefined },
  ): Promise<Result<readonly Quota[], PermissionDenied | QuotaNotFound>>;
  /** Sums over the ledger. */
  usage(
    actor: TenantActor,
    input: UsageInput,
  ): Promise<Result<UsageReport, PermissionDenied | InvalidUsageInput>>;
  /** Who used an alias of a model of the actor's tenant in the last 30 days, last used first. Needs MODEL_WRITE. */
  aliasCallersAcrossTenants(
    actor: TenantActor,
    input: {
      readonly modelId: string;
      readonly name: string;
      readonly first?: number | null | undefined;
      readonly after?: string | null | undefined;
    },
  ): Promise<Result<AliasCallerPage, PermissionDenied | Refusal<'INVALID_INPUT'>>>;
  /** Counts from the next reservation on, in every process. Needs PLATFORM_OPERATE. */
  setTenantQuota(
    actor: TenantActor,
    input: {
      readonly tenantSlug: string;
      readonly predictionsPerMonth?: number | null | undefined;
      /** Left away: stays as it is. */
      readonly weight?: number | null | undefined;
    },
  ): Promise<Result<Quota, PermissionDenied | InvalidUsageInput | QuotaNotFound>>;
  /** Ends the leases of dead processes; returns how many. To be called every few seconds. */
  sweepLeasesAcrossTenants(): Promise<number>;
  /** Renews leases that are used and gives back what is idle. Called by `LeaseKeeper`, a few times a second. */
  tendLeases(): void;
  /** Another process wants what the tenant's leases here have idle: what is said on `QUOTA_RECALL_CHANNEL`. */
  heedRecall(tenantId: string): Promise<void>;
  /** Gives back all that is idle: at the stop. */
  giveBackIdle(): Promise<void>;
}

export interface MeteringDeps {
  readonly database: Transactions;
  readonly clock: Clock;
  readonly audit: Pick<AuditService, 'record'>;
  /** For each API key or signed-in user. */
  readonly predictionsPerMinutePerKey: number;
  readonly maxConcurrentPerTenant: number;
  /**
   * Whatever was leased before this moment was leased by a process that is dead. Only where no other process
   * can be using the database; `null`, or left away: others may, and only the time tells.
   */
  readonly othersDiedBefore?: Date | null;
  /** How long a request waits for idle units to come back from others before it is refused. */
  readonly recallPatienceMs?: number;
}

/** Where the database says whose leases are wanted back; the message is the tenant's id. */
export const QUOTA_RECALL_CHANNEL = 'souk_quota_recall';
/** Where the database says that a limit was used by 50, 80 or 100 per cent; the message is JSON. */
export const QUOTA_THRESHOLD_CHANNEL = 'souk_quota_threshold';
const MAX_ITEMS_PER_COMMIT = 128;
const SWEEP_BATCH = 1000;
const CALLERS_SORT = 'alias-callers';
const DAY_MS = 86_400_000;

export function createMeteringService(deps: MeteringDeps): MeteringService {
  const { database, clock, audit } = deps;
  const store = createMeteringStore();
  const leases = createLeaseStore(database);
  const charges = createChargeStore(database);
  const ledger = createLedgerStore(database);
  const { recallPatienceMs } = deps;
  const book = createLeaseBook({
    store: leases,
    clock,
    ...(recallPatienceMs === undefined ? {} : { recallPatienceMs }),
  });
  const settlements = createGroupCommit<Settlement, Settled>(charges.settle, {
    maxItems: MAX_ITEMS_PER_COMMIT,
    mayRetryAlone: mayChargeAlone,
  });
  const { readQuotas, readStanding, awaitRecall, ...limits } = createLimits({
    database,
    clock,
    audit,
    book,
    leases,
    store,
  });
  // For the first sweep only: what is older than this process is gone after it.
  let othersDiedBefore = deps.othersDiedBefore ?? null;

  async function settleAlone<E>(
    settlement: Settlement,
    reservation: Reservation,
    write: WriteWithCharge<E>,
  ): Promise<Result<void, ReservationLost | E>> {
    const settled = await charges.settleAndWrite(reservation.tenantId, settlement, write);
    const isLost = !settled.ok && (settled.error as { code?: unknown }).code === 'RESERVATION_LOST';
    if (settled.ok) await book.endCharged(reservation, chargedAmounts(settlement));
    else book.endCharge(reservation, isLost ? 'LOST' : 'UNDONE');
    return settled;
  }

  async function settleInGroup(
    settlement: Settlement,
    reservation: Reservation,
  ): Promise<Result<void, ReservationLost>> {
    const isAlone = book.isAlone(reservation);
    const { isCharged, isRecalled } = await settlements.submit(reservation.tenantId, settlement, isAlone);
    if (!isCharged) {
      book.endCharge(reservation, 'LOST');
      return refuse(reservationLost());
    }
    const returning = book.endCharged(reservation, chargedAmounts(settlement));
    if (isRecalled) void book.recall(reservation.tenantId);
    if (returning !== null) await returning;
    return ok(undefined);
  }

  const admit = createAdmission(deps);

  return Object.freeze<MeteringService>({
    admit,

    async outlook(actor, request) {
      const { tenantId } = actor;
      const asked = { apiKeyId: apiKeyOf(actor), request };
      const keys = asked.apiKeyId === null ? [] : [asked.apiKeyId];
      const standing = await readStanding(tenantId, keys, request.subscription?.id ?? null);
      const { ordinal } = standing;
      const quotas = quotasFor(standing.quotas, asked);
      return { refusal: admit.peek(actor) ?? exceededQuota(quotas, asked, clock.now()), quotas, ordinal };
    },

    reserve: (actor, request) => book.reserve(actor.tenantId, apiKeyOf(actor), request),

    async settle<E>(
      actor: TenantActor,
      reservation: Reservation,
      charge: Charge,
      write?: WriteWithCharge<E>,
    ): Promise<Result<Charged, ReservationLost | E>> {
      if (!book.beginCharge(reservation)) return refuse(reservationLost());
      const now = clock.now();
      const chargedAt = withinPeriod(reservation.day, now);
      const settlement: Settlement = {
        leaseId: reservation.leaseId,
        units: reservation.units,
        ordinal: reservation.ordinal,
        userId: actor.kind === 'user' ? actor.userId : null,
        requestId: actor.requestId,
        at: chargedAt,
        leaseExpiresAt: new Date(now.getTime() + LEASE_MS),
        charge: withinClaim(charge, reservation),
      };
      try {
        const settled =
          write === undefined
            ? await settleInGroup(settlement, reservation)
            : await settleAlone(settlement, reservation, write);
        return settled.ok ? ok({ chargedAt }) : settled;
      } catch (error) {
        book.endCharge(reservation, 'UNKNOWN');
        throw error;
      }
    },

    release: (_actor, reservation) => book.release(reservation),
    limitsLeft: (reservation) => book.limitsLeft(reservation),
    ...limits,

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
      const { groupBy, granularity } = question.value;
      return readUsage(database, actor.tenantId, question.value, groupBy, granularity);
    },

    async aliasCallersAcrossTenants(actor, { modelId, name, first, after }) {
      if (!can(actor, 'MODEL_WRITE')) return refuse(permissionDenied(actor, 'MODEL_WRITE'));
      const page = parsePageRequest(CALLERS_SORT, 3, { first, after }, isCursorKey);
      if (!page.ok) return page;
      const since = new Date(clock.now().getTime() - CALLERS_WITHIN_DAYS * DAY_MS);
      // They are looked up by an index, which what was charged a moment ago is not in yet.
      await ledger.foldAcrossTenants();
      const { rows, totalCount } = await readAliasCallersAcrossTenants(
        database,
        actor.tenantId,
        { modelId, alias: name, since },
        page.value,
      );
      return ok({ page: toPage(rows, page.value, CALLERS_SORT, cursorKey), totalCount });
    },

    async setTenantQuota(actor, input) {
      if (!can(actor, 'PLATFORM_OPERATE')) return refuse(permissionDenied(actor, 'PLATFORM_OPERATE'));
      const limit = checkLimit(input.predictionsPerMonth ?? null);
      if (!limit.ok) return limit;
      const weight = checkWeight(input.weight ?? null);
      if (!weight.ok) return weight;
      if (!mayBeId(input.tenantSlug)) return refuse(tenantNotFound(['tenantSlug']));
      const set = await database.transaction<Result<string, QuotaNotFound>>(
        // The operator's own tenant is named too: the audit event is written there.
        { tenantId: actor.tenantId, acrossTenants: true },
        async (tx: Tx) => {
          const tenantId = await store.findTenantIdBySlugAcrossTenants(tx, input.tenantSlug);
          if (tenantId === null) return refuse(tenantNotFound(['tenantSlug']));
          const plan = { limit: limit.value, weight: weight.value };
          await store.setPlanAcrossTenants(tx, tenantId, plan, clock.now());
          await audit.record(tx, actor, {
            action: 'setTenantQuota',
            subjectId: tenantId,
            details: {
              tenantSlug: input.tenantSlug,
              predictionsPerMonth: limit.value,
              ...(weight.value === null ? {} : { weight: weight.value }),
            },
          });
          return ok(tenantId);
        },
      );
      if (!set.ok) return set;
      await awaitRecall(set.value);
      const [quota] = await readQuotas(set.value, []);
      if (quota === undefined) throw new Error('A tenant that was just found has a quota.');
      return ok(quota);
    },

    async sweepLeasesAcrossTenants() {
      let swept = await book.payDebts();
      for (;;) {
        const dead = await leases.listDeadAcrossTenants(clock.now(), othersDiedBefore, SWEEP_BATCH);
        // Each in a transaction of its own: counters of two tenants are never locked together.
        for (const { id, tenantId } of dead) if (await leases.end(tenantId, id, clock.now())) swept += 1;
        if (dead.length < SWEEP_BATCH) break;
      }
      othersDiedBefore = null;
      return swept;
    },

    tendLeases: () => book.tend(),
    heedRecall: (tenantId) => book.recall(tenantId),
    giveBackIdle: () => book.giveBackIdle(),
  });
}

/** What it took beyond its claim nobody has reserved, so nobody pays it. */
function withinClaim(charge: Charge, { claim }: Reservation): Charge {
  return charge.computeUs <= claim.computeUs ? charge : { ...charge, computeUs: claim.computeUs };
}

/** What a charge takes of its claim: no place, which is free again. */
function chargedAmounts({ units, charge }: Settlement): Amounts {
  return [units, charge.rows, charge.bytes, charge.computeUs, charge.costMicros, 0];
}

function apiKeyOf(actor: TenantActor): string | null {
  return actor.kind === 'apiKey' ? actor.apiKeyId : null;
}

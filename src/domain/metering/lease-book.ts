/** The leases of this process: predictions draw on them in memory, without a word to the database. */
import type { Clock } from '../../lib/clock.js';
import { ok, type Result } from '../../lib/result.js';
import type { QuotaExceeded } from './errors.js';
import {
  covers,
  draw,
  hasIdle,
  newAccount,
  putBack,
  putBackRest,
  retire,
  type Account,
  type AccountFacts,
  type HeldReservation,
  type Lease,
} from './lease-account.js';
import type { LeaseStore } from './lease-store.js';
import { createLeaseWorker } from './lease-worker.js';
import { isRunningLow, LEASE_MS, needsRenewal, paceAt, surplusIn } from './lease.js';
import { limitsLeft, type LimitLeft, type LimitState } from './limit.js';
import { addAmounts, amountsOf, noAmounts, PREDICTIONS, type Amounts } from './measures.js';
import { claimOf, type Reservation, type ReserveRequest } from './ledger.js';
import { dayOf, periodOf, type Period } from './quota.js';

export interface LeaseBook {
  /** Draws units, at once where a lease has them; else they are asked for. @throws when the database is away */
  reserve(
    tenantId: string,
    apiKeyId: string | null,
    request: ReserveRequest,
  ): Promise<Result<Reservation, QuotaExceeded>>;
  /** Whether nothing else runs on the lease of the reservation. */
  isAlone(reservation: Reservation): boolean;
  /** `false`: the units were given back, or a charge for them was sent already. */
  beginCharge(reservation: Reservation): boolean;
  /** How `beginCharge` ended, if not well. UNKNOWN: the database failed; LOST: the lease is gone; UNDONE: nothing happened. */
  endCharge(reservation: Reservation, outcome: 'UNDONE' | 'LOST' | 'UNKNOWN'): void;
  /** The charge is in the ledger. Resolves when what it did not take of the claim is there for everybody. */
  endCharged(reservation: Reservation, charged: Amounts): Promise<void> | null;
  /** Gives the units back, unless they were charged. Resolves when they are there for everybody. */
  release(reservation: Reservation): Promise<void>;
  /** Gives back what the tenant's leases have idle. Resolves when it is back. */
  recall(tenantId: string): Promise<void>;
  /** What the tenant's leases have idle, of those of which `isMeant` says so. */
  idleOf(tenantId: string, isMeant: (account: AccountFacts) => boolean): Amounts;
  /** What is left under the limits of a reservation. */
  limitsLeft(reservation: Reservation): readonly LimitLeft[];
  /** Renews what is used, gives back what is not. To be called a few times a second. */
  tend(): void;
  /** Gives back all that is idle. */
  giveBackIdle(): Promise<void>;
  /** Ends leases that could not be ended while the database was away. @throws when it still is */
  payDebts(): Promise<number>;
}

export interface LeaseBookDeps {
  readonly store: LeaseStore;
  readonly clock: Clock;
  /** How long a request waits for idle units to come back from others before it is refused. */
  readonly recallPatienceMs?: number;
}

const NO_LIMITS: readonly LimitLeft[] = [];
const DEFAULT_RECALL_PATIENCE_MS = 1_000;
const IDLE_AFTER_MS = 500;
const END_AFTER_MS = 1_000;
const FORGET_AFTER_MS = 10_000;

export function createLeaseBook({ store, clock, ...options }: LeaseBookDeps): LeaseBook {
  const recallPatienceMs = options.recallPatienceMs ?? DEFAULT_RECALL_PATIENCE_MS;
  // By tenant, then by API key, model and subscription. Bounded by who predicted in the last seconds: see `tend`.
  const tenants = new Map<string, Map<string, Account>>();
  // Of days that are over.
  const past = new Set<Account>();
  let period = periodOf(clock.now());
  let day = dayOf(clock.now());
  const worker = createLeaseWorker({ store, clock, recallOthers });

  function dayNow(): Period {
    const nowMs = clock.now().getTime();
    if (nowMs < day.start.getTime() || nowMs >= day.end.getTime()) {
      day = dayOf(new Date(nowMs));
      period = periodOf(day.start);
    }
    return day;
  }

  function accountOf(tenantId: string, apiKeyId: string | null, request: ReserveRequest): Account {
    let accounts = tenants.get(tenantId);
    if (accounts === undefined) tenants.set(tenantId, (accounts = new Map<string, Account>()));
    const { modelId = null, subscription = null } = request;
    // Ids hold no space.
    const key = `${apiKeyId ?? ''} ${modelId ?? ''} ${subscription?.id ?? ''}`;
    let account = accounts.get(key);
    const today = dayNow();
    if (account?.day !== today) {
      if (account !== undefined) past.add(account);
      // Its pace begins at nothing: what was drawn yesterday says nothing about a limit that may have changed.
      account = newAccount({ key, tenantId, apiKeyId, modelId, subscription, period, day: today });
      accounts.set(key, account);
    }
    return account;
  }

  function allAccounts(): Account[] {
    return [...past, ...[...tenants.values()].flatMap((accounts) => [...accounts.values()])];
  }

  function accountsOf(tenantId: string): Account[] {
    const old = [...past].filter((account) => account.tenantId === tenantId);
    return [...old, ...(tenants.get(tenantId)?.values() ?? [])];
  }

  function recallOne(account: Account): void {
    if (account.lease?.isLoose !== true) return;
    account.lease.isRecalled = true;
    worker.kick(account);
  }

  function recallOthers(account: Account, limit: LimitState): void {
    for (const other of accountsOf(account.tenantId)) {
      const { apiKeyId, modelId, subscription } = other;
      if (other === account || (limit.modelId !== null && limit.modelId !== modelId)) continue;
      if (limit.subject === 'API_KEY' && limit.subjectId !== apiKeyId) continue;
      if (limit.subject === 'SUBSCRIPTION' && limit.subjectId !== subscription?.id) continue;
      recallOne(other);
    }
  }

  function isUsable(lease: Lease | null): lease is Lease {
    return lease !== null && clock.now().getTime() < lease.expiresAtMs;
  }

  function tendAccount(account: Account, nowMs: number): void {
    const { lease, retired } = account;
    const wallMs = clock.now().getTime();
    for (const old of retired) {
      if (!old.isGone && needsRenewal(old.expiresAtMs, wallMs)) account.todo.add('RENEW_RETIRED');
    }
    if (lease !== null) {
      const unusedMs = nowMs - lease.lastUsedMs;
      const isOver = past.has(account) || unusedMs >= IDLE_AFTER_MS;
      if (isOver && hasIdle(lease)) account.todo.add('GIVE_BACK');
      if (past.has(account) || unusedMs >= END_AFTER_MS) account.todo.add('END');
      if (!isOver && surplusIn(lease.idle, account.mean, paceAt(account.pace, nowMs)) !== null) {
        account.todo.add('SHRINK');
      }
      // Should the message that others want it have been lost, the answer says so.
      const isDeaf = lease.isLoose && nowMs - lease.heardMs >= IDLE_AFTER_MS;
      const isOld = lease.inUse > 0 && needsRenewal(lease.expiresAtMs, wallMs);
      if (isDeaf || isOld) account.todo.add('RENEW');
    } else if (account.waiting.length + retired.size === 0 && !account.isWorking) {
      if (past.delete(account) || nowMs - account.pace.atMs < FORGET_AFTER_MS) return;
      const accounts = tenants.get(account.tenantId);
      accounts?.delete(account.key);
      if (accounts?.size === 0) tenants.delete(account.tenantId);
    }
    worker.kick(account);
  }

  return Object.freeze<LeaseBook>({
    reserve(tenantId, apiKeyId, request) {
      const { subscription = null, units, timeoutMs } = request;
      if (subscription !== null && units !== 1) throw new RangeError('A subscription counts one by one.');
      const claim = claimOf(request);
      const amounts = amountsOf(claim);
      const account = accountOf(tenantId, apiKeyId, request);
      const { lease } = account;
      const nowMs = clock.monotonicMs();
      if (account.waiting.length === 0 && isUsable(lease) && !lease.isRecalled && covers(lease, amounts)) {
        const reservation = draw(lease, claim, amounts, nowMs);
        const isLow =
          lease.isLoose && isRunningLow(lease.idle[PREDICTIONS] as number, account.pace.perSecond);
        if (isLow) worker.kick(account);
        return Promise.resolve(ok(reservation));
      }
      return new Promise((resolve, reject) => {
        const patientUntilMs = nowMs + Math.min(timeoutMs, recallPatienceMs);
        account.waiting.push({ claim, amounts, patientUntilMs, resolve, reject });
        worker.kick(account);
      });
    },

    isAlone(reservation) {
      return (reservation as HeldReservation).lease.inUse === reservation.units;
    },

    beginCharge(reservation) {
      const held = reservation as HeldReservation;
      if (held.isSent || held.isOver) return false;
      held.isSent = true;
      return true;
    },

    endCharge(reservation, outcome) {
      const held = reservation as HeldReservation;
      const { lease } = held;
      if (outcome === 'UNDONE' && !held.isOver) held.isSent = false;
      if (outcome === 'LOST') lease.isGone = true;
      if (outcome === 'LOST' || outcome === 'UNKNOWN') retire(lease);
    },

    endCharged(reservation, charged) {
      const held = reservation as HeldReservation;
      const { lease } = held;
      const { account } = lease;
      if (held.isOver) return null;
      held.isOver = true;
      lease.inUse -= held.units;
      lease.heardMs = clock.monotonicMs();
      // As the statement did in the database.
      lease.expiresAtMs = Math.max(lease.expiresAtMs, clock.now().getTime() + LEASE_MS);
      const isTight = !lease.isRetired && putBackRest(held, charged) && !lease.isLoose;
      const isWaitedFor = lease.limited.length > 0 && account.waiting.length > 0;
      if (isTight || isWaitedFor || lease.isRetired || lease.isStale || lease.isRecalled)
        worker.kick(account);
      return isTight ? account.work : null;
    },

    async release(reservation) {
      const held = reservation as HeldReservation;
      if (held.isOver) return;
      held.isOver = true;
      const { lease } = held;
      const { account } = lease;
      lease.inUse -= held.units;
      // In the middle of a charge: whether it comes to pass, the row of the lease will say.
      if (held.isSent) retire(lease);
      if (!lease.isRetired) putBack(held);
      if (lease.isLoose && !lease.isRecalled && !lease.isRetired && account.waiting.length === 0) return;
      worker.kick(account);
      await account.work;
    },

    async recall(tenantId) {
      const accounts = accountsOf(tenantId);
      for (const account of accounts) recallOne(account);
      await Promise.all(accounts.map((account) => account.work));
    },

    idleOf(tenantId, isMeant) {
      const idle = noAmounts();
      for (const account of accountsOf(tenantId)) {
        if (!isMeant(account)) continue;
        for (const lease of [account.lease, ...account.retired]) {
          if (lease === null || lease.isGone) continue;
          addAmounts(idle, lease.idle);
          addAmounts(idle, lease.returning);
        }
      }
      return idle;
    },

    limitsLeft(reservation) {
      const { lease } = reservation as HeldReservation;
      if (lease.standing.length === 0) return NO_LIMITS;
      return limitsLeft(lease.standing, lease.idle, clock.now());
    },

    tend() {
      const nowMs = clock.monotonicMs();
      for (const account of allAccounts()) tendAccount(account, nowMs);
      void worker.payDebtsLater();
    },

    async giveBackIdle() {
      const accounts = allAccounts();
      for (const account of accounts) {
        account.todo.add('GIVE_BACK').add('END');
        worker.kick(account);
      }
      await Promise.all(accounts.map((account) => account.work));
    },

    payDebts: () => worker.payDebts(),
  });
}

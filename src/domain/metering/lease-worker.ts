/**
 * What an account has to say to the database, one thing after the other: so that what was asked is answered before
 * the next is asked, and memory and row never differ by two things at once.
 */
import { LRUCache } from 'lru-cache';
import type { Clock } from '../../lib/clock.js';
import { newId } from '../../lib/ids.js';
import { ok, refuse } from '../../lib/result.js';
import { quotaExceeded } from './errors.js';
import { draw, newLease, retire, type Account, type Lease, type Waiting } from './lease-account.js';
import type { LeaseStore, Shortage } from './lease-store.js';
import { isRunningLow, LEASE_MS, paceAt, surplusOf, wantedAhead } from './lease.js';

export interface LeaseWorkerDeps {
  readonly store: LeaseStore;
  readonly clock: Clock;
  /** Asks other accounts of the tenant in this process for what they have idle. */
  readonly recallOthers: (account: Account) => void;
}

export interface LeaseWorker {
  /** Begins to work if there is something to do; what is under way takes it along. */
  kick(account: Account): void;
  /** Ends leases that could not be ended while the database was away; returns how many. @throws what it throws */
  payDebts(): Promise<number>;
  /** The same, but not again and again, and without a word when the database still is away. */
  payDebtsLater(): Promise<void>;
}

/** Leases that may be there although nothing here knows them; one that is forgotten expires by itself. */
const MAX_OWED = 10_000;
const AHEAD_AGAIN_MS = 100;
const PAY_AGAIN_MS = 1_000;
const FIRST_PAUSE_MS = 5;
const LONGEST_PAUSE_MS = 80;

export function createLeaseWorker(deps: LeaseWorkerDeps): LeaseWorker {
  const { store, clock } = deps;
  // Lease to tenant.
  const owed = new LRUCache<string, string>({ max: MAX_OWED });
  let payAgainMs = 0;

  function kick(account: Account): void {
    if (account.isWorking) {
      account.wake();
      return;
    }
    account.isWorking = true;
    account.work = work(account);
  }

  async function work(account: Account): Promise<void> {
    let pauseMs = FIRST_PAUSE_MS;
    try {
      for (;;) {
        serve(account);
        const step = nextStep(account);
        if (step === null) return;
        const isShort = await step();
        pauseMs = isShort ? Math.min(pauseMs * 2, LONGEST_PAUSE_MS) : FIRST_PAUSE_MS;
        if (isShort) await pause(account, pauseMs);
      }
    } catch (error) {
      // A bug: nobody may wait for ever because of it.
      leave(account, [...account.waiting], (one) => one.reject(error));
    } finally {
      // In the same turn as the look that found nothing to do: whoever kicks later begins anew.
      account.isWorking = false;
    }
  }

  /** What to do next, most urgent first. A step says whether units are on their way, so that a pause is due. */
  function nextStep(account: Account): (() => Promise<boolean>) | null {
    const { lease, todo, waiting } = account;
    for (const old of account.retired) if (old.inUse === 0) return () => end(old);
    if (lease !== null) {
      if (clock.now().getTime() >= lease.expiresAtMs) {
        retire(lease);
        return nextStep(account);
      }
      // The idle units of a tight lease are for whoever asks for them, here or elsewhere.
      if (
        lease.isRecalled ||
        (!lease.isLoose && lease.idle > 0) ||
        (todo.has('GIVE_BACK') && lease.idle > 0)
      ) {
        todo.delete('GIVE_BACK');
        return () => giveBack(lease, lease.idle, false);
      }
      if (todo.delete('RENEW')) return () => extend(account, [], 0);
      if (todo.delete('END') && lease.inUse === 0 && lease.idle === 0 && waiting.length === 0) {
        retire(lease);
        return () => end(lease);
      }
      const surplus = surplusOf(lease.idle, paceAt(account.pace, clock.monotonicMs()));
      if (todo.delete('SHRINK') && surplus > 0) return () => giveBack(lease, surplus, true);
    }
    todo.clear();
    if (waiting.length > 0) {
      return () => extend(account, [...waiting], wantedAhead(paceAt(account.pace, clock.monotonicMs())));
    }
    if (lease?.isLoose !== true || clock.monotonicMs() < account.aheadAfterMs) return null;
    const pace = paceAt(account.pace, clock.monotonicMs());
    return isRunningLow(lease.idle, pace) ? () => extend(account, [], wantedAhead(pace)) : null;
  }

  /** Gives what is idle to those who wait, in their order. */
  function serve(account: Account): void {
    const { lease } = account;
    if (lease === null || account.waiting.length === 0) return;
    account.waiting = account.waiting.filter((one) => {
      if (one.claim.predictions > lease.idle) return true;
      one.resolve(ok(draw(lease, one.claim, clock.monotonicMs())));
      return false;
    });
  }

  /** Asks for units for those who wait, and ahead of those to come. */
  async function extend(account: Account, batch: readonly Waiting[], ahead: number): Promise<boolean> {
    const { lease } = account;
    const now = clock.now();
    const idle = lease?.idle ?? 0;
    const leaseId = lease?.id ?? newId('quotaLease', now.getTime());
    const expiresAt = new Date(now.getTime() + LEASE_MS);
    const asked = Math.max(0, batch.reduce((sum, one) => sum + one.claim.predictions, 0) - idle);
    const smallest = Math.max(
      0,
      batch.reduce((least, one) => Math.min(least, one.claim.predictions), Infinity) - idle,
    );
    let answer;
    try {
      answer = await store.lease(account.tenantId, {
        leaseId,
        apiKeyId: account.apiKeyId,
        period: account.period,
        isNew: lease === null,
        asked,
        smallest: batch.length === 0 ? 0 : smallest,
        ahead,
        expiresAt,
        now,
      });
    } catch (error) {
      // Only the answer may be lost: then the units are held, and nobody knows it.
      if (lease === null) owed.set(leaseId, account.tenantId);
      else retire(lease);
      leave(account, batch, (one) => one.reject(error));
      return false;
    }
    const { granted, room, weight, isLoose, isRecalled, shortage } = answer;
    if (granted === null) {
      if (lease !== null) {
        lease.isGone = true;
        retire(lease);
      }
      return false;
    }
    const nowMs = clock.monotonicMs();
    if (granted < asked + ahead) account.aheadAfterMs = nowMs + AHEAD_AGAIN_MS;
    const terms = { room, weight, expiresAtMs: expiresAt.getTime() };
    if (lease !== null) {
      Object.assign(lease, terms, {
        idle: lease.idle + granted,
        isLoose: lease.isLoose || isLoose,
        heardMs: nowMs,
      });
      if (isRecalled) lease.isRecalled = true;
    } else if (granted > 0) {
      account.lease = newLease(leaseId, account, nowMs, { ...terms, idle: granted, isLoose });
    }
    serve(account);
    return shortage === null ? false : fallShort(account, batch, shortage);
  }

  /** Refuses those for whom nothing is left anywhere; while idle units are on their way back, they wait. */
  function fallShort(account: Account, batch: readonly Waiting[], shortage: Shortage): boolean {
    const { subject, limit, used, isRecalling } = shortage;
    const nowMs = clock.monotonicMs();
    const refusal = quotaExceeded({ subject, limit, used, resetsAt: account.period.end });
    leave(
      account,
      batch.filter((one) => !isRecalling || nowMs >= one.patientUntilMs),
      (one) => one.resolve(refuse(refusal)),
    );
    if (!isRecalling || account.waiting.length === 0) return false;
    if (subject === 'TENANT') deps.recallOthers(account);
    return true;
  }

  async function giveBack(lease: Lease, units: number, isLoose: boolean): Promise<boolean> {
    lease.idle -= units;
    lease.returning += units;
    lease.isLoose = isLoose && lease.isLoose;
    lease.isRecalled = false;
    try {
      if (await store.giveBack(lease.account.tenantId, lease.id, units, lease.isLoose)) {
        if (lease.room !== null) lease.room += units;
      } else {
        lease.isGone = true;
        retire(lease);
      }
    } catch {
      // Whether they are back is not known: the row decides when the lease ends. Nobody here waits for an answer.
      retire(lease);
    } finally {
      lease.returning -= units;
    }
    return false;
  }

  /** Nothing runs on it any more. */
  async function end(lease: Lease): Promise<boolean> {
    const { tenantId } = lease.account;
    try {
      if (!lease.isGone) await store.end(tenantId, lease.id);
    } catch {
      owed.set(lease.id, tenantId);
    } finally {
      lease.account.retired.delete(lease);
    }
    return false;
  }

  async function payDebts(): Promise<number> {
    let paid = 0;
    for (const [leaseId, tenantId] of [...owed]) {
      if (await store.end(tenantId, leaseId)) paid += 1;
      owed.delete(leaseId);
    }
    return paid;
  }

  async function payDebtsLater(): Promise<void> {
    const nowMs = clock.monotonicMs();
    if (owed.size === 0 || nowMs < payAgainMs) return;
    payAgainMs = nowMs + PAY_AGAIN_MS;
    // It still is away, then: they stay owed.
    await payDebts().catch(() => undefined);
  }

  return Object.freeze({ kick, payDebts, payDebtsLater });
}

/** Takes those of `batch` who still wait out of the line. */
function leave(account: Account, batch: readonly Waiting[], tell: (one: Waiting) => void): void {
  const leaving = new Set(batch.filter((one) => account.waiting.includes(one)));
  account.waiting = account.waiting.filter((one) => !leaving.has(one));
  for (const one of leaving) tell(one);
}

/** Until something was given back here, or for a moment: what others give back is not told. */
function pause(account: Account, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    account.wake = () => {
      clearTimeout(timer);
      resolve();
    };
  });
}

/**
 * What an account has to say to the database, one thing after the other: so that what was asked is answered before
 * the next is asked, and memory and row never differ by two things at once.
 */
import { LRUCache } from 'lru-cache';
import type { Clock } from '../../lib/clock.js';
import { newId } from '../../lib/ids.js';
import { ok, refuse } from '../../lib/result.js';
import { exceededLimit } from './exceeded-limit.js';
import {
  addGranted,
  covers,
  draw,
  hasIdle,
  newLease,
  outdate,
  retire,
  type Account,
  type Lease,
  type Waiting,
} from './lease-account.js';
import type { LeaseStore } from './lease-store.js';
import { aheadOf, isRunningLow, LEASE_MS, paceAt, surplusIn, wantedAhead } from './lease.js';
import { resetsAtOf, shortLimit, standingLimits, type LimitState } from './limit.js';
import { addAmounts, noAmounts, placeOf, PREDICTIONS, shownAmount, type Amounts } from './measures.js';
import { takeHighest } from './ordinals.js';

export interface LeaseWorkerDeps {
  readonly store: LeaseStore;
  readonly clock: Clock;
  /** Asks other accounts of the tenant in this process for what they have idle. */
  readonly recallOthers: (account: Account, limit: LimitState) => void;
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
    for (const old of account.retired) {
      if (old.inUse === 0) return () => end(old);
      if (!old.isRetired && hasIdle(old)) return () => giveBack(old, [...old.idle], false);
    }
    if (todo.delete('RENEW_RETIRED') && account.retired.size > 0) return () => renewRetired(account);
    if (lease !== null) {
      if (clock.now().getTime() >= lease.expiresAtMs) {
        retire(lease);
        return nextStep(account);
      }
      // The idle units of a tight lease are for whoever asks for them, here or elsewhere.
      const isWanted = lease.isRecalled || !lease.isLoose || todo.has('GIVE_BACK');
      if (lease.isRecalled || (isWanted && hasIdle(lease))) {
        todo.delete('GIVE_BACK');
        return () => giveBack(lease, [...lease.idle], false);
      }
      if (todo.delete('RENEW')) return () => extend(account, [], noAmounts());
      if (todo.delete('END') && lease.inUse === 0 && !hasIdle(lease) && waiting.length === 0) {
        retire(lease);
        return () => end(lease);
      }
      if (todo.delete('SHRINK')) {
        const surplus = surplusIn(lease.idle, account.mean, paceAt(account.pace, clock.monotonicMs()));
        if (surplus !== null) return () => giveBack(lease, surplus, true);
      }
    }
    todo.clear();
    if (waiting.length > 0) return () => extend(account, [...waiting], aheadFor(account));
    if (lease?.isLoose !== true || clock.monotonicMs() < account.aheadAfterMs) return null;
    const pace = paceAt(account.pace, clock.monotonicMs());
    const isLow = isRunningLow(lease.idle[PREDICTIONS] as number, pace);
    return isLow ? () => extend(account, [], aheadFor(account)) : null;
  }

  function aheadFor(account: Account): Amounts {
    const wanted = wantedAhead(paceAt(account.pace, clock.monotonicMs()));
    return aheadOf(wanted, account.lease?.idle ?? null, account.mean);
  }

  /** Gives what is idle to those who wait, in their order. */
  function serve(account: Account): void {
    const { lease } = account;
    if (lease === null || account.waiting.length === 0) return;
    account.waiting = account.waiting.filter((one) => {
      if (!covers(lease, one.amounts)) return true;
      one.resolve(ok(draw(lease, one.claim, one.amounts, clock.monotonicMs())));
      return false;
    });
  }

  /** Asks for units for those who wait, and ahead of those to come. */
  async function extend(account: Account, batch: readonly Waiting[], ahead: Amounts): Promise<boolean> {
    const { lease } = account;
    const now = clock.now();
    const leaseId = lease?.id ?? newId('quotaLease', now.getTime());
    const expiresAt = new Date(now.getTime() + LEASE_MS);
    let answer;
    try {
      answer = await store.lease({
        leaseId,
        account,
        isNew: lease === null,
        claims: batch.map((one) => one.amounts),
        idle: lease === null ? noAmounts() : [...lease.idle],
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
    if (!('granted' in answer)) {
      if (lease !== null && answer.state === 'STALE') outdate(lease);
      if (lease !== null && answer.state === 'GONE') {
        lease.isGone = true;
        retire(lease);
      }
      return false;
    }
    const { granted, room, weight, isLoose, isRecalling, limited, limits, ordinals } = answer;
    const nowMs = clock.monotonicMs();
    const asked =
      batch.reduce((sum, one) => sum + one.claim.predictions, 0) - (lease?.idle[PREDICTIONS] ?? 0);
    const isLess = (granted[PREDICTIONS] as number) < Math.max(0, asked) + (ahead[PREDICTIONS] as number);
    if (isLess) account.aheadAfterMs = nowMs + AHEAD_AGAIN_MS;
    const standing = standingLimits(limits, account);
    const terms = { room, weight, limits, standing, expiresAtMs: expiresAt.getTime() };
    if (lease !== null) {
      addGranted(lease, granted, ordinals);
      Object.assign(lease, terms, { isLoose: lease.isLoose || isLoose, heardMs: nowMs });
      if (answer.state === 'GRANTED' && isRecalling) lease.isRecalled = true;
    } else if ((granted[PREDICTIONS] as number) > 0) {
      const idle = [...granted];
      account.lease = newLease(leaseId, account, nowMs, { ...terms, idle, limited, isLoose, ordinals });
    }
    serve(account);
    return answer.state === 'SHORT' ? fallShort(account, batch, limits, isRecalling) : false;
  }

  /** Refuses those for whom nothing is left anywhere; while idle units are on their way back, they wait. */
  function fallShort(
    account: Account,
    batch: readonly Waiting[],
    limits: readonly LimitState[],
    isRecalling: boolean,
  ): boolean {
    const nowMs = clock.monotonicMs();
    const idle = account.lease?.idle ?? noAmounts();
    const shortOf = new Map<Waiting, LimitState>();
    for (const one of batch) {
      if (!account.waiting.includes(one)) continue;
      const limit = shortLimit(limits, one.amounts, idle);
      // What was given back meanwhile is enough after all: it is asked for again.
      if (limit !== null) shortOf.set(one, limit);
    }
    const refused = batch.filter((one) => shortOf.has(one) && (!isRecalling || nowMs >= one.patientUntilMs));
    leave(account, refused, (one) => {
      const limit = shortOf.get(one);
      if (limit !== undefined) one.resolve(refuse(refusalOf(account, limit, one.amounts, clock.now())));
    });
    if (account.waiting.length === 0) return false;
    if (isRecalling) for (const limit of new Set(shortOf.values())) deps.recallOthers(account, limit);
    return true;
  }

  async function giveBack(lease: Lease, amounts: Amounts, isLoose: boolean): Promise<boolean> {
    const { tenantId } = lease.account;
    const less = amounts.map((amount) => -amount);
    addAmounts(lease.idle, less);
    addAmounts(lease.returning, amounts);
    const units = amounts[PREDICTIONS] as number;
    const ordinals = lease.ordinals === null || units === 0 ? null : takeHighest(lease.ordinals, units);
    lease.isLoose = isLoose && lease.isLoose;
    lease.isRecalled = false;
    try {
      const back = { amounts, ordinals, isLoose: lease.isLoose };
      if (await store.giveBack(tenantId, lease.id, back, clock.now())) {
        if (lease.room !== null) lease.room += units;
        for (const limit of lease.limits) {
          if (limit.left !== null) limit.left += amounts[placeOf(limit.measure)] ?? 0;
        }
      } else {
        lease.isGone = true;
        retire(lease);
      }
    } catch {
      // Whether they are back is not known: the row decides when the lease ends. Nobody here waits for an answer.
      retire(lease);
    } finally {
      addAmounts(lease.returning, less);
    }
    return false;
  }

  /** Predictions run on them that take longer than a lease is good for. */
  async function renewRetired(account: Account): Promise<boolean> {
    const leases = [...account.retired].filter((lease) => !lease.isGone);
    const expiresAt = new Date(clock.now().getTime() + LEASE_MS);
    try {
      await store.renew(
        account.tenantId,
        leases.map(({ id }) => id),
        expiresAt,
      );
      for (const lease of leases) lease.expiresAtMs = Math.max(lease.expiresAtMs, expiresAt.getTime());
    } catch {
      // The keeper asks again as long as they are old.
    }
    return false;
  }

  /** Nothing runs on it any more. */
  async function end(lease: Lease): Promise<boolean> {
    const { tenantId } = lease.account;
    try {
      if (!lease.isGone) await store.end(tenantId, lease.id, clock.now());
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
      if (await store.end(tenantId, leaseId, clock.now())) paid += 1;
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

function refusalOf({ period, day }: Account, limit: LimitState, claim: Amounts, now: Date) {
  const { subject, subjectId, measure, window, modelId, currency, amount, used } = limit;
  const short = { subject, subjectId, measure, window, modelId, currency, limit: amount };
  const standing = { used: shownAmount(measure, used), resetsAt: resetsAtOf(window, period, day) };
  return exceededLimit({ ...short, ...standing }, limit.level, claim, now);
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

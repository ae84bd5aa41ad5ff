/** What a process remembers of its leases. Only `lease-book.ts` and `lease-worker.ts` change it. */
import type { Result } from '../../lib/result.js';
import type { QuotaExceeded } from './errors.js';
import { NO_PACE, paceAfterDraw, remainingWith, type Pace } from './lease.js';
import type { Claim, Reservation } from './ledger.js';
import type { Period } from './quota.js';

/** For whom and for what units are drawn: the same limits count for all that is drawn on one account. */
export interface AccountFacts {
  /** Among the accounts of the tenant. */
  readonly key: string;
  readonly tenantId: string;
  /** `null`: of a signed-in user, counted to the tenant only. */
  readonly apiKeyId: string | null;
  readonly modelId: string | null;
  readonly subscription: { readonly id: string; readonly currency: string } | null;
  readonly period: Period;
  readonly day: Period;
}

export interface Account extends AccountFacts {
  pace: Pace;
  /** What predictions draw on. */
  lease: Lease | null;
  /** Leases that are drawn on no more, and that running predictions still hold. */
  readonly retired: Set<Lease>;
  /** In the order in which they came. */
  waiting: Waiting[];
  readonly todo: Set<Todo>;
  /** Nothing was granted ahead lately: do not ask again before. */
  aheadAfterMs: number;
  isWorking: boolean;
  work: Promise<void>;
  /** Ends a pause of the work. */
  wake: () => void;
}

/** GIVE_BACK: all that is idle. SHRINK: what the pace does not need. RENEW: the time of the lease. END: if unused. */
export type Todo = 'GIVE_BACK' | 'SHRINK' | 'RENEW' | 'END';

export interface Lease {
  readonly id: string;
  readonly account: Account;
  /** May be drawn. */
  idle: number;
  /** Held by running predictions. */
  inUse: number;
  /** On their way back to the database. */
  returning: number;
  /** Left under the tightest limit beside this lease; `null`: unlimited. */
  room: number | null;
  weight: number;
  /** May keep idle units. One that is not gives back at once what it does not need. */
  isLoose: boolean;
  /** Asked to give back what is idle. */
  isRecalled: boolean;
  isRetired: boolean;
  /** There is nothing left of it in the database. */
  isGone: boolean;
  expiresAtMs: number;
  lastUsedMs: number;
  /** When the database last said something about it: it may have said that others want it. */
  heardMs: number;
}

export interface Waiting {
  readonly claim: Claim;
  /** Until when a shortage is not yet a refusal. */
  readonly patientUntilMs: number;
  readonly resolve: (result: Result<Reservation, QuotaExceeded>) => void;
  readonly reject: (fault: unknown) => void;
}

export interface HeldReservation extends Reservation {
  readonly lease: Lease;
  isOver: boolean;
  /** The prediction that it is, or was, being charged for. */
  chargedFor: string | null;
}

export function newAccount(facts: AccountFacts): Account {
  return {
    ...facts,
    pace: NO_PACE,
    lease: null,
    retired: new Set(),
    waiting: [],
    todo: new Set(),
    aheadAfterMs: 0,
    isWorking: false,
    work: Promise.resolve(),
    wake: () => undefined,
  };
}

export function newLease(
  id: string,
  account: Account,
  nowMs: number,
  terms: Pick<Lease, 'idle' | 'room' | 'weight' | 'isLoose' | 'expiresAtMs'>,
): Lease {
  return {
    id,
    account,
    inUse: 0,
    returning: 0,
    isRecalled: false,
    isRetired: false,
    isGone: false,
    lastUsedMs: nowMs,
    heardMs: nowMs,
    ...terms,
  };
}

/** Takes idle units for a prediction. The caller has looked that there are enough. */
export function draw(lease: Lease, claim: Claim, nowMs: number): HeldReservation {
  const { account } = lease;
  const units = claim.predictions;
  lease.idle -= units;
  lease.inUse += units;
  lease.lastUsedMs = nowMs;
  account.pace = paceAfterDraw(account.pace, units, nowMs);
  return {
    tenantId: account.tenantId,
    leaseId: lease.id,
    units,
    claim,
    period: account.period,
    day: account.day,
    ordinal: null,
    remaining: remainingWith(lease.room, lease.idle),
    weight: lease.weight,
    lease,
    isOver: false,
    chargedFor: null,
  };
}

/**
 * Nothing is drawn on the lease any more; it ends when nothing runs on it. When it is not certain how many units the
 * database thinks it has, its row decides: what it did not charge is given back then.
 */
export function retire(lease: Lease): void {
  if (lease.isRetired) return;
  lease.isRetired = true;
  lease.account.retired.add(lease);
  if (lease.account.lease === lease) lease.account.lease = null;
}

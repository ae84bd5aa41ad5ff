/** What a process remembers of its leases. Only `lease-book.ts` and `lease-worker.ts` change it. */
import type { Result } from '../../lib/result.js';
import type { QuotaExceeded } from './errors.js';
import { NO_PACE, paceAfterDraw, remainingWith, type Pace } from './lease.js';
import type { Claim, Reservation } from './ledger.js';
import type { LimitState, StandingLimit } from './limit.js';
import { addAmounts, noAmounts, PREDICTIONS, type Amounts } from './measures.js';
import { addOrdinals, takeLowest, type Ordinals } from './ordinals.js';
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
  /** Moving mean of the claims, of what is limited. */
  readonly mean: Amounts;
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

/**
 * GIVE_BACK: all that is idle. SHRINK: what the pace does not need. RENEW: the time of the lease. RENEW_RETIRED: of those
 * that are drawn on no more. END: if unused.
 */
export type Todo = 'GIVE_BACK' | 'SHRINK' | 'RENEW' | 'RENEW_RETIRED' | 'END';

export interface Lease {
  readonly id: string;
  readonly account: Account;
  /** Beside predictions, the places of the measures of which it holds what is charged. */
  readonly limited: readonly number[];
  /** May be drawn. */
  readonly idle: Amounts;
  /** Predictions held by running ones. */
  inUse: number;
  /** On their way back to the database. */
  readonly returning: Amounts;
  /** The limits that count for it, with what was left beside this lease when it was last extended. */
  limits: readonly LimitState[];
  /** Of these the HARD ones, as predictions are told of them. */
  standing: readonly StandingLimit[];
  /** What it may hand out; `null` without a subscription. */
  readonly ordinals: Ordinals | null;
  /** Predictions left under the tightest limit beside this lease; `null`: unlimited. */
  room: number | null;
  weight: number;
  /** May keep idle units. One that is not gives back at once what it does not need. */
  isLoose: boolean;
  /** Asked to give back what is idle. */
  isRecalled: boolean;
  /** Other limits count now than those under which it was granted: nothing is drawn on it any more. */
  isStale: boolean;
  /** What the database thinks it holds is not certain: its row decides when it ends. */
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
  readonly amounts: Amounts;
  /** Until when a shortage is not yet a refusal. */
  readonly patientUntilMs: number;
  readonly resolve: (result: Result<Reservation, QuotaExceeded>) => void;
  readonly reject: (fault: unknown) => void;
}

export interface HeldReservation extends Reservation {
  readonly lease: Lease;
  readonly amounts: Amounts;
  isOver: boolean;
  /** Its charge is with the database, or was. It is never sent twice. */
  isSent: boolean;
}

export function newAccount(facts: AccountFacts): Account {
  return {
    ...facts,
    pace: NO_PACE,
    mean: noAmounts(),
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
  terms: Pick<
    Lease,
    'idle' | 'limited' | 'limits' | 'standing' | 'ordinals' | 'room' | 'weight' | 'isLoose' | 'expiresAtMs'
  >,
): Lease {
  return {
    id,
    account,
    inUse: 0,
    returning: noAmounts(),
    isRecalled: false,
    isStale: false,
    isRetired: false,
    isGone: false,
    lastUsedMs: nowMs,
    heardMs: nowMs,
    ...terms,
  };
}

/** Whether what is idle is enough, in every measure that is limited. */
export function covers({ idle, limited }: Lease, amounts: Amounts): boolean {
  if ((idle[PREDICTIONS] as number) < (amounts[PREDICTIONS] as number)) return false;
  for (const place of limited) if ((idle[place] as number) < (amounts[place] as number)) return false;
  return true;
}

export function hasIdle({ idle, limited }: Lease): boolean {
  return (idle[PREDICTIONS] as number) > 0 || limited.some((place) => (idle[place] as number) > 0);
}

const MEAN_WEIGHT = 0.1;

/** Takes idle units for a prediction. The caller has looked that there are enough. */
export function draw(lease: Lease, claim: Claim, amounts: Amounts, nowMs: number): HeldReservation {
  const { account, idle } = lease;
  const units = claim.predictions;
  idle[PREDICTIONS] = (idle[PREDICTIONS] as number) - units;
  for (const place of lease.limited) {
    const amount = amounts[place] as number;
    idle[place] = (idle[place] as number) - amount;
    const mean = account.mean[place] as number;
    account.mean[place] = mean === 0 ? amount : mean + (amount - mean) * MEAN_WEIGHT;
  }
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
    ordinal: lease.ordinals === null ? null : takeLowest(lease.ordinals),
    remaining: remainingWith(lease.room, idle[PREDICTIONS]),
    weight: lease.weight,
    lease,
    amounts,
    isOver: false,
    isSent: false,
  };
}

/** Puts back what a failed prediction drew. */
export function putBack({ lease, amounts, ordinal }: HeldReservation): void {
  lease.idle[PREDICTIONS] = (lease.idle[PREDICTIONS] as number) + (amounts[PREDICTIONS] as number);
  for (const place of lease.limited)
    lease.idle[place] = (lease.idle[place] as number) + (amounts[place] as number);
  if (ordinal !== null && lease.ordinals !== null)
    addOrdinals(lease.ordinals, [{ from: ordinal, to: ordinal + 1 }]);
}

/** Puts back what a charge did not take of its claim; says whether there was something. */
export function putBackRest({ lease, amounts }: HeldReservation, charged: Amounts): boolean {
  let isSomething = false;
  for (const place of lease.limited) {
    const rest = (amounts[place] as number) - (charged[place] as number);
    if (rest <= 0) continue;
    lease.idle[place] = (lease.idle[place] as number) + rest;
    isSomething = true;
  }
  return isSomething;
}

/** Takes what is granted; nothing is drawn in between. */
export function addGranted(lease: Lease, granted: Amounts, ordinals: Ordinals | null): void {
  addAmounts(lease.idle, granted);
  if (ordinals !== null && lease.ordinals !== null) addOrdinals(lease.ordinals, ordinals);
}

/**
 * Nothing is drawn on the lease any more; it ends when nothing runs on it. When it is not certain how many units the
 * database thinks it has, its row decides: what it did not charge is given back then.
 */
export function retire(lease: Lease): void {
  if (lease.isRetired) return;
  lease.isRetired = true;
  setAside(lease);
}

/** Nothing is drawn on the lease any more; what is idle, now or when predictions end, is given back at once. */
export function outdate(lease: Lease): void {
  lease.isStale = true;
  lease.isLoose = false;
  setAside(lease);
}

function setAside(lease: Lease): void {
  lease.account.retired.add(lease);
  if (lease.account.lease === lease) lease.account.lease = null;
}

/** A limit: whose, of what, in which window, how much, and what a refusal by it says. Pure. */
import { countedAmount, MEASURES, placeOf, shownAmount, type Amounts, type Measure } from './measures.js';
import type { Period, QuotaSubject } from './quota.js';

/** NONE: of what runs at once. */
export const WINDOWS = ['MINUTE', 'DAY', 'MONTH', 'LIFETIME', 'NONE'] as const;
export type LimitWindow = (typeof WINDOWS)[number];

/** HARD: nothing goes beyond. SOFT: what goes beyond is counted as overage. */
export type Enforcement = 'HARD' | 'SOFT';

/** Outer to inner: where several are short, the outermost is named. */
export const SUBJECTS = ['TENANT', 'SUBSCRIPTION', 'API_KEY'] as const satisfies readonly QuotaSubject[];

/** A limit as `lease_quota` told it, counted as the database counts (compute in microseconds). */
export interface LimitState {
  readonly id: string;
  readonly subject: QuotaSubject;
  /** Id of the tenant, subscription or API key. */
  readonly subjectId: string;
  /** `null`: of all models together. */
  readonly modelId: string | null;
  readonly measure: Measure;
  readonly window: LimitWindow;
  readonly currency: string | null;
  /** In milliseconds for COMPUTE_MS. */
  readonly amount: number;
  readonly isHard: boolean;
  readonly used: number;
  /** Beside what the lease holds; `null` when SOFT. */
  left: number | null;
  /** MINUTE only: how full the bucket was. */
  readonly level: number;
}

/** When the window of a limit begins anew; `null`: never, or bit by bit. */
export function resetsAtOf(window: LimitWindow, month: Period, day: Period): Date | null {
  if (window === 'DAY') return day.end;
  return window === 'MONTH' ? month.end : null;
}

/**
 * By which limit a claim does not fit into what is left: the outermost; `null` when it fits into each.
 * @param idle what the lease of the account has beside
 */
export function shortLimit(
  limits: readonly LimitState[],
  claim: Readonly<Amounts>,
  idle: Readonly<Amounts>,
): LimitState | null {
  let short: LimitState | null = null;
  for (const limit of limits) {
    const place = placeOf(limit.measure);
    if (limit.left === null || (claim[place] ?? 0) <= limit.left + (idle[place] ?? 0)) continue;
    if (short === null || rankOf(limit) < rankOf(short)) short = limit;
  }
  return short;
}

/** Of those that are short, the lowest is named: the outermost, then by measure and window, so that it always is the same one. */
export function rankOf({
  subject,
  modelId,
  measure,
  window,
}: Pick<LimitState, 'subject' | 'modelId' | 'measure' | 'window'>): number {
  const whose = SUBJECTS.indexOf(subject) * 2 + (modelId === null ? 0 : 1);
  return (whose * MEASURES.length + placeOf(measure)) * WINDOWS.length + WINDOWS.indexOf(window);
}

/** After how long a bucket that refused a claim has room for it; `null`: it never has. */
export function minuteRetryMs(
  { measure, amount, level }: Pick<LimitState, 'measure' | 'amount' | 'level'>,
  claim: number,
): number | null {
  const perMinute = countedAmount(measure, amount);
  if (claim > perMinute) return null;
  return Math.max(1, Math.ceil(((level + claim - perMinute) / perMinute) * 60_000));
}

/** After how many seconds a refused prediction may fit; `null`: waiting does not help. */
export function retryAfterSeconds(
  window: LimitWindow,
  resetsAt: Date | null,
  retryAfterMs: number | null,
  now: Date,
): number | null {
  // A place falls free when a prediction ends; nobody knows when.
  if (window === 'NONE') return 1;
  if (retryAfterMs !== null) return Math.ceil(retryAfterMs / 1000);
  return resetsAt === null ? null : Math.max(1, Math.ceil((resetsAt.getTime() - now.getTime()) / 1000));
}

/** What of a limit stays as it is while a lease stands under it. */
export interface LimitTerms {
  readonly id: string;
  readonly subject: QuotaSubject;
  readonly subjectId: string;
  readonly modelId: string | null;
  readonly measure: Measure;
  readonly window: LimitWindow;
  readonly currency: string | null;
  readonly limit: number;
  readonly resetsAt: Date | null;
}

/** What is left of a limit, as headers and payloads say it. */
export interface LimitLeft {
  /** The same object for all predictions that a lease was extended for once: what is written of it can be remembered. */
  readonly terms: LimitTerms;
  readonly remaining: number;
  /** Seconds until all of it is there again; `null`: it never is, or as soon as what runs has ended. */
  readonly resetAfterSeconds: number | null;
}

/** A HARD limit under which a lease stands. */
export interface StandingLimit {
  readonly state: LimitState;
  readonly place: number;
  readonly terms: LimitTerms;
}

/** Of the HARD ones: what every prediction is told of them, made once and not for each. */
export function standingLimits(
  limits: readonly LimitState[],
  { period, day }: { readonly period: Period; readonly day: Period },
): readonly StandingLimit[] {
  return limits
    .filter(({ left }) => left !== null)
    .map((state) => {
      const { id, subject, subjectId, modelId, measure, window, currency, amount } = state;
      const resetsAt = resetsAtOf(window, period, day);
      return {
        state,
        place: placeOf(measure),
        terms: { id, subject, subjectId, modelId, measure, window, currency, limit: amount, resetsAt },
      };
    });
}

/** What is left; `idle`: what the lease has beside. In the corridor of every prediction. */
export function limitsLeft(
  standing: readonly StandingLimit[],
  idle: Readonly<Amounts>,
  now: Date,
): LimitLeft[] {
  return standing.map(({ state, place, terms }) => ({
    terms,
    remaining: shownAmount(terms.measure, Math.max(0, (state.left ?? 0) + (idle[place] ?? 0))),
    resetAfterSeconds: resetAfterSeconds(state, terms, now),
  }));
}

function resetAfterSeconds(
  { level, measure, amount, window }: LimitState,
  { resetsAt }: LimitTerms,
  now: Date,
): number | null {
  if (window === 'MINUTE')
    return Math.ceil((Math.max(0, level) / Math.max(1, countedAmount(measure, amount))) * 60);
  return resetsAt === null ? null : Math.max(0, Math.ceil((resetsAt.getTime() - now.getTime()) / 1000));
}

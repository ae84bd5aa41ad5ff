/** What an allowance is and what is left of it. Pure; the same rule as `lease_quota` in the database. */

import type { LimitStanding } from './limit-store.js';
import { resetsAtOf, type Enforcement, type LimitWindow } from './limit.js';
import { countedAmount, shownAmount, type Measure } from './measures.js';

export type QuotaSubject = 'TENANT' | 'SUBSCRIPTION' | 'API_KEY';

/** A calendar month or day in UTC: `start` inclusive, `end` exclusive. */
export interface Period {
  readonly start: Date;
  readonly end: Date;
}

/** An allowance, and how far it is used. Amounts as people read them: compute in whole milliseconds. */
export interface Quota {
  readonly subject: QuotaSubject;
  /** Id of the tenant, subscription or API key. */
  readonly subjectId: string;
  /** `null`: of all models together. */
  readonly modelId: string | null;
  readonly measure: Measure;
  readonly window: LimitWindow;
  readonly currency: string | null;
  readonly enforcement: Enforcement;
  /** `null`: unlimited. */
  readonly limit: number | null;
  readonly used: number;
  readonly reserved: number;
  /** `null`: unlimited, or not held back. */
  readonly remaining: number | null;
  /** Beyond a limit that does not hold back, or that was lowered. */
  readonly overage: number;
  /** The tenant's share of the pool; `null` but for the tenant's predictions of a month. */
  readonly weight: number | null;
  /** `null`: the window has no beginning. */
  readonly periodStart: Date | null;
  /** `null`: never, or bit by bit. */
  readonly resetsAt: Date | null;
}

/** The month that an instant lies in. UTC has no summer time, so months meet without gap or overlap. */
export function periodOf(instant: Date): Period {
  const year = instant.getUTCFullYear();
  const month = instant.getUTCMonth();
  return { start: utcMonth(year, month), end: utcMonth(year, month + 1) };
}

function utcMonth(year: number, month: number): Date {
  const start = new Date(0);
  // Not Date.UTC: it takes the years 0 to 99 for 1900 to 1999.
  start.setUTCFullYear(year, month, 1);
  return start;
}

const DAY_MS = 86_400_000;

/** The day that an instant lies in. */
export function dayOf(instant: Date): Period {
  const startMs = Math.floor(instant.getTime() / DAY_MS) * DAY_MS;
  return { start: new Date(startMs), end: new Date(startMs + DAY_MS) };
}

/**
 * When something that the period pays for is said to have happened: then, but inside the period. What was admitted in
 * the last second of January and answered in February counts for January, in the quota and in every report.
 */
export function withinPeriod({ start, end }: Period, instant: Date): Date {
  return new Date(Math.max(start.getTime(), Math.min(instant.getTime(), end.getTime() - 1)));
}

/** What may still be reserved: never negative, also after a limit was lowered below what is used. */
export function remainingOf(limit: number | null, used: number, reserved: number): number | null {
  return limit === null ? null : Math.max(0, limit - used - reserved);
}

/** Whether `units` more fit under the limit. */
export function admits(limit: number | null, used: number, reserved: number, units: number): boolean {
  return limit === null || used + reserved + units <= limit;
}

/** The predictions of a month, of a tenant or key, as they are shown. */
export function monthlyQuota(
  subject: QuotaSubject,
  subjectId: string,
  counter: {
    readonly limit: number | null;
    readonly used: number;
    readonly reserved: number;
    readonly weight: number | null;
  },
  enforcement: Enforcement,
  period: Period,
): Quota {
  const { limit, used, reserved, weight } = counter;
  return {
    subject,
    subjectId,
    modelId: null,
    measure: 'PREDICTIONS',
    window: 'MONTH',
    currency: null,
    enforcement,
    limit,
    used,
    reserved,
    remaining: enforcement === 'HARD' ? remainingOf(limit, used, reserved) : null,
    overage: limit === null ? 0 : Math.max(0, used - limit),
    weight,
    periodStart: period.start,
    resetsAt: period.end,
  };
}

/** Any other limit as it is shown. @param idle what this process has leased and nothing runs on */
export function quotaOfStanding(
  standing: LimitStanding,
  idle: number,
  windows: { readonly month: Period; readonly day: Period },
): Quota {
  const { subject, subjectId, modelId, measure, window, currency, amount, enforcement, level } = standing;
  const shown = (counted: number) => shownAmount(measure, counted);
  const counted = countedAmount(measure, amount);
  const used = window === 'MINUTE' ? Math.ceil(level - 1e-6) : standing.used;
  const reserved = Math.max(0, standing.reserved - idle);
  return {
    subject,
    subjectId,
    modelId,
    measure,
    window,
    currency,
    enforcement,
    limit: amount,
    used: shown(used),
    reserved: shown(reserved),
    remaining: enforcement === 'HARD' ? shown(Math.max(0, counted - used - reserved)) : null,
    overage: shown(Math.max(0, used - counted)),
    weight: null,
    periodStart: window === 'DAY' || window === 'MONTH' ? standing.windowStart : null,
    resetsAt: resetsAtOf(window, windows.month, windows.day),
  };
}

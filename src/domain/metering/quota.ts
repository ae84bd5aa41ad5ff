/** What an allowance is and what is left of it. Pure; the same rule as `lease_quota` in the database. */

export type QuotaSubject = 'TENANT' | 'SUBSCRIPTION' | 'API_KEY';

/** A calendar month or day in UTC: `start` inclusive, `end` exclusive. */
export interface Period {
  readonly start: Date;
  readonly end: Date;
}

/** An allowance in one period, and how far it is used. */
export interface Quota {
  readonly subject: QuotaSubject;
  readonly subjectId: string;
  /** `null`: unlimited. */
  readonly limit: number | null;
  readonly used: number;
  readonly reserved: number;
  readonly remaining: number | null;
  /** The tenant's share of the pool when it is busy; `null` for a key. */
  readonly weight: number | null;
  readonly periodStart: Date;
  readonly resetsAt: Date;
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

/** A quota as it is shown. */
export function quotaOf(
  subject: QuotaSubject,
  subjectId: string,
  counter: {
    readonly limit: number | null;
    readonly used: number;
    readonly reserved: number;
    readonly weight: number | null;
  },
  period: Period,
): Quota {
  return {
    subject,
    subjectId,
    ...counter,
    remaining: remainingOf(counter.limit, counter.used, counter.reserved),
    periodStart: period.start,
    resetsAt: period.end,
  };
}

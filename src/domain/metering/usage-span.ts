/** A span of time cut into what the sums of months, days, hours and the events themselves answer for. Pure. */
import { dayOf, periodOf } from './quota.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** From inclusive, to exclusive; empty when both are the same. */
export interface Span {
  readonly from: Date;
  readonly to: Date;
}

/** Together exactly the span, each instant once. */
export interface SpanPieces {
  /** The minutes before the first whole hour and after the last one. Each lies within one hour. */
  readonly head: Span;
  readonly tail: Span;
  /** Whole hours before the first whole day and after the last one. */
  readonly hoursBefore: Span;
  readonly hoursAfter: Span;
  /** Whole days before the first whole month and after the last one. */
  readonly daysBefore: Span;
  readonly daysAfter: Span;
  readonly months: Span;
  /** All whole hours: all but `head` and `tail`. */
  readonly whole: Span;
}

export type RollupUnit = 'HOUR' | 'DAY' | 'MONTH';

/** @param longest what is longer is to be answered by this unit too */
export function piecesOf(span: Span, longest: RollupUnit): SpanPieces {
  const whole = withinSpan(span, firstHour, hourOf);
  if (isEmpty(whole)) {
    // Less than an hour, or the end of one and the beginning of the next.
    const first = firstHour(span.from);
    const border = first < span.to ? first : span.to;
    const nothing = { from: border, to: border };
    return {
      head: { from: span.from, to: border },
      tail: { from: border, to: span.to },
      hoursBefore: nothing,
      hoursAfter: nothing,
      daysBefore: nothing,
      daysAfter: nothing,
      months: nothing,
      whole: nothing,
    };
  }
  const days = longest === 'HOUR' ? atEnd(whole) : withinSpan(whole, firstDay, dayStart);
  const months = longest === 'MONTH' ? withinSpan(days, firstMonth, monthStart) : atEnd(days);
  return {
    head: { from: span.from, to: whole.from },
    tail: { from: whole.to, to: span.to },
    hoursBefore: { from: whole.from, to: days.from },
    hoursAfter: { from: days.to, to: whole.to },
    daysBefore: { from: days.from, to: months.from },
    daysAfter: { from: months.to, to: days.to },
    months,
    whole,
  };
}

export function isEmpty({ from, to }: Span): boolean {
  return from.getTime() >= to.getTime();
}

/** The whole units of a span; empty at its end when there are none. */
function withinSpan(span: Span, first: (from: Date) => Date, last: (to: Date) => Date): Span {
  const inner = { from: first(span.from), to: last(span.to) };
  return isEmpty(inner) ? atEnd(span) : inner;
}

function atEnd({ to }: Span): Span {
  return { from: to, to };
}

// Days and hours of UTC are all of the same length, before 1970 too.
const hourOf = (instant: Date) => new Date(Math.floor(instant.getTime() / HOUR_MS) * HOUR_MS);
const firstHour = (instant: Date) => new Date(Math.ceil(instant.getTime() / HOUR_MS) * HOUR_MS);
const dayStart = (instant: Date) => dayOf(instant).start;
const firstDay = (instant: Date) => new Date(Math.ceil(instant.getTime() / DAY_MS) * DAY_MS);
const monthStart = (instant: Date) => periodOf(instant).start;

function firstMonth(instant: Date): Date {
  const { start, end } = periodOf(instant);
  return start.getTime() === instant.getTime() ? start : end;
}

/** A span of time cut into what the sums of days, of hours and the events themselves answer for. Pure. */

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
  readonly days: Span;
  /** All whole hours: `hoursBefore`, `days` and `hoursAfter`. */
  readonly whole: Span;
}

/** @param byHour days too are to be answered hour by hour */
export function piecesOf({ from, to }: Span, byHour: boolean): SpanPieces {
  const firstHour = up(from, HOUR_MS);
  const lastHour = down(to, HOUR_MS);
  if (firstHour >= lastHour) {
    // Less than an hour, or the end of one and the beginning of the next.
    const border = firstHour < to.getTime() ? new Date(firstHour) : to;
    const nothing = { from: border, to: border };
    return {
      head: { from, to: border },
      tail: { from: border, to },
      hoursBefore: nothing,
      hoursAfter: nothing,
      days: nothing,
      whole: nothing,
    };
  }
  const whole = { from: new Date(firstHour), to: new Date(lastHour) };
  const firstDay = up(whole.from, DAY_MS);
  const lastDay = down(whole.to, DAY_MS);
  const hasDays = !byHour && firstDay < lastDay;
  const days = hasDays
    ? { from: new Date(firstDay), to: new Date(lastDay) }
    : { from: whole.to, to: whole.to };
  return {
    head: { from, to: whole.from },
    tail: { from: whole.to, to },
    hoursBefore: { from: whole.from, to: days.from },
    hoursAfter: { from: days.to, to: whole.to },
    days,
    whole,
  };
}

export function isEmpty({ from, to }: Span): boolean {
  return from.getTime() >= to.getTime();
}

/** Days and hours of UTC are all of the same length, before 1970 too. */
function down(instant: Date, unitMs: number): number {
  return Math.floor(instant.getTime() / unitMs) * unitMs;
}

function up(instant: Date, unitMs: number): number {
  return Math.ceil(instant.getTime() / unitMs) * unitMs;
}

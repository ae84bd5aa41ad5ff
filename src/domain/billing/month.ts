/** Calendar months in UTC, as `2026-01`. Pure. */
import { periodOf, type Period } from '../metering/index.js';

const MONTH = /^([1-9]\d{3})-(0[1-9]|1[0-2])$/;

/** `null` for what names no month. */
export function parseMonth(text: string): Period | null {
  const [, year, month] = MONTH.exec(text) ?? [];
  return year === undefined ? null : periodOf(new Date(Date.UTC(Number(year), Number(month) - 1)));
}

/** @param instant any in the month */
export function nameOfMonth(instant: Date): string {
  return instant.toISOString().slice(0, 7);
}

/** The months from one to another, both included, in order. */
export function monthsThrough(first: Period, last: Period): Period[] {
  const months: Period[] = [];
  for (let month = first; month.start <= last.start; month = periodOf(month.end)) months.push(month);
  return months;
}

import type { Refusal } from '../../lib/result.js';

export type InvalidMonth = Refusal<'INVALID_INPUT'>;
export type MonthNotOver = Refusal<'CONFLICT'>;

export function invalidMonth(): InvalidMonth {
  return {
    code: 'INVALID_INPUT',
    message: 'A month is written as four digits of the year, a hyphen and two of the month, such as 2026-01.',
    path: ['month'],
  };
}

export function monthNotOver(month: string, end: Date): MonthNotOver {
  return {
    code: 'CONFLICT',
    message: `The month ${month} is not over: it ends at ${end.toISOString()}.`,
    path: ['month'],
  };
}

import { invalidInput } from '../../lib/invalid-input.js';
import type { Refusal } from '../../lib/result.js';

export type InvalidMonth = Refusal<'INVALID_INPUT'>;
export type MonthNotOver = Refusal<'CONFLICT'>;

export function invalidMonth(): InvalidMonth {
  return invalidInput(
    ['month'],
    'A month is written as four digits of the year, a hyphen and two of the month, such as 2026-01.',
  );
}

export function monthNotOver(month: string, end: Date): MonthNotOver {
  return {
    code: 'CONFLICT',
    message: `The month ${month} is not over: it ends at ${end.toISOString()}.`,
    path: ['month'],
  };
}

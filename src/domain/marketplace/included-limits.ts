/** Limits that a plan includes. Pure. The database puts them in force with a subscription, and out of it. */
import { invalidInput } from '../../lib/invalid-input.js';
import type { InvalidPlan } from './errors.js';

/** What each subscriber may use at most. COST is in the currency of the plan. */
export interface IncludedLimit {
  readonly measure: 'PREDICTIONS' | 'ROWS' | 'BYTES' | 'COMPUTE_MS' | 'COST' | 'PLACES';
  /** NONE for PLACES alone. */
  readonly window: 'MINUTE' | 'DAY' | 'MONTH' | 'LIFETIME' | 'NONE';
  readonly amount: number;
  readonly enforcement: 'HARD' | 'SOFT';
}

export interface IncludedLimitInput extends Omit<IncludedLimit, 'enforcement'> {
  readonly enforcement?: IncludedLimit['enforcement'] | null | undefined;
}

const MAX_INCLUDED_LIMITS = 20;
/** Compute is counted in microseconds, and that must still be exact. */
const MAX_AMOUNT = 9_000_000_000_000;

/** The limits as they are kept; each mistake goes to `mistakes`. */
export function checkIncludedLimits(
  inputs: readonly IncludedLimitInput[],
  mistakes: InvalidPlan[],
): readonly IncludedLimit[] {
  if (inputs.length > MAX_INCLUDED_LIMITS) {
    mistakes.push(invalidInput(['includedLimits'], `A plan includes at most ${MAX_INCLUDED_LIMITS} limits.`));
  }
  const limits = inputs.map((input) => ({
    measure: input.measure,
    window: input.window,
    amount: input.amount,
    enforcement: input.enforcement ?? 'HARD',
  }));
  const places = new Set<string>();
  for (const [i, { measure, window, amount, enforcement }] of limits.entries()) {
    const note = (field: string, message: string) =>
      mistakes.push(invalidInput(['includedLimits', String(i), field], message));
    if ((measure === 'PLACES') !== (window === 'NONE')) {
      note(
        'window',
        'PLACES limits what runs at one time and has the window NONE; every other measure has one of MINUTE, DAY, MONTH and LIFETIME.',
      );
    } else if (places.has(`${measure} ${window}`)) {
      note('window', `A plan has one limit of ${measure} and ${window} at most; this is the second.`);
    }
    places.add(`${measure} ${window}`);
    if (!Number.isSafeInteger(amount) || amount < 0 || amount > MAX_AMOUNT) {
      note('amount', `amount is a whole number from 0 to ${MAX_AMOUNT}; found ${amount}.`);
    }
    if (enforcement === 'SOFT' && (window === 'MINUTE' || window === 'NONE')) {
      note(
        'enforcement',
        'A limit by the minute or of what runs at one time is HARD: going over it cannot be counted.',
      );
    }
  }
  return limits;
}

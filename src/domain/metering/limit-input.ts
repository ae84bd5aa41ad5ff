/** What `setLimit` and `removeLimit` may be asked. Pure. */
import { invalidInput } from '../../lib/invalid-input.js';
import { ok, refuse, type Result } from '../../lib/result.js';
import type { InvalidUsageInput } from './errors.js';
import type { Enforcement, LimitWindow } from './limit.js';
import type { Measure } from './measures.js';

export interface LimitPlaceInput {
  /** Whose tenant; the actor's own when left away. */
  readonly tenantSlug?: string | null | undefined;
  /** Of one API key; of the tenant when left away. */
  readonly apiKeyId?: string | null | undefined;
  /** Of one model; of all together when left away. */
  readonly modelId?: string | null | undefined;
  readonly measure: Measure;
  /** Left away for PLACES alone. */
  readonly window?: LimitWindow | null | undefined;
  /** ISO 4217; of COST alone. */
  readonly currency?: string | null | undefined;
}

export interface SetLimitInput extends LimitPlaceInput {
  readonly amount: number;
  readonly enforcement?: Enforcement | null | undefined;
}

export interface CheckedPlace {
  readonly measure: Measure;
  readonly window: LimitWindow;
  readonly currency: string | null;
}

/** Compute is counted in microseconds, and that must still be exact. */
const MAX_AMOUNT = 9_000_000_000_000;

export function checkPlace({
  measure,
  window,
  currency,
}: LimitPlaceInput): Result<CheckedPlace, InvalidUsageInput> {
  if (measure === 'PLACES') {
    if ((window ?? 'NONE') !== 'NONE') {
      return refuse(invalidInput(['window'], 'PLACES limits what runs at one time: it has no window.'));
    }
  } else if (window === null || window === undefined || window === 'NONE') {
    return refuse(
      invalidInput(['window'], `A limit of ${measure} needs a window: MINUTE, DAY, MONTH or LIFETIME.`),
    );
  }
  if (measure === 'COST' && !/^[A-Z]{3}$/.test(currency ?? '')) {
    return refuse(
      invalidInput(['currency'], 'A limit of COST needs a currency of three capital letters (ISO 4217).'),
    );
  }
  if (measure !== 'COST' && (currency ?? null) !== null) {
    return refuse(invalidInput(['currency'], `A limit of ${measure} has no currency.`));
  }
  return ok({ measure, window: window ?? 'NONE', currency: currency ?? null });
}

export function checkAmount(
  { amount, enforcement }: SetLimitInput,
  { window }: CheckedPlace,
): Result<{ readonly amount: number; readonly enforcement: Enforcement }, InvalidUsageInput> {
  if (!Number.isSafeInteger(amount) || amount < 0 || amount > MAX_AMOUNT) {
    return refuse(
      invalidInput(['amount'], `amount is a whole number from 0 to ${MAX_AMOUNT}; found ${amount}.`),
    );
  }
  if (enforcement === 'SOFT' && (window === 'MINUTE' || window === 'NONE')) {
    return refuse(
      invalidInput(
        ['enforcement'],
        'A limit by the minute or of what runs at one time is HARD: going over it cannot be counted.',
      ),
    );
  }
  return ok({ amount, enforcement: enforcement ?? 'HARD' });
}

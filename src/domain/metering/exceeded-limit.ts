/** The refusal by a limit that is short: the same for whoever refuses, and for whoever foresees it. Pure. */
import { quotaExceeded, type QuotaExceeded } from './errors.js';
import { minuteRetryMs, retryAfterSeconds } from './limit.js';
import { placeOf, type Amounts } from './measures.js';

type Short = Omit<Parameters<typeof quotaExceeded>[0], 'retryAfterMs' | 'retryAfterSeconds'>;

/**
 * @param level how full a bucket of a minute is, as the database counts
 * @param claim that found no room
 */
export function exceededLimit(
  short: Short,
  level: number,
  claim: Readonly<Amounts>,
  now: Date,
): QuotaExceeded {
  const { measure, window, limit, resetsAt } = short;
  const retryAfterMs =
    window === 'MINUTE'
      ? minuteRetryMs({ measure, amount: limit, level }, claim[placeOf(measure)] ?? 0)
      : null;
  return quotaExceeded({
    ...short,
    retryAfterMs,
    retryAfterSeconds: retryAfterSeconds(window, resetsAt, retryAfterMs, now),
  });
}

import type { Refusal } from '../../lib/result.js';
import type { LimitWindow } from './limit.js';
import type { Measure } from './measures.js';
import type { QuotaSubject } from './quota.js';

/** By which limit, and how it stands. */
export interface ExceededLimit {
  readonly subject: QuotaSubject;
  /** Id of the tenant, subscription or API key. */
  readonly subjectId: string;
  readonly measure: Measure;
  readonly window: LimitWindow;
  /** `null`: of all models together. */
  readonly modelId: string | null;
  readonly currency: string | null;
  readonly limit: number;
  readonly used: number;
  /** `null`: never, or bit by bit. */
  readonly resetsAt: Date | null;
  /** Of a limit by the minute, when the same prediction is admitted; `null`: not known, or never. */
  readonly retryAfterMs: number | null;
  /** After how many seconds it is worth while to try again; `null`: waiting does not help. */
  readonly retryAfterSeconds: number | null;
}

export type QuotaExceeded = Refusal<'QUOTA_EXCEEDED'> & ExceededLimit;

export type RateLimited = Refusal<'RATE_LIMITED'> & { readonly retryAfterMs: number };

/** The claim was given back before the charge: nothing was charged, so the answer must not be given. */
export type ReservationLost = Refusal<'RESERVATION_LOST'>;

export type InvalidUsageInput = Refusal<'INVALID_INPUT'>;

export type QuotaNotFound = Refusal<'NOT_FOUND'>;

const WHOSE: Readonly<Record<QuotaSubject, string>> = {
  TENANT: "The tenant's plan",
  SUBSCRIPTION: 'The subscription',
  API_KEY: 'This API key',
};

const WHAT: Readonly<Record<Measure, string>> = {
  PREDICTIONS: 'predictions',
  ROWS: 'rows',
  BYTES: 'bytes of inputs',
  COMPUTE_MS: 'milliseconds of compute',
  COST: 'millionths of',
  PLACES: 'predictions at one time',
};

const WHEN: Readonly<Record<LimitWindow, string>> = {
  MINUTE: ' per minute',
  DAY: ' per day (UTC)',
  MONTH: ' per calendar month (UTC)',
  LIFETIME: ' in all',
  NONE: '',
};

export function quotaExceeded(facts: ExceededLimit): QuotaExceeded {
  const { subject, measure, window, modelId, currency, limit, used, resetsAt, retryAfterMs } = facts;
  const what = currency === null ? WHAT[measure] : `${WHAT[measure]} ${currency}`;
  const ofModel = modelId === null ? '' : ' of this model';
  const allows = `${WHOSE[subject]} allows ${limit} ${what}${ofModel}${WHEN[window]}`;
  return { code: 'QUOTA_EXCEEDED', message: `${allows}; ${standing()}`, ...facts };

  function standing(): string {
    if (window === 'NONE') return 'so many run now. Try again when one of them has ended.';
    if (window === 'MINUTE') {
      return retryAfterMs === null ? 'this one needs more.' : `send this one in ${retryAfterMs} ms.`;
    }
    const running = limit - used;
    const held = measure === 'PREDICTIONS' ? 'held by running ones' : 'left, held by running ones or too few';
    const rest = running > 0 ? ` and ${running} ${running === 1 ? 'is' : 'are'} ${held}` : '';
    const resets = resetsAt === null ? '' : ` It resets at ${resetsAt.toISOString()}.`;
    return `${used} ${used === 1 ? 'is' : 'are'} used${rest}.${resets}`;
  }
}

export function tooFast(limit: number, retryAfterMs: number): RateLimited {
  return {
    code: 'RATE_LIMITED',
    message: `More than ${limit} predictions per minute are not admitted; send the next one in ${retryAfterMs} ms.`,
    retryAfterMs,
  };
}

export function tooMany(limit: number, retryAfterMs: number): RateLimited {
  return {
    code: 'RATE_LIMITED',
    message: `The tenant already has ${limit} predictions running, the most at one time; try again in ${retryAfterMs} ms.`,
    retryAfterMs,
  };
}

export function reservationLost(): ReservationLost {
  return {
    code: 'RESERVATION_LOST',
    message: 'The prediction took so long that its place in the quota was given back.',
  };
}

export function tenantNotFound(path: readonly string[]): QuotaNotFound {
  return { code: 'NOT_FOUND', message: 'There is no such tenant.', path };
}

export function apiKeyNotFound(path: readonly string[]): QuotaNotFound {
  return { code: 'NOT_FOUND', message: 'Your tenant has no such API key.', path };
}

export function modelNotFound(path: readonly string[]): QuotaNotFound {
  return { code: 'NOT_FOUND', message: 'There is no such model.', path };
}

export function limitNotFound(): QuotaNotFound {
  return { code: 'NOT_FOUND', message: 'No such limit is set.' };
}

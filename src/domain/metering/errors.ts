import type { Refusal } from '../../lib/result.js';
import type { QuotaSubject } from './quota.js';

export type QuotaExceeded = Refusal<'QUOTA_EXCEEDED'> & {
  readonly subject: QuotaSubject;
  readonly limit: number;
  readonly used: number;
  readonly resetsAt: Date;
};

export type RateLimited = Refusal<'RATE_LIMITED'> & { readonly retryAfterMs: number };

/** The claim was given back before the charge: nothing was charged, so the answer must not be given. */
export type ReservationLost = Refusal<'RESERVATION_LOST'>;

export type InvalidUsageInput = Refusal<'INVALID_INPUT'>;

export type QuotaNotFound = Refusal<'NOT_FOUND'>;

export function quotaExceeded(facts: {
  readonly subject: QuotaSubject;
  readonly limit: number;
  readonly used: number;
  readonly resetsAt: Date;
}): QuotaExceeded {
  const whose = facts.subject === 'TENANT' ? "The tenant's plan" : 'This API key';
  const running = facts.limit - facts.used;
  const rest = running > 0 ? ` and ${running} ${running === 1 ? 'is' : 'are'} held by running ones` : '';
  return {
    code: 'QUOTA_EXCEEDED',
    message:
      `${whose} allows ${facts.limit} predictions per calendar month (UTC); ` +
      `${facts.used} ${facts.used === 1 ? 'is' : 'are'} used${rest}. It resets at ${facts.resetsAt.toISOString()}.`,
    ...facts,
  };
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

export function invalid(message: string, path: readonly string[]): InvalidUsageInput {
  return { code: 'INVALID_INPUT', message, path };
}

export function tenantNotFound(path: readonly string[]): QuotaNotFound {
  return { code: 'NOT_FOUND', message: 'There is no such tenant.', path };
}

export function apiKeyNotFound(path: readonly string[]): QuotaNotFound {
  return { code: 'NOT_FOUND', message: 'Your tenant has no such API key.', path };
}

/**
 * What is left under the limits of the predictions of a request, in the header fields that HTTP libraries know
 * (draft-ietf-httpapi-ratelimit-headers): RateLimit-Policy, RateLimit, and Retry-After for a refusal.
 */
import type { LimitLeft, QuotaExceeded, RateLimited } from '../domain/metering/index.js';

/** Filled by `predict` while an operation runs; several predictions of one operation are told together. */
export interface RateLimitReport {
  /** By policy name: of each limit what the last of its predictions left. */
  readonly policies: Map<string, PolicyState>;
  retryAfterSeconds: number | null;
}

interface PolicyState {
  readonly policy: string;
  readonly remaining: number;
  /** Seconds until it is whole again; `null`: it never is, or as soon as what runs has ended. */
  readonly resetSeconds: number | null;
}

type Facts = Pick<
  LimitLeft,
  'subject' | 'subjectId' | 'modelId' | 'measure' | 'window' | 'currency' | 'limit' | 'resetsAt'
>;

export function newRateLimitReport(): RateLimitReport {
  return { policies: new Map(), retryAfterSeconds: null };
}

export function noteLimitsLeft(report: RateLimitReport, limits: readonly LimitLeft[]): void {
  for (const limit of limits) note(report, limit, limit.remaining, limit.resetAfterSeconds);
}

/** Takes notice of refusals that waiting helps against. */
export function noteRefusals(report: RateLimitReport, refusals: readonly { readonly code: string }[]): void {
  for (const refusal of refusals) {
    if (refusal.code === 'RATE_LIMITED') {
      retryAfter(report, Math.ceil((refusal as RateLimited).retryAfterMs / 1000));
    }
    if (refusal.code !== 'QUOTA_EXCEEDED') continue;
    const exceeded = refusal as QuotaExceeded;
    note(report, exceeded, 0, exceeded.retryAfterSeconds);
    retryAfter(report, exceeded.retryAfterSeconds);
  }
}

/** Names and values of the header fields; none when no prediction was asked for, or nothing limits them. */
export function rateLimitHeaders({ policies, retryAfterSeconds }: RateLimitReport): [string, string][] {
  const headers: [string, string][] = [];
  if (policies.size > 0) {
    const states = [...policies];
    headers.push(['ratelimit-policy', states.map(([name, { policy }]) => `"${name}"${policy}`).join(', ')]);
    headers.push([
      'ratelimit',
      states
        .map(([name, { remaining, resetSeconds }]) => {
          return `"${name}";r=${remaining}${resetSeconds === null ? '' : `;t=${resetSeconds}`}`;
        })
        .join(', '),
    ]);
  }
  if (retryAfterSeconds !== null) headers.push(['retry-after', String(retryAfterSeconds)]);
  return headers;
}

function retryAfter(report: RateLimitReport, seconds: number | null): void {
  if (seconds === null) return;
  report.retryAfterSeconds = Math.max(report.retryAfterSeconds ?? 0, Math.max(1, seconds));
}

function note(report: RateLimitReport, facts: Facts, remaining: number, resetSeconds: number | null): void {
  const window = windowSeconds(facts);
  const policy = `;q=${facts.limit}${window === null ? '' : `;w=${window}`}${unitOf(facts)}`;
  report.policies.set(nameOf(facts), { policy, remaining, resetSeconds });
}

const SUBJECT = { TENANT: 'tenant', SUBSCRIPTION: 'subscription', API_KEY: 'key' } as const;

/** Ids and words have none of the characters that a string of a structured field escapes. */
function nameOf({ subject, measure, window, currency, modelId }: Facts): string {
  const what = [SUBJECT[subject], measure, currency, window === 'NONE' ? null : window, modelId];
  return what
    .filter((part) => part !== null)
    .join('-')
    .toLowerCase()
    .replace('_', '-');
}

function unitOf({ measure, currency }: Facts): string {
  if (measure === 'PREDICTIONS') return '';
  if (measure === 'PLACES') return ';qu="concurrent-requests"';
  return `;qu="${measure === 'COST' ? `${currency}-micros` : measure}"`.toLowerCase().replace('_', '-');
}

const DAY_SECONDS = 86_400;

function windowSeconds({ window, resetsAt }: Facts): number | null {
  if (window === 'MINUTE') return 60;
  if (window === 'DAY') return DAY_SECONDS;
  if (window !== 'MONTH' || resetsAt === null) return null;
  // Days of the month that ends then.
  return new Date(Date.UTC(resetsAt.getUTCFullYear(), resetsAt.getUTCMonth(), 0)).getUTCDate() * DAY_SECONDS;
}

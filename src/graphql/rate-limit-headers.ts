/**
 * What is left under the limits of the predictions of a request, in the header fields that HTTP libraries know
 * (draft-ietf-httpapi-ratelimit-headers): RateLimit-Policy, RateLimit, and Retry-After for a refusal.
 */
import type { LimitLeft, LimitTerms, QuotaExceeded, RateLimited } from '../domain/metering/index.js';

/** Filled by `predict` while an operation runs; several predictions of one operation are told together. */
export interface RateLimitReport {
  /** In the order in which they were told; of each policy the last counts. */
  readonly left: Left[];
  retryAfterSeconds: number | null;
}

type Terms = Omit<LimitTerms, 'id'>;
type Left = Omit<LimitLeft, 'terms'> & { readonly terms: Terms };

export function newRateLimitReport(): RateLimitReport {
  return { left: [], retryAfterSeconds: null };
}

export function noteLimitsLeft(report: RateLimitReport, limits: readonly LimitLeft[]): void {
  report.left.push(...limits);
}

/** Takes notice of refusals that waiting helps against. */
export function noteRefusals(report: RateLimitReport, refusals: readonly { readonly code: string }[]): void {
  for (const refusal of refusals) {
    if (refusal.code === 'RATE_LIMITED') {
      retryAfter(report, Math.ceil((refusal as RateLimited).retryAfterMs / 1000));
    }
    if (refusal.code !== 'QUOTA_EXCEEDED') continue;
    const exceeded = refusal as QuotaExceeded;
    report.left.push({ terms: exceeded, remaining: 0, resetAfterSeconds: exceeded.retryAfterSeconds });
    retryAfter(report, exceeded.retryAfterSeconds);
  }
}

/** A limit as both fields write it. */
interface Policy {
  /** In quotes. */
  readonly name: string;
  readonly field: string;
}

/**
 * Returns what writes a report: names and values of the header fields; none when no prediction was asked for, or nothing
 * limits them. What stays the same of a limit is written once, and not for each of the predictions under it.
 */
export function createRateLimitHeaders(): (report: RateLimitReport) => [string, string][] {
  const policies = new WeakMap<Terms, Policy>();

  function policyOf(terms: Terms): Policy {
    let policy = policies.get(terms);
    if (policy === undefined) policies.set(terms, (policy = toPolicy(terms)));
    return policy;
  }

  return ({ left, retryAfterSeconds }) => {
    const headers: [string, string][] = [];
    if (left.length > 0) {
      const states = new Map<string, string>();
      const fields = new Map<string, string>();
      for (const { terms, remaining, resetAfterSeconds } of left) {
        const { name, field } = policyOf(terms);
        fields.set(name, field);
        states.set(
          name,
          `${name};r=${remaining}${resetAfterSeconds === null ? '' : `;t=${resetAfterSeconds}`}`,
        );
      }
      headers.push(['ratelimit-policy', [...fields.values()].join(', ')]);
      headers.push(['ratelimit', [...states.values()].join(', ')]);
    }
    if (retryAfterSeconds !== null) headers.push(['retry-after', String(retryAfterSeconds)]);
    return headers;
  };
}

function retryAfter(report: RateLimitReport, seconds: number | null): void {
  if (seconds === null) return;
  report.retryAfterSeconds = Math.max(report.retryAfterSeconds ?? 0, Math.max(1, seconds));
}

function toPolicy(terms: Terms): Policy {
  const name = `"${nameOf(terms)}"`;
  const window = windowSeconds(terms);
  return { name, field: `${name};q=${terms.limit}${window === null ? '' : `;w=${window}`}${unitOf(terms)}` };
}

const SUBJECT = { TENANT: 'tenant', SUBSCRIPTION: 'subscription', API_KEY: 'key' } as const;

/** Ids and words have none of the characters that a string of a structured field escapes. */
function nameOf({ subject, measure, window, currency, modelId }: Terms): string {
  const what = [SUBJECT[subject], measure, currency, window === 'NONE' ? null : window, modelId];
  return what
    .filter((part) => part !== null)
    .join('-')
    .toLowerCase()
    .replace('_', '-');
}

function unitOf({ measure, currency }: Terms): string {
  if (measure === 'PREDICTIONS') return '';
  if (measure === 'PLACES') return ';qu="concurrent-requests"';
  return `;qu="${measure === 'COST' ? `${currency}-micros` : measure}"`.toLowerCase().replace('_', '-');
}

const DAY_SECONDS = 86_400;

function windowSeconds({ window, resetsAt }: Terms): number | null {
  if (window === 'MINUTE') return 60;
  if (window === 'DAY') return DAY_SECONDS;
  if (window !== 'MONTH' || resetsAt === null) return null;
  // Days of the month that ends then.
  return new Date(Date.UTC(resetsAt.getUTCFullYear(), resetsAt.getUTCMonth(), 0)).getUTCDate() * DAY_SECONDS;
}

import { expect, it } from 'vitest';
import { quotaExceeded, tooFast } from '../../../src/domain/metering/errors.js';
import type { LimitLeft, LimitTerms } from '../../../src/domain/metering/index.js';
import {
  createRateLimitHeaders,
  newRateLimitReport,
  noteLimitsLeft,
  noteRefusals,
} from '../../../src/graphql/rate-limit-headers.js';

const rateLimitHeaders = createRateLimitHeaders();

const month: LimitTerms = {
  id: 'lim_1',
  subject: 'TENANT',
  subjectId: 'ten_1',
  modelId: null,
  measure: 'PREDICTIONS',
  window: 'MONTH',
  currency: null,
  limit: 1_000,
  resetsAt: new Date('2028-03-01T00:00:00.000Z'),
};

function left(
  terms: LimitTerms,
  { remaining = 993, resetAfterSeconds = 120 as number | null } = {},
): LimitLeft {
  return { terms, remaining, resetAfterSeconds };
}

it('each limit is a policy with its window and unit, and what is left of it', () => {
  const report = newRateLimitReport();
  const compute: LimitTerms = {
    ...month,
    subject: 'API_KEY',
    modelId: 'mdl_1',
    measure: 'COMPUTE_MS',
    window: 'DAY',
  };
  const cost: LimitTerms = {
    ...month,
    measure: 'COST',
    currency: 'EUR',
    window: 'LIFETIME',
  };
  noteLimitsLeft(report, [left(month), left(compute), left(cost, { resetAfterSeconds: null })]);
  // Of two predictions of one operation the later says what is left.
  noteLimitsLeft(report, [left(month, { remaining: 992 })]);
  expect(rateLimitHeaders(report)).toEqual([
    [
      'ratelimit-policy',
      '"tenant-predictions-month";q=1000;w=2505600, "key-compute-ms-day-mdl_1";q=1000;w=86400;qu="compute-ms", ' +
        '"tenant-cost-eur-lifetime";q=1000;qu="eur-micros"',
    ],
    [
      'ratelimit',
      '"tenant-predictions-month";r=992;t=120, "key-compute-ms-day-mdl_1";r=993;t=120, "tenant-cost-eur-lifetime";r=993',
    ],
  ]);
});

it('a refusal says after how many seconds to come back, the longest where there are several', () => {
  const report = newRateLimitReport();
  const minute = quotaExceeded({
    ...month,
    window: 'MINUTE',
    used: 1_000,
    resetsAt: null,
    retryAfterMs: 1_200,
    retryAfterSeconds: 2,
  });
  noteRefusals(report, [minute, tooFast(10, 300), { code: 'NOT_FOUND' }]);
  expect(rateLimitHeaders(report)).toEqual([
    ['ratelimit-policy', '"tenant-predictions-minute";q=1000;w=60'],
    ['ratelimit', '"tenant-predictions-minute";r=0;t=2'],
    ['retry-after', '2'],
  ]);
});

it('nothing is said where nothing is limited, or waiting does not help', () => {
  expect(rateLimitHeaders(newRateLimitReport())).toEqual([]);
  const report = newRateLimitReport();
  const budget = { ...month, window: 'LIFETIME', used: 1_000, resetsAt: null } as const;
  noteRefusals(report, [quotaExceeded({ ...budget, retryAfterMs: null, retryAfterSeconds: null })]);
  expect(rateLimitHeaders(report).map(([name]) => name)).toEqual(['ratelimit-policy', 'ratelimit']);
});

import { expect, it } from 'vitest';
import { exceededQuota, quotasFor } from '../../../src/domain/metering/outlook.js';
import { monthlyQuota, periodOf, type Quota } from '../../../src/domain/metering/quota.js';

const now = new Date('2026-03-15T00:00:00.000Z');
const counter = { limit: 10, used: 9, reserved: 0, weight: 1 };
const month = monthlyQuota('TENANT', 'ten_1', counter, 'HARD', periodOf(now));
const asked = {
  apiKeyId: null,
  request: { units: 1, timeoutMs: 1_000, modelId: 'mdl_1', rows: 3, computeUs: 2_000 },
};

it.each<[string, Quota, boolean]>([
  ['one is left', month, true],
  ['none is left', { ...month, remaining: 0 }, false],
  ['it is soft', { ...month, enforcement: 'SOFT', remaining: null }, true],
  ['fewer rows are left', { ...month, measure: 'ROWS', remaining: 2 }, false],
  ['less compute is left', { ...month, measure: 'COMPUTE_MS', remaining: 1 }, false],
  ['as much compute is left', { ...month, measure: 'COMPUTE_MS', remaining: 2 }, true],
  ['none is left of this model', { ...month, modelId: 'mdl_1', remaining: 0 }, false],
  ['none is left of another model', { ...month, modelId: 'mdl_2', remaining: 0 }, true],
  ['none is left of another subscription', { ...month, subject: 'SUBSCRIPTION', remaining: 0 }, true],
  ['nothing is left in a currency that it does not cost', { ...month, currency: 'EUR', remaining: 0 }, true],
])('where %s', (_, quota, isAdmitted) => {
  const refusal = exceededQuota(quotasFor([quota], asked), asked, now);
  expect(refusal === null).toBe(isAdmitted);
  if (refusal !== null) expect(refusal).toMatchObject({ measure: quota.measure, modelId: quota.modelId });
});

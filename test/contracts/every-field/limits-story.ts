/** Limits of every kind, on a key and a model of their own: set, met, shown, removed. */
import { expect } from 'vitest';
import { fixture } from '../../support/api.js';
import { until } from '../../support/until.js';
import type { Client } from './client.js';

export async function meetLimits(
  client: Client,
  operator: string,
  owner: string,
  ownerSlug: string,
): Promise<void> {
  const { modelId, versionId } = await client.publish(owner, await fixture('keras/dense.keras'));
  const { apiKey, secret } = await client.done('createApiKey', owner, {
    name: 'limited',
    scopes: ['PREDICTION_RUN', 'USAGE_READ'],
  });
  const ofKey = { apiKeyId: apiKey.id, modelId };
  const ofTenant = { tenantSlug: ownerSlug };
  const places = [
    [owner, { ...ofKey, measure: 'ROWS', window: 'DAY' }, 2],
    [owner, { modelId, measure: 'PREDICTIONS', window: 'MONTH' }, 2],
    [owner, { modelId, measure: 'COMPUTE_MS', window: 'LIFETIME' }, 60_000],
    [operator, { ...ofTenant, measure: 'BYTES', window: 'DAY' }, 1_000_000],
    [operator, { ...ofTenant, measure: 'PLACES', window: 'NONE' }, 50],
    [operator, { ...ofTenant, measure: 'COST', window: 'LIFETIME', currency: 'EUR' }, 5_000_000],
  ] as const;
  for (const [credential, place, amount] of places) {
    const enforcement = place.window === 'MONTH' ? 'SOFT' : 'HARD';
    const { limit } = await client.done('setLimit', credential, { ...place, amount, enforcement });
    expect(limit).toMatchObject({ measure: place.measure, window: place.window, amount, enforcement });
  }
  const input = { target: { versionId }, inputs: [{ data: [Array(10).fill(0.5)] }] };
  const { limits } = await client.done('predict', secret, input);
  expect(limits).toContainEqual(
    expect.objectContaining({ subject: 'API_KEY', measure: 'ROWS', limit: 2, remaining: 1, modelId }),
  );
  await client.done('predict', secret, input);
  const [rows] = await client.refused('predict', secret, input);
  expect(rows).toMatchObject({
    code: 'QUOTA_EXCEEDED',
    measure: 'ROWS',
    window: 'DAY',
    modelId,
    used: 2,
    limit: 2,
  });

  const { removedLimit } = await client.done('removeLimit', owner, places[0][1]);
  expect(removedLimit).toMatchObject({ measure: 'ROWS', amount: 2 });
  await client.done('setLimit', owner, { ...ofKey, measure: 'PREDICTIONS', window: 'MINUTE', amount: 1 });
  await client.done('predict', secret, input);
  const [rate] = await client.refused('predict', secret, input);
  expect(rate).toMatchObject({ code: 'QUOTA_EXCEEDED', window: 'MINUTE', resetsAt: null });
  expect(rate?.['retryAfterSeconds']).toBeGreaterThan(0);

  const quota = await client.query('quota', owner, `(apiKeyId: "${apiKey.id}")`);
  expect(quota).toContainEqual(
    expect.objectContaining({ enforcement: 'SOFT', limit: 2, used: 3, overage: 1, modelId }),
  );
  const all = await client.query('limits', owner);
  expect(all.map(({ measure }: { measure: string }) => measure)).toEqual(
    expect.arrayContaining(['PREDICTIONS', 'COMPUTE_MS', 'BYTES', 'PLACES', 'COST']),
  );
  await until(async () => {
    const { nodes } = await client.query('quotaThresholds', owner, '(first: 5)');
    return nodes.some(
      (one: { percent: number; modelId: string | null }) => one.percent === 100 && one.modelId === modelId,
    );
  });
  for (const [credential, place] of places.slice(1)) await client.done('removeLimit', credential, place);
}

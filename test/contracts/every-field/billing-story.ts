/** A model that is sold: its plans, a subscriber, what it would cost and did, and statements open and closed. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { expect } from 'vitest';
import { fixture } from '../../support/api.js';
import { until } from '../../support/until.js';
import type { TestServer } from '../../support/server.js';
import type { Client } from './client.js';

interface People {
  /** Access tokens. */
  readonly owner: string;
  readonly stranger: string;
  readonly operator: string;
  readonly ownerSlug: string;
  readonly strangerSlug: string;
}

export async function meetBilling(
  server: TestServer,
  client: Client,
  ids: Record<string, string>,
  { owner, stranger, operator, ownerSlug, strangerSlug }: People,
): Promise<void> {
  const { modelId, versionId } = await client.publish(owner, await fixture('keras/dense.keras'));
  const model = { modelId, visibility: 'PUBLIC', publicAccess: 'VIEW' };
  const { model: sold } = await client.done('updateModel', owner, model);
  const terms = {
    modelId,
    name: 'standard',
    currency: 'EUR',
    pricePerThousandMicros: 2_000_000,
    pricePerComputeSecondMicros: 1_000_000,
    freePredictionsPerMonth: 1,
    tiers: [{ from: 3, pricePerThousandMicros: 1_000_000 }],
    includedLimits: [
      { measure: 'COST', window: 'MONTH', amount: 2_000, enforcement: 'SOFT' },
      { measure: 'COST', window: 'LIFETIME', amount: 9_000_000_000 },
    ],
  };
  const { plan } = await client.done('createPlan', owner, terms);
  const [taken] = await client.refused('createPlan', owner, terms);
  expect(taken).toMatchObject({ code: 'CONFLICT', path: ['name'] });
  const row = JSON.stringify([Array.from({ length: 10 }, (_, i) => i / 10)]);
  const predicted = { target: { versionId }, inputs: [{ data: JSON.parse(row) as unknown }] };
  const other = await client.done('createPlan', owner, {
    ...terms,
    name: 'other',
    freePredictionsPerMonth: 0,
    includedLimits: [{ measure: 'COST', window: 'DAY', amount: 0 }],
  });
  await client.done('setTenantQuota', operator, { tenantSlug: strangerSlug, predictionsPerMonth: 1_000 });
  const begun = await client.done('subscribe', stranger, { planId: other.plan.id });
  const [over] = await client.refused('predict', stranger, predicted);
  expect(over).toMatchObject({
    ...{ code: 'QUOTA_EXCEEDED', subject: 'SUBSCRIPTION', subjectId: begun.subscription.id },
    ...{ measure: 'COST', window: 'DAY', currency: 'EUR', limit: 0, used: 0 },
  });
  const limited = async () =>
    (await client.query('limits', stranger))
      .filter(({ subject }: { subject: string }) => subject === 'SUBSCRIPTION')
      .map(({ subjectId, window }: { subjectId: string; window: string }) => [subjectId, window]);
  expect(await limited()).toEqual([[begun.subscription.id, 'DAY']]);
  await client.done('cancelSubscription', stranger, { subscriptionId: begun.subscription.id });
  expect(await limited()).toEqual([]);
  const withdrawn = await client.done('withdrawPlan', owner, { planId: other.plan.id });
  expect(withdrawn.plan).toMatchObject({ status: 'WITHDRAWN' });
  const { subscription } = await client.done('subscribe', stranger, { planId: plan.id });
  await client.query('model', owner, `(owner: "${ownerSlug}", name: "${sold.name}")`);
  expect((await client.query('subscriptions', stranger)).nodes).toHaveLength(2);

  const asked = (data: string) =>
    `(input: { target: { versionId: "${versionId}" }, inputs: [{ data: ${data} }] })`;
  const refused = await client.query('quotePrediction', stranger, asked('[[1]]'));
  expect(refused).toMatchObject({ admitted: false, errors: [{ code: 'INVALID_INPUT' }], rows: null });
  await client.done('predict', stranger, predicted);
  const quote = await client.query('quotePrediction', stranger, asked(row));
  expect(quote).toMatchObject({ admitted: true, rows: 1, cost: { lowest: { amountMicros: 2_000 } } });
  const { prediction, limits } = await client.done('predict', stranger, predicted);
  expect(limits).toContainEqual(
    expect.objectContaining({
      subject: 'SUBSCRIPTION',
      measure: 'COST',
      window: 'LIFETIME',
      currency: 'EUR',
    }),
  );
  await until(async () => {
    const { nodes } = await client.query('quotaThresholds', stranger, '(first: 9)');
    return nodes.some(
      (one: Record<string, unknown>) => one['subjectId'] === subscription.id && one['currency'] === 'EUR',
    );
  });
  const cost = prediction.receipt.cost.amountMicros as number;
  expect(cost).toBeGreaterThanOrEqual(quote.cost.lowest.amountMicros);

  const now = new Date();
  const before = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - 1));
  await placeInThePast(server, prediction.id as string, subscription.id as string, before);
  const [thisMonth, lastMonth] = [now, before].map((instant) => instant.toISOString().slice(0, 7));
  const early = await client.refused('closeStatements', operator, { month: thisMonth });
  expect(early).toMatchObject([{ code: 'CONFLICT', path: ['month'] }]);
  const { closing } = await client.done('closeStatements', operator, { month: lastMonth });
  expect(closing).toMatchObject({ month: lastMonth, closedStatements: 1, waitingTenants: 0 });
  const { nodes } = await client.query('statements', stranger);
  expect(nodes).toMatchObject([
    { month: thisMonth, status: 'OPEN', number: null, amountMicros: 0 },
    { month: lastMonth, status: 'CLOSED', number: 1, amountMicros: cost },
  ]);
  const shown = await client.query('statement', stranger, `(month: "${lastMonth}", currency: "EUR")`);
  expect(shown).toEqual(nodes[1]);
  for (const [month, amountMicros] of [
    [thisMonth, 0],
    [lastMonth, cost],
  ]) {
    const earned = await client.query('earnings', owner, `(month: "${month}")`);
    expect(earned).toMatchObject([{ month, currency: 'EUR', amountMicros }]);
  }
  Object.assign(ids, { Plan: plan.id, PlanSubscription: subscription.id });
}

/** The same prediction a month ago, and a refund of today's: time that no test can wait for. */
async function placeInThePast(
  { dataDirectory }: TestServer,
  predictionId: string,
  subscriptionId: string,
  month: Date,
): Promise<void> {
  const password = await readFile(join(dataDirectory, 'postgres.password'), 'utf8');
  const lines = (await readFile(join(dataDirectory, 'postgres', 'postmaster.pid'), 'utf8')).split('\n');
  const database = new pg.Client({
    connectionString: `postgresql://souk:${password.trim()}@127.0.0.1:${lines[3]}/souk`,
  });
  await database.connect();
  try {
    const copy = (changes: string) =>
      database.query(
        `INSERT INTO usage_events SELECT (jsonb_populate_record(u, ${changes})).* FROM usage_ledger u WHERE u.id = $1`,
        [predictionId],
      );
    await copy(
      `jsonb_build_object('id', 'use_past', 'period_start', '${month.toISOString()}', 'created_at', '${month.toISOString()}')`,
    );
    await copy(
      `jsonb_build_object('id', 'use_back', 'kind', 'REFUND', 'corrects_id', u.id, 'reason', 'It was wrong.',
         'units', -1, 'cost_micros', -u.cost_micros)`,
    );
    await database.query('UPDATE subscriptions SET created_at = $2 WHERE id = $1', [subscriptionId, month]);
  } finally {
    await database.end();
  }
}

/** What is taken back or added later: new events, never more than is left, counted everywhere alike. */
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { TenantActor } from '../../../src/domain/access/index.js';
import { newId } from '../../../src/lib/ids.js';
import { chargeOf, openMeteringRoom, userOf, type MeteringRoom } from '../../support/metering-room.js';

let room: MeteringRoom;
let operator: TenantActor;
let consumer: TenantActor;
let tenantSlug: string;
beforeAll(async () => {
  room = await openMeteringRoom('2028-02-20T12:00:00.000Z');
  operator = userOf(await room.tenant(null));
});
beforeEach(async () => {
  room.clock.set('2028-02-20T12:00:00.000Z');
  const tenantId = await room.tenant(10);
  consumer = await room.key(tenantId, 5);
  tenantSlug = tenantId.replace('_', '-').slice(0, 40);
});
afterAll(() => room.stop());

async function predict(facts: object = {}): Promise<string> {
  const reserved = await room.metering.reserve(consumer, { units: 1, timeoutMs: 10_000 });
  if (!reserved.ok) throw new Error(reserved.error.message);
  const id = newId('prediction');
  const priced = { costMicros: 1000, currency: 'EUR', subscriptionId: 'sub_1' };
  const settled = await room.metering.settle(consumer, reserved.value, {
    ...chargeOf(id),
    ...priced,
    ...facts,
  });
  if (!settled.ok) throw new Error(settled.error.message);
  return id;
}

async function standing(month: string) {
  const from = new Date(`${month}-01T00:00:00Z`);
  const to = new Date(from);
  to.setUTCMonth(to.getUTCMonth() + 1);
  const usage = await room.metering.usage(consumer, { range: { from, to } });
  const quotas = await room.metering.quota(consumer, {});
  const check = await room.ledger.checkUsageRollups(operator, { range: { from, to } });
  if (!usage.ok || !quotas.ok || !check.ok) throw new Error('refused');
  expect(check.value.differences).toEqual([]);
  return { ...usage.value.total, used: quotas.value.map(({ used }) => used) };
}

const NOTHING = { predictions: 0, rows: 0, bytes: 0, computeMs: 0 };

it('a refund takes back all of a charge, once, in usage and quotas alike', async () => {
  const [predictionId] = [await predict(), await predict()];
  const input = { tenantSlug, predictionId, reason: 'The answer was wrong.' };
  const refunds = await Promise.all([1, 2, 3].map(() => room.ledger.refundUsage(operator, input)));
  expect(refunds.filter(({ ok }) => ok)).toHaveLength(1);
  const { value } = refunds.find(({ ok }) => ok) as { value: unknown };
  expect(value).toMatchObject({
    kind: 'REFUND',
    predictions: -1,
    rows: -3,
    bytes: -12,
    computeMs: -0.9,
    costMicros: -1000,
  });
  for (const refused of refunds.filter(({ ok }) => !ok))
    expect(refused).toMatchObject({ error: { code: 'CONFLICT' } });
  const left = {
    predictions: 1,
    rows: 3,
    bytes: 12,
    computeMs: 0.9,
    cost: [{ amountMicros: 1000, currency: 'EUR' }],
  };
  expect(await standing('2028-02')).toEqual({ ...left, used: [1, 1] });
  await room.ledger.foldAcrossTenants();
  expect(await standing('2028-02')).toEqual({ ...left, used: [1, 1] });
  expect(await room.ledger.getCorrectionsByPredictionIds(consumer, ['prd_x', predictionId])).toEqual([
    null,
    [value],
  ]);
  const stranger = userOf(await room.tenant(null));
  expect(await room.ledger.getCorrectionsByPredictionIds(stranger, [predictionId])).toEqual([null]);
});

it('what a refund gave back can be used again, to the unit', async () => {
  const ids = [];
  for (let i = 0; i < 5; i++) ids.push(await predict());
  await expect(predict()).rejects.toThrow(/allows 5 predictions/);
  await room.ledger.refundUsage(operator, { tenantSlug, predictionId: ids[0] ?? '', reason: 'r' });
  await predict();
  await expect(predict()).rejects.toThrow(/allows 5 predictions/);
});

it('counts in the month in which it is made, also where nothing else does', async () => {
  const predictionId = await predict();
  room.clock.set('2028-03-01T00:00:00.000Z');
  await room.ledger.refundUsage(operator, { tenantSlug, predictionId, reason: 'r' });
  expect(await standing('2028-03')).toMatchObject({ predictions: -1, rows: -3, used: [-1, -1] });
  expect(await standing('2028-02')).toMatchObject({ predictions: 1 });
  // One more than the limit, of which one was taken back.
  for (let i = 0; i < 6; i++) await predict();
  await expect(predict()).rejects.toThrow(/allows 5 predictions/);
});

it('a correction never takes more than is left, and is done once for a key', async () => {
  const predictionId = await predict();
  const correct = (amounts: object) =>
    room.ledger.correctUsage(operator, { tenantSlug, predictionId, reason: 'Counted twice.', ...amounts });
  const first = { rows: -2, computeMs: -0.25, idempotencyKey: 'k' };
  const done = await correct(first);
  expect(done).toMatchObject({
    ok: true,
    value: { kind: 'CORRECTION', rows: -2, computeMs: -0.25, predictions: 0 },
  });
  room.clock.advance(40 * 86_400_000);
  expect(await correct(first)).toEqual(done);
  expect(await correct({ ...first, rows: -1 })).toMatchObject({ error: { code: 'IDEMPOTENCY_MISMATCH' } });
  room.clock.set('2028-02-20T12:00:00.000Z');
  expect(await correct({ rows: -2 })).toMatchObject({
    error: { code: 'CONFLICT', message: expect.stringContaining('1 rows') as string },
  });
  expect((await correct({ bytes: 8, costMicros: 500, reason: 'It came late.' })).ok).toBe(true);
  expect(await standing('2028-02')).toEqual({
    ...{ predictions: 1, rows: 1, bytes: 20, computeMs: 0.65, used: [1, 1] },
    cost: [{ amountMicros: 1500, currency: 'EUR' }],
  });
  expect((await room.ledger.refundUsage(operator, { tenantSlug, predictionId, reason: 'r' })).ok).toBe(true);
  expect(await standing('2028-02')).toEqual({
    ...{ ...NOTHING, used: [0, 0] },
    cost: [{ amountMicros: 0, currency: 'EUR' }],
  });
});

it('tells at once which thresholds a correction upwards passes, and each once', async () => {
  const predictionId = await predict();
  const told = async () => {
    const events = await room.metering.thresholdEvents(consumer, {});
    if (!events.ok) throw new Error(events.error.message);
    return events.value.items.map(({ subject, percent, used }) => [subject, percent, used]).sort();
  };
  expect(await told()).toEqual([]);
  const on = { tenantSlug, predictionId, reason: 'It was counted twice.' };
  // With the one that was charged and is not carried over yet: 4 of the key's 5, and of the tenant's 10.
  expect((await room.ledger.correctUsage(operator, { ...on, predictions: 3 })).ok).toBe(true);
  const first = [
    ['API_KEY', 50, 4],
    ['API_KEY', 80, 4],
  ];
  expect(await told()).toEqual(first);
  expect((await room.ledger.correctUsage(operator, { ...on, predictions: -3 })).ok).toBe(true);
  expect((await room.ledger.correctUsage(operator, { ...on, predictions: 4 })).ok).toBe(true);
  expect(await told()).toEqual([['API_KEY', 100, 5], ...first, ['TENANT', 50, 5]]);
});

it('is for operators, says which tenant, and refuses what makes no sense', async () => {
  const predictionId = await predict({ costMicros: 0, currency: null, subscriptionId: null });
  const input = { tenantSlug, predictionId, reason: 'r' };
  const owner = userOf(consumer.tenantId, ['USAGE_READ', 'TENANT_WRITE']);
  expect(await room.ledger.refundUsage(owner, input)).toMatchObject({ error: { code: 'PERMISSION_DENIED' } });
  expect(await room.ledger.correctUsage(owner, input)).toMatchObject({
    error: { code: 'PERMISSION_DENIED' },
  });
  const refusals: [object, string, string[]][] = [
    [{ rows: 0 }, 'INVALID_INPUT', ['predictions']],
    [{ rows: 0.5 }, 'INVALID_INPUT', ['rows']],
    [{ rows: 2 ** 40 }, 'INVALID_INPUT', ['rows']],
    [{ rows: 1, reason: ' ' }, 'INVALID_INPUT', ['reason']],
    [{ rows: 1, reason: 'two\nlines' }, 'INVALID_INPUT', ['reason']],
    [{ costMicros: 1 }, 'INVALID_INPUT', ['costMicros']],
    [{ rows: 1, tenantSlug: 'nobody' }, 'NOT_FOUND', ['tenantSlug']],
    [{ rows: 1, predictionId: newId('prediction') }, 'NOT_FOUND', ['predictionId']],
  ];
  for (const [more, code, path] of refusals) {
    expect(await room.ledger.correctUsage(operator, { ...input, ...more })).toMatchObject({
      error: { code, path },
    });
  }
  // Another tenant's, and a correction itself.
  const other = (await room.tenant(null)).replace('_', '-').slice(0, 40);
  expect(await room.ledger.refundUsage(operator, { ...input, tenantSlug: other })).toMatchObject({
    error: { code: 'NOT_FOUND' },
  });
  const done = await room.ledger.correctUsage(operator, { ...input, rows: -1 });
  if (!done.ok) throw new Error(done.error.message);
  expect(await room.ledger.refundUsage(operator, { ...input, predictionId: done.value.id })).toMatchObject({
    error: { code: 'NOT_FOUND' },
  });
  const events = await room.db.asOwner('SELECT action, tenant_id FROM audit_events WHERE subject_id = $1', [
    predictionId,
  ]);
  expect(events).toEqual([{ action: 'correctUsage', tenant_id: operator.tenantId }]);
});

/** Predictions under a subscription: what they cost, and what they would. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { TenantActor } from '../../../src/domain/access/index.js';
import { createAuditService } from '../../../src/domain/audit/index.js';
import { createBillingService, type BillingService } from '../../../src/domain/billing/index.js';
import { createCatalogService } from '../../../src/domain/catalog/index.js';
import {
  createMarketplaceService,
  type CreatePlanInput,
  type MarketplaceService,
  type Subscription,
} from '../../../src/domain/marketplace/index.js';
import { refuse } from '../../../src/lib/result.js';
import { accepted, refusalCode } from '../../support/catalog-world.js';
import { userOf } from '../../support/metering-room.js';
import {
  commandFor,
  doubling,
  inNewRequest,
  NEVER,
  openPredictionsRoom,
  type PredictionsRoom,
  type SeededModel,
} from '../../support/predictions-room.js';
import { silentLogger } from '../../support/silent-logger.js';

let room: PredictionsRoom;
let marketplace: MarketplaceService;
let billing: BillingService;
let owner: TenantActor;
let buyer: TenantActor;
let model: SeededModel;

beforeAll(async () => {
  room = await openPredictionsRoom();
  const { clock } = room;
  const { database } = room.db;
  const audit = createAuditService({ database, clock });
  const catalog = createCatalogService({ database, clock, audit });
  marketplace = createMarketplaceService({ database, clock, audit, catalog });
  billing = createBillingService({ database, clock, audit, log: silentLogger() });
});
afterAll(() => room.stop());
beforeEach(async () => {
  room.useEngine(doubling);
  owner = userOf(await room.tenant(null));
  buyer = userOf(await room.tenant(null));
  model = await room.model(owner.tenantId, 'PUBLIC', 1, 'VIEW');
});

/** 3 ms of compute for a row: see `doubling`. */
async function subscribed(terms: Partial<CreatePlanInput> = {}): Promise<Subscription> {
  const plan = accepted(
    await marketplace.createPlan(owner, {
      modelId: model.modelId,
      name: `plan ${Math.random()}`,
      currency: 'EUR',
      pricePerThousandMicros: 2_000_000,
      ...terms,
    }),
  );
  return accepted(await marketplace.subscribe(buyer, plan.id));
}

const predict = (actor = buyer, more = {}) =>
  room.predictions.predict(inNewRequest(actor), commandFor(model, more), NEVER);
const costOf = async (actor = buyer, more = {}) => accepted(await predict(actor, more)).receipt.cost;

function ledger(): Promise<{ cost: number; subscription: string | null; currency: string | null }[]> {
  return room.db.asOwner(
    `SELECT cost_micros::float8 AS cost, subscription_id AS subscription, currency FROM usage_ledger
     WHERE tenant_id = $1 ORDER BY cost_micros`,
    [buyer.tenantId],
  );
}

describe('a prediction under a subscription', () => {
  it('costs what its plan says, in the receipt, the ledger, the history and the statement', async () => {
    const { id } = await subscribed({ pricePerComputeSecondMicros: 100_000 });
    const { receipt, id: predictionId } = accepted(await predict());
    // 2,000 for the prediction, 300 for 3 ms.
    expect(receipt.cost).toEqual({ amountMicros: 2_300, currency: 'EUR' });
    expect(await ledger()).toEqual([{ cost: 2_300, subscription: id, currency: 'EUR' }]);
    const later = accepted(await room.predictions.prediction(buyer, predictionId));
    expect(later?.receipt.cost).toEqual(receipt.cost);
    const statement = accepted(await billing.statement(buyer, { month: '2026-03', currency: 'EUR' }));
    expect(statement).toMatchObject({ amountMicros: 2_300 });
    expect(accepted(await billing.earningsAcrossTenants(owner, '2026-03'))).toMatchObject([
      { amountMicros: 2_300 },
    ]);
  });

  it('is free or cheaper by its place in the month, and the month begins again', async () => {
    await subscribed({
      freePredictionsPerMonth: 2,
      tiers: [{ from: 4, pricePerThousandMicros: 500_000 }],
    });
    const costs = async () => {
      const found: (number | undefined)[] = [];
      for (let i = 0; i < 5; i++) found.push((await costOf())?.amountMicros);
      return found;
    };
    room.clock.set('2026-03-31T23:59:59.000Z');
    expect(await costs()).toEqual([0, 0, 2_000, 500, 500]);
    room.clock.set('2026-04-01T00:00:00.000Z');
    expect(await costs()).toEqual([0, 0, 2_000, 500, 500]);
    room.clock.set('2026-03-15T12:00:00.000Z');
  });

  it('keeps its place for another when it fails', async () => {
    await subscribed({ freePredictionsPerMonth: 1 });
    room.useEngine(() => Promise.resolve(refuse({ code: 'RUNTIME_FAILED', message: 'No.' })));
    expect(refusalCode(await predict())).toBe('PREDICTION_FAILED');
    room.useEngine(doubling);
    expect(await costOf()).toMatchObject({ amountMicros: 0 });
    expect(await costOf()).toMatchObject({ amountMicros: 2_000 });
  });

  it('has a place of its own among many at the same time', async () => {
    await subscribed({
      freePredictionsPerMonth: 10,
      tiers: [{ from: 31, pricePerThousandMicros: 1_000_000 }],
    });
    const found = await Promise.all(Array.from({ length: 60 }, () => costOf()));
    const sum = found.reduce((all, cost) => all + (cost?.amountMicros ?? NaN), 0);
    expect(sum).toBe(20 * 2_000 + 30 * 1_000);
    expect((await ledger()).reduce((all, { cost }) => all + cost, 0)).toBe(sum);
  });

  it('costs nothing again when its answer is given again', async () => {
    await subscribed();
    expect(await costOf(buyer, { idempotencyKey: 'once' })).toEqual({ amountMicros: 2_000, currency: 'EUR' });
    expect(await costOf(buyer, { idempotencyKey: 'once' })).toEqual({ amountMicros: 0, currency: 'EUR' });
    expect(await ledger()).toHaveLength(1);
  });

  it('is possible from the reply of subscribe on, and not from that of cancelSubscription on', async () => {
    expect(refusalCode(await predict())).toBe('NOT_ENTITLED');
    const { id } = await subscribed({ freePredictionsPerMonth: 1 });
    expect(await costOf()).toMatchObject({ amountMicros: 0 });
    accepted(await marketplace.cancelSubscription(buyer, id));
    expect(refusalCode(await predict())).toBe('NOT_ENTITLED');
  });

  it('goes on counting where it was when its subscriber comes back', async () => {
    const { id, planId } = await subscribed({ freePredictionsPerMonth: 1 });
    expect(await costOf()).toMatchObject({ amountMicros: 0 });
    accepted(await marketplace.cancelSubscription(buyer, id));
    expect(accepted(await marketplace.subscribe(buyer, planId)).id).toBe(id);
    expect(await costOf()).toMatchObject({ amountMicros: 2_000 });
    accepted(await marketplace.cancelSubscription(buyer, id));
    accepted(await marketplace.withdrawPlan(owner, planId));
    expect(refusalCode(await marketplace.subscribe(buyer, planId))).toBe('NOT_FOUND');
  });

  it('keeps to the limits that its plan includes, and counts on when its subscriber comes back', async () => {
    const { id, planId } = await subscribed({
      includedLimits: [
        { measure: 'PREDICTIONS', window: 'MONTH', amount: 2 },
        { measure: 'PLACES', window: 'NONE', amount: 5 },
        { measure: 'COST', window: 'LIFETIME', amount: 1_000_000, enforcement: 'SOFT' },
      ],
    });
    const limits = () =>
      room.db.asOwner(
        `SELECT subject_id AS id, measure, span, currency, amount::int, enforcement FROM quota_limits
         WHERE tenant_id = $1 AND subject = 'SUBSCRIPTION' ORDER BY measure`,
        [buyer.tenantId],
      );
    const written = await limits();
    expect(written).toEqual([
      { id, measure: 'COST', span: 'LIFETIME', currency: 'EUR', amount: 1_000_000, enforcement: 'SOFT' },
      { id, measure: 'PLACES', span: 'NONE', currency: null, amount: 5, enforcement: 'HARD' },
      { id, measure: 'PREDICTIONS', span: 'MONTH', currency: null, amount: 2, enforcement: 'HARD' },
    ]);
    await costOf();
    accepted(await marketplace.cancelSubscription(buyer, id));
    expect(await limits()).toEqual([]);
    accepted(await marketplace.subscribe(buyer, planId));
    expect(await limits()).toEqual(written);
    await costOf();
    expect(await predict()).toMatchObject({
      error: [{ code: 'QUOTA_EXCEEDED', subject: 'SUBSCRIPTION', subjectId: id, limit: 2, used: 2 }],
    });
    // Another plan takes its place, and has no such limits.
    await subscribed();
    expect(await limits()).toEqual([]);
    await costOf();
  });

  it('goes on under a plan that was withdrawn', async () => {
    const { planId } = await subscribed();
    accepted(await marketplace.withdrawPlan(owner, planId));
    expect(await costOf()).toMatchObject({ amountMicros: 2_000 });
  });

  it('has the price of the other plan from the reply of the change on', async () => {
    const first = await subscribed();
    expect(await costOf()).toMatchObject({ amountMicros: 2_000 });
    const second = await subscribed({ pricePerThousandMicros: 9_000_000 });
    expect(await costOf()).toMatchObject({ amountMicros: 9_000 });
    accepted(await marketplace.subscribe(buyer, first.planId));
    expect(await costOf()).toMatchObject({ amountMicros: 2_000 });
    const own = accepted(await marketplace.listSubscriptions(buyer, {})).items;
    expect(new Map(own.map(({ id, status }) => [id, status]))).toEqual(
      new Map([
        [second.id, 'CANCELLED'],
        [first.id, 'ACTIVE'],
      ]),
    );
  });
});

it('nothing is asked of the owner, nor of whoever has a grant', async () => {
  await subscribed();
  expect(await costOf(owner)).toBeNull();
  await room.grant(model, owner.tenantId, buyer.tenantId, ['PREDICT']);
  expect(await costOf()).toBeNull();
  expect(await ledger()).toEqual([{ cost: 0, subscription: null, currency: null }]);
});

describe('who may sell and buy', () => {
  it('only whoever manages access of its own models, and subscriptions of its own tenant', async () => {
    const { planId } = await subscribed();
    const input = { modelId: model.modelId, name: 'other', currency: 'EUR' };
    expect(refusalCode(await marketplace.createPlan(buyer, input))).toBe('NOT_FOUND');
    expect(refusalCode(await marketplace.createPlan(userOf(owner.tenantId, []), input))).toBe(
      'PERMISSION_DENIED',
    );
    expect(refusalCode(await marketplace.withdrawPlan(buyer, planId))).toBe('NOT_FOUND');
    expect(refusalCode(await marketplace.subscribe(owner, planId))).toBe('INVALID_INPUT');
    expect(refusalCode(await marketplace.subscribe(userOf(buyer.tenantId, ['USAGE_READ']), planId))).toBe(
      'PERMISSION_DENIED',
    );
  });

  it('a name is on offer once, at most twenty plans are, and an archived model has no new ones', async () => {
    const offer = (name: string) =>
      marketplace.createPlan(owner, { modelId: model.modelId, name, currency: 'USD' });
    const first = accepted(await offer('a'));
    expect(refusalCode(await offer('a'))).toBe('CONFLICT');
    accepted(await marketplace.withdrawPlan(owner, first.id));
    for (let i = 0; i < 20; i++) accepted(await offer(`a${i || ''}`));
    expect(refusalCode(await offer('b'))).toBe('CONFLICT');
    await room.db.asOwner('UPDATE models SET archived_at = now() WHERE id = $1', [model.modelId]);
    expect(refusalCode(await offer('c'))).toBe('CONFLICT');
  });

  it('the owner sees who subscribes, and nobody else does', async () => {
    const { id } = await subscribed();
    const seen = { id: model.modelId, tenantId: owner.tenantId };
    expect(accepted(await marketplace.listSubscribers(owner, seen, {}))?.items).toMatchObject([
      { id, tenantId: buyer.tenantId },
    ]);
    expect(accepted(await marketplace.listSubscribers(buyer, seen, {}))).toBeNull();
    const stranger = userOf(await room.tenant(null));
    expect(await marketplace.getSubscriptionsByIds(stranger, [id])).toEqual([null]);
    expect(await marketplace.getSubscriptionsByIds(owner, [id])).toMatchObject([{ id }]);
    accepted(await marketplace.cancelSubscription(buyer, id));
    expect(await marketplace.getSubscriptionsByIds(owner, [id])).toEqual([null]);
    expect(await marketplace.getSubscriptionsByIds(buyer, [id])).toMatchObject([{ status: 'CANCELLED' }]);
  });

  it('terms are never changed, not by the application at all', async () => {
    const { planId } = await subscribed();
    const change = room.db.database.sql({ tenantId: owner.tenantId }, (query) =>
      query('UPDATE plans SET price_per_thousand_micros = 0 WHERE id = $1', [planId]),
    );
    await expect(change).rejects.toThrow('permission denied');
  });
});

describe('a quote', () => {
  const quote = (actor = buyer, more = {}) => room.predictions.quote(actor, commandFor(model, more));
  const counted = () =>
    room.db.asOwner(
      `SELECT (SELECT json_agg(c) FROM quota_counters c WHERE tenant_id = $1) AS counters,
         (SELECT json_agg(l) FROM quota_leases l WHERE tenant_id = $1) AS leases,
         (SELECT json_agg(o) FROM subscription_ordinals o WHERE tenant_id = $1) AS ordinals,
         (SELECT count(*)::int FROM usage_ledger WHERE tenant_id = $1) AS events`,
      [buyer.tenantId],
    );

  it('says what the next one costs, and takes, runs and counts nothing', async () => {
    await subscribed({ freePredictionsPerMonth: 1, pricePerComputeSecondMicros: 1_000_000 });
    expect((await quote()).cost?.highest).toEqual({ amountMicros: 0, currency: 'EUR' });
    accepted(await predict());
    await room.metering.giveBackIdle();
    const before = await counted();
    const jobs = room.jobs.length;
    const found = await quote(buyer, { timeoutMs: 5_000 });
    expect(found).toMatchObject({ refusals: [], versionId: model.versionIds[0], rows: 1 });
    expect(found.cost).toEqual({
      lowest: { amountMicros: 2_000, currency: 'EUR' },
      // Nobody measured this version: the least that is ever claimed, and all that its time allows.
      expected: { amountMicros: 3_000, currency: 'EUR' },
      highest: { amountMicros: 5_002_000, currency: 'EUR' },
    });
    for (let i = 0; i < 5; i++) await quote();
    expect(await counted()).toEqual(before);
    expect(room.jobs).toHaveLength(jobs);
    const cost = await costOf();
    expect(cost?.amountMicros).toBeGreaterThanOrEqual(found.cost!.lowest.amountMicros);
    expect(cost?.amountMicros).toBeLessThanOrEqual(found.cost!.highest.amountMicros);
  });

  it('refuses in the words of predict, whatever the reason', async () => {
    const said = async (actor: TenantActor, more = {}) => {
      const { refusals } = await quote(actor, more);
      const outcome = await predict(actor, more);
      if (outcome.ok) throw new Error('predict was admitted.');
      expect(refusals).toEqual(outcome.error);
      return refusals.map(({ code }) => code);
    };
    expect(await said(buyer)).toEqual(['NOT_ENTITLED']);
    expect(await said(userOf(buyer.tenantId, []))).toEqual(['PERMISSION_DENIED']);
    expect(await said(owner, { inputs: [{ data: [[1]] }] })).toEqual(['INVALID_INPUT']);
    expect(await said(owner, { timeoutMs: 0, idempotencyKey: '' })).toEqual([
      'INVALID_INPUT',
      'INVALID_INPUT',
    ]);
    expect(await said(owner, { target: { modelId: 'mdl_0' } })).toEqual(['NOT_FOUND']);
    const key = await room.key(owner.tenantId, 1);
    expect((await quote(key)).quotas.map(({ remaining }) => remaining)).toEqual([null, 1]);
    accepted(await predict(key));
    expect((await quote(key)).quotas.map(({ remaining }) => remaining)).toEqual([null, 0]);
    expect(await said(key)).toEqual(['QUOTA_EXCEEDED']);
  });

  it('sees a budget in money, and a limit of rows, as predict does', async () => {
    await subscribed();
    for (const [measure, currency, amount] of [
      ['COST', 'EUR', 5_000],
      ['COST', 'USD', 0],
      ['ROWS', null, 10],
    ]) {
      await room.db.asOwner(
        `INSERT INTO quota_limits (id, tenant_id, subject, subject_id, measure, span, currency, amount)
         VALUES ($1, $2, 'TENANT', $2, $3, 'LIFETIME', $4, $5)`,
        [`lim_${Math.random()}`, buyer.tenantId, measure, currency, amount],
      );
    }
    const left = async () =>
      (await quote()).quotas.map(({ measure, remaining }) => `${measure} ${remaining}`).sort();
    expect(await left()).toEqual(['COST 5000', 'PREDICTIONS null', 'ROWS 10']);
    accepted(await predict());
    expect(await left()).toEqual(['COST 3000', 'PREDICTIONS null', 'ROWS 9']);
    accepted(await predict());
    for (const more of [{}, { inputs: [{ data: Array.from({ length: 9 }, () => [1, 2]) }] }]) {
      const outcome = await predict(buyer, more);
      if (outcome.ok) throw new Error('predict was admitted.');
      expect((await quote(buyer, more)).refusals).toEqual(outcome.error);
      expect(outcome.error[0].code).toBe('QUOTA_EXCEEDED');
    }
  });

  it('asks nothing where nothing is asked', async () => {
    expect(await quote(owner)).toMatchObject({ refusals: [], cost: null, rows: 1 });
  });
});

/** Limits of every kind, each by itself: whose, of what, in which window, and what is said when it is reached. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { TenantActor } from '../../../src/domain/access/index.js';
import type {
  Charge,
  MeteringService,
  Reservation,
  SetLimitInput,
} from '../../../src/domain/metering/index.js';
import { newId } from '../../../src/lib/ids.js';
import { chargeOf, openMeteringRoom, userOf, type MeteringRoom } from '../../support/metering-room.js';

const MODEL = newId('model');
const OTHER_MODEL = newId('model');
const SUBSCRIPTION = { id: 'sub_1', currency: 'EUR' };

let room: MeteringRoom;
let operator: TenantActor;
let tenantId: string;
let user: TenantActor;
let slug: string;
beforeAll(async () => {
  room = await openMeteringRoom('2026-03-15T12:00:00.000Z', { maxConnections: 16 });
  operator = userOf(await room.tenant(null));
});
afterAll(() => room.stop());
beforeEach(async () => {
  tenantId = await room.tenant(null);
  user = userOf(tenantId);
  slug = tenantId.replace('_', '-').slice(0, 40);
});

async function setLimit(input: Omit<SetLimitInput, 'tenantSlug'>) {
  const set = await room.metering.setLimit(operator, { tenantSlug: slug, ...input });
  if (!set.ok) throw new Error(set.error.message);
  return set.value;
}

type Request = Parameters<MeteringService['reserve']>[1];
const request = (more: Partial<Request> = {}): Request => ({
  units: 1,
  timeoutMs: 10_000,
  modelId: MODEL,
  rows: 3,
  bytes: 12,
  computeUs: 10_000,
  costMicros: 0,
  ...more,
});

async function take(
  actor = user,
  more: Partial<Request> = {},
  metering = room.metering,
): Promise<Reservation> {
  const reserved = await metering.reserve(actor, request(more));
  if (!reserved.ok) throw new Error(reserved.error.message);
  return reserved.value;
}

async function charge(
  reservation: Reservation,
  more: Partial<Charge> = {},
  actor = user,
  metering = room.metering,
) {
  const { rows, bytes } = reservation.claim;
  const settled = await metering.settle(actor, reservation, {
    ...chargeOf(),
    modelId: MODEL,
    rows,
    bytes,
    ...more,
  });
  if (!settled.ok) throw new Error('Not charged.');
}

async function refusalOf(actor = user, more: Partial<Request> = {}) {
  const reserved = await room.metering.reserve(actor, request(more));
  if (reserved.ok) throw new Error('Admitted.');
  return reserved.error;
}

async function standing(window = 'DAY') {
  const quota = await room.metering.quota(user, {});
  if (!quota.ok) throw new Error(quota.error.message);
  return quota.value.find((one) => one.window === window);
}

describe('a limit of rows in a day', () => {
  it('admits exactly what is left, refuses one more, and begins anew the next day', async () => {
    await setLimit({ measure: 'ROWS', window: 'DAY', amount: 10 });
    for (const rows of [3, 3, 3]) await charge(await take(user, { rows }));
    expect(await refusalOf(user, { rows: 2 })).toMatchObject({
      code: 'QUOTA_EXCEEDED',
      subject: 'TENANT',
      subjectId: tenantId,
      measure: 'ROWS',
      window: 'DAY',
      modelId: null,
      limit: 10,
      used: 9,
      resetsAt: new Date('2026-03-16T00:00:00.000Z'),
    });
    await charge(await take(user, { rows: 1 }));
    expect(await standing()).toMatchObject({
      measure: 'ROWS',
      limit: 10,
      used: 10,
      reserved: 0,
      remaining: 0,
      overage: 0,
    });
    expect((await refusalOf()).message).toBe(
      "The tenant's plan allows 10 rows per day (UTC); 10 are used. It resets at 2026-03-16T00:00:00.000Z.",
    );
    room.clock.set('2026-03-16T00:00:00.000Z');
    await charge(await take(user, { rows: 10 }));
    expect(await standing()).toMatchObject({ used: 10 });
  });

  it('that is made in the middle of the day counts from its beginning', async () => {
    await charge(await take(user, { rows: 7 }));
    const running = await take(user, { rows: 2 });
    await setLimit({ measure: 'ROWS', window: 'DAY', amount: 10 });
    await room.metering.giveBackIdle();
    // What runs was admitted without it, and counts when it is charged.
    await charge(await take(user, { rows: 3 }));
    expect((await refusalOf(user, { rows: 1 })).used).toBe(10);
    await charge(running);
    expect(await standing()).toMatchObject({ used: 12, overage: 2, remaining: 0 });
  });

  it('that is removed holds nobody back, and one that is made again knows all', async () => {
    await setLimit({ measure: 'ROWS', window: 'DAY', amount: 3 });
    await charge(await take());
    await refusalOf();
    const place = { tenantSlug: slug, measure: 'ROWS', window: 'DAY' } as const;
    expect((await room.metering.removeLimit(operator, place)).ok).toBe(true);
    await charge(await take(user, { rows: 100 }));
    expect(await room.metering.removeLimit(operator, place)).toMatchObject({ error: { code: 'NOT_FOUND' } });
    await setLimit({ measure: 'ROWS', window: 'DAY', amount: 104 });
    await refusalOf(user, { rows: 2 });
    await charge(await take(user, { rows: 1 }));
  });
});

describe('what is known only afterwards', () => {
  it('compute is claimed before and charged as it was; the rest is there at once for others', async () => {
    await setLimit({ measure: 'COMPUTE_MS', window: 'MONTH', amount: 25 });
    const [one, two] = [await take(), await take()];
    expect(await refusalOf()).toMatchObject({ measure: 'COMPUTE_MS', window: 'MONTH', limit: 25, used: 0 });
    await charge(one, { computeUs: 2_500 });
    // 2.5 used, 10 claimed: 12.5 left.
    const three = await take(user, {}, room.anotherMetering());
    await charge(two, { computeUs: 10_000 });
    await refusalOf(user, { computeUs: 2_501 });
    await room.metering.release(user, await take(user, { computeUs: 2_500 }));
    expect(three.claim.computeUs).toBe(10_000);
  });

  it('more compute than was claimed is not charged', async () => {
    await setLimit({ measure: 'COMPUTE_MS', window: 'LIFETIME', amount: 20 });
    const reservation = await take();
    await charge(reservation, { computeUs: 50_000 });
    const [event] = await room.db.asOwner('SELECT compute_us::int FROM usage_ledger WHERE tenant_id = $1', [
      tenantId,
    ]);
    expect(event).toEqual({ compute_us: 10_000 });
    expect((await standing('LIFETIME'))?.used).toBe(10);
    expect((await standing('LIFETIME'))?.resetsAt).toBeNull();
  });

  it('cost is claimed at the highest price, in its own currency', async () => {
    await setLimit({ measure: 'COST', window: 'LIFETIME', currency: 'EUR', amount: 1_000 });
    const more = { subscription: SUBSCRIPTION, costMicros: 600 };
    const paid = { currency: 'EUR', subscriptionId: SUBSCRIPTION.id };
    await charge(await take(user, more), { ...paid, costMicros: 300 });
    await charge(await take(user, more), { ...paid, costMicros: 600 });
    expect(await refusalOf(user, more)).toMatchObject({
      measure: 'COST',
      currency: 'EUR',
      limit: 1_000,
      used: 900,
      resetsAt: null,
    });
    // Of another currency, and of none.
    await take(user, { subscription: { id: 'sub_usd', currency: 'USD' }, costMicros: 5_000 });
    await take(user);
  });
});

describe('the hierarchy', () => {
  it('names the limit that is short: of the tenant, the subscription, the key, or one model of either', async () => {
    const key = await room.key(tenantId, null);
    await room.db.asOwner(
      `INSERT INTO quota_limits (id, tenant_id, subject, subject_id, measure, span, amount)
       VALUES ($1, $2, 'SUBSCRIPTION', 'sub_1', 'PREDICTIONS', 'DAY', 2)`,
      [newId('limit'), tenantId],
    );
    await room.db.asOwner(
      `INSERT INTO quota_limits (id, tenant_id, subject, subject_id, model_id, measure, span, amount)
       VALUES ($1, $2, 'API_KEY', $3, $4, 'PREDICTIONS', 'DAY', 1)`,
      [newId('limit'), tenantId, key.apiKeyId, MODEL],
    );
    await setLimit({ measure: 'PREDICTIONS', window: 'DAY', amount: 4 });
    await charge(await take(key), {}, key);
    expect(await refusalOf(key)).toMatchObject({ subject: 'API_KEY', modelId: MODEL, limit: 1, used: 1 });
    const other = { modelId: OTHER_MODEL, subscription: SUBSCRIPTION };
    await charge(
      await take(key, other),
      { modelId: OTHER_MODEL, subscriptionId: 'sub_1', currency: 'EUR' },
      key,
    );
    await charge(await take(user, other), { modelId: OTHER_MODEL, subscriptionId: 'sub_1', currency: 'EUR' });
    expect(await refusalOf(user, other)).toMatchObject({
      subject: 'SUBSCRIPTION',
      subjectId: 'sub_1',
      used: 2,
    });
    await take();
    expect(await refusalOf(key)).toMatchObject({ subject: 'TENANT', limit: 4, used: 3 });
    const limits = await room.metering.limits(user, {});
    expect(limits.ok && limits.value.map(({ subject, modelId }) => [subject, modelId])).toEqual([
      ['TENANT', null],
      ['SUBSCRIPTION', null],
      ['API_KEY', MODEL],
    ]);
  });

  it('a tenant sets limits of its keys and of single models, the operator those of tenants', async () => {
    const key = await room.key(tenantId, null);
    const own = { apiKeyId: key.apiKeyId, measure: 'BYTES', window: 'DAY', amount: 5 } as const;
    const manager = userOf(tenantId, ['API_KEY_MANAGE']);
    expect((await room.metering.setLimit(manager, own)).ok).toBe(true);
    expect(await room.metering.setLimit(userOf(tenantId, ['USAGE_READ']), own)).toMatchObject({
      error: { code: 'PERMISSION_DENIED' },
    });
    const whole = { measure: 'BYTES', window: 'DAY', amount: 5 } as const;
    expect(await room.metering.setLimit(manager, whole)).toMatchObject({
      error: { permission: 'PLATFORM_OPERATE' },
    });
    expect(await room.metering.setLimit(manager, { ...own, apiKeyId: newId('apiKey') })).toMatchObject({
      error: { code: 'NOT_FOUND', path: ['apiKeyId'] },
    });
    expect(await room.metering.setLimit(manager, { ...whole, modelId: MODEL })).toMatchObject({
      error: { code: 'NOT_FOUND', path: ['modelId'] },
    });
    expect(await refusalOf(key)).toMatchObject({ subject: 'API_KEY', measure: 'BYTES', limit: 5, used: 0 });
  });

  it.each([
    [{ measure: 'PLACES', window: 'DAY', amount: 1 }, 'window'],
    [{ measure: 'ROWS', amount: 1 }, 'window'],
    [{ measure: 'COST', window: 'DAY', amount: 1 }, 'currency'],
    [{ measure: 'ROWS', window: 'DAY', currency: 'EUR', amount: 1 }, 'currency'],
    [{ measure: 'ROWS', window: 'DAY', amount: -1 }, 'amount'],
    [{ measure: 'ROWS', window: 'DAY', amount: 1.5 }, 'amount'],
    [{ measure: 'ROWS', window: 'MINUTE', amount: 1, enforcement: 'SOFT' }, 'enforcement'],
  ] as const)('%j is refused for its %s', async (input, field) => {
    expect(await room.metering.setLimit(operator, { tenantSlug: slug, ...input })).toMatchObject({
      error: { code: 'INVALID_INPUT', path: [field] },
    });
  });
});

describe('a soft limit', () => {
  it('holds nobody back, counts what goes beyond, and tells once of each threshold', async () => {
    await setLimit({ measure: 'PREDICTIONS', window: 'MONTH', amount: 10, enforcement: 'SOFT' });
    for (let i = 0; i < 12; i++) await charge(await take());
    await room.metering.giveBackIdle();
    expect(await standing('MONTH')).toMatchObject({
      enforcement: 'SOFT',
      limit: 10,
      used: 12,
      overage: 2,
      remaining: null,
    });
    const told = async () => {
      const events = await room.metering.thresholdEvents(user, {});
      return events.ok ? events.value.items.map(({ percent, amount }) => [percent, amount]) : [];
    };
    expect((await told()).sort()).toEqual([
      [100, 10],
      [50, 10],
      [80, 10],
    ]);
    await charge(await take());
    await room.metering.giveBackIdle();
    expect(await told()).toHaveLength(3);
  });
});

describe('a limit by the minute', () => {
  it('admits the amount at once, then one after each interval, and says when', async () => {
    await setLimit({ measure: 'PREDICTIONS', window: 'MINUTE', amount: 6 });
    const [one, other] = [room.metering, room.anotherMetering()];
    for (let i = 0; i < 6; i++)
      await charge(await take(user, {}, i % 2 ? one : other), {}, user, i % 2 ? one : other);
    expect(await refusalOf()).toMatchObject({
      window: 'MINUTE',
      limit: 6,
      used: 6,
      resetsAt: null,
      retryAfterMs: 10_000,
    });
    room.clock.advance(9_999);
    expect(await refusalOf()).toMatchObject({ retryAfterMs: 1 });
    room.clock.advance(1);
    const failing = await take();
    await refusalOf();
    // What failed gives its turn back.
    await room.metering.release(user, failing);
    await charge(await take(user, {}, other), {}, user, other);
    await refusalOf();
  });

  it('counts rows by what they are: a claim that is larger than the amount is never admitted', async () => {
    await setLimit({ measure: 'ROWS', window: 'MINUTE', amount: 5 });
    expect(await refusalOf(user, { rows: 6 })).toMatchObject({ retryAfterMs: null });
    await charge(await take(user, { rows: 5 }));
    expect(await refusalOf(user, { rows: 2 })).toMatchObject({ retryAfterMs: 24_000 });
  });
});

describe('places', () => {
  it('bound what runs at once in all processes, and come back when a prediction ends, well or not', async () => {
    await setLimit({ measure: 'PLACES', amount: 3 });
    const other = room.anotherMetering();
    const running = [await take(), await take(user, {}, other), await take()];
    expect(await refusalOf()).toMatchObject({
      measure: 'PLACES',
      window: 'NONE',
      limit: 3,
      used: 3,
      resetsAt: null,
    });
    await charge(running[0]!);
    const again = await take(user, {}, other);
    await refusalOf();
    await other.release(user, again);
    await take();
    await refusalOf();
  });
});

describe('the ordinal in the month of a subscription', () => {
  const paid = { subscriptionId: SUBSCRIPTION.id, currency: 'EUR' };
  const of = (reservation: Reservation) => reservation.ordinal;

  it('is given out once, the lowest first, over two processes; one of a failed prediction is given again', async () => {
    const other = room.anotherMetering();
    const mine = { subscription: SUBSCRIPTION };
    const [one, two, three] = [await take(user, mine), await take(user, mine, other), await take(user, mine)];
    expect([one, two, three].map(of)).toEqual([1, 2, 3]);
    await other.release(user, two);
    await charge(three, paid);
    const four = await take(user, mine);
    expect(of(four)).toBe(2);
    await room.metering.release(user, one);
    expect(of(await take(user, mine, other))).toBe(1);
    expect(of(await take(user))).toBeNull();
    room.clock.set('2026-04-01T00:00:00.000Z');
    expect(of(await take(user, mine))).toBe(1);
  });

  it('has no gap and no double in a burst, whatever fails', async () => {
    const [one, other] = [room.metering, room.anotherMetering()];
    const mine = { subscription: SUBSCRIPTION };
    const charged: number[] = [];
    for (let i = 0; i < 60; i++) {
      const metering = i % 3 ? one : other;
      const reservation = await take(user, mine, metering);
      if (i % 4 === 0) await metering.release(user, reservation);
      else {
        await charge(reservation, paid, user, metering);
        charged.push(reservation.ordinal!);
      }
    }
    await other.giveBackIdle();
    await one.giveBackIdle();
    expect(new Set(charged).size).toBe(45);
    const rest: number[] = [];
    for (let i = 45; i < Math.max(...charged); i++) {
      const reservation = await take(user, mine);
      rest.push(reservation.ordinal!);
    }
    expect([...charged, ...rest].sort((a, b) => a - b)).toEqual(
      Array.from({ length: Math.max(...charged) }, (_, i) => i + 1),
    );
  });
});

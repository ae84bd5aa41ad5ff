/** Leases: taken ahead by whoever is fast, given up to whoever asks, never in anybody's way. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TenantActor } from '../../../src/domain/access/index.js';
import type { MeteringService, Reservation } from '../../../src/domain/metering/index.js';
import type { Transactions } from '../../../src/database/index.js';
import { chargeOf, openMeteringRoom, userOf, type MeteringRoom } from '../../support/metering-room.js';
import { until } from '../../support/until.js';

const REQUEST = { units: 1, timeoutMs: 10_000 };

let room: MeteringRoom;
beforeAll(async () => {
  room = await openMeteringRoom('2026-03-15T12:00:00.000Z', { maxConnections: 16 });
});
afterAll(() => room.stop());

async function take(metering: MeteringService, actor: TenantActor, units = 1): Promise<Reservation> {
  const reserved = await metering.reserve(actor, { ...REQUEST, units });
  if (!reserved.ok) throw new Error(reserved.error.message);
  return reserved.value;
}

/** Predicts so often that the service takes units ahead. Returns how many it charged. */
async function warm(metering: MeteringService, actor: TenantActor, times = 12): Promise<number> {
  for (let i = 0; i < times; i++) await metering.settle(actor, await take(metering, actor), chargeOf());
  return times;
}

async function idleIn(tenantId: string): Promise<number> {
  const [row] = await room.db.asOwner<{ idle: number }>(
    'SELECT coalesce(sum(units - charged), 0)::float8 AS idle FROM quota_leases WHERE tenant_id = $1',
    [tenantId],
  );
  return row?.idle ?? 0;
}

/** A database that counts what it is asked. */
function counting(): { readonly database: Transactions; readonly texts: string[] } {
  const texts: string[] = [];
  const { database } = room.db;
  return {
    texts,
    database: {
      transaction: (context, work) => database.transaction(context, work),
      sql: (context, work) => database.sql(context, work),
      accessEpoch: () => database.accessEpoch(),
      single: (context) => (text, parameters) => {
        texts.push(text);
        return database.single(context)(text, parameters);
      },
    },
  };
}

describe('a fast caller', () => {
  it('waits for no lease once it is warm: one statement charges, and few others are made', async () => {
    const { database, texts } = counting();
    const metering = room.anotherMetering({ database });
    const key = await room.key(await room.tenant(1_000_000), 500_000);
    await warm(metering, key, 40);
    texts.length = 0;
    await warm(metering, key, 100);
    const charges = texts.filter((text) => text.includes('INSERT INTO usage_deltas'));
    expect(charges).toHaveLength(100);
    expect(texts.length - charges.length).toBeLessThanOrEqual(10);
  });

  it('is told a remainder that counts down by exactly one', async () => {
    const metering = room.anotherMetering();
    const key = await room.key(await room.tenant(1000), 300);
    for (let left = 299; left >= 0; left--) {
      const reservation = await take(metering, key);
      expect(reservation.remaining).toBe(left);
      if (left % 2 === 0) await metering.settle(key, reservation, chargeOf());
    }
    expect((await metering.reserve(key, REQUEST)).ok).toBe(false);
  });

  it('what failed is there again, without a word to the database', async () => {
    const { database, texts } = counting();
    const metering = room.anotherMetering({ database });
    const actor = userOf(await room.tenant(1_000_000));
    await warm(metering, actor, 40);
    texts.length = 0;
    const reservation = await take(metering, actor);
    await metering.release(actor, reservation);
    expect((await take(metering, actor)).remaining).toBe(reservation.remaining);
    expect(texts.filter((text) => !text.includes('lease_quota'))).toEqual([]);
  });

  it('does not show what it has idle as reserved', async () => {
    const tenantId = await room.tenant(1_000_000);
    const metering = room.anotherMetering();
    const charged = await warm(metering, userOf(tenantId));
    expect(await idleIn(tenantId)).toBeGreaterThan(0);
    await take(metering, userOf(tenantId));
    const quota = await metering.quota(userOf(tenantId), {});
    expect(quota).toMatchObject({
      value: [{ used: charged, reserved: 1, remaining: 1_000_000 - charged - 1, weight: 1 }],
    });
  });

  it('gives back what it does not use, within a second, and at the stop', async () => {
    const tenantId = await room.tenant(1_000_000);
    const server = await room.anotherServer();
    await warm(server.metering, userOf(tenantId));
    expect(await idleIn(tenantId)).toBeGreaterThan(0);
    const startMs = performance.now();
    await until(async () => (await idleIn(tenantId)) === 0);
    expect(performance.now() - startMs).toBeLessThan(3_000);
    const metering = room.anotherMetering();
    await warm(metering, userOf(tenantId));
    await metering.giveBackIdle();
    expect(await idleIn(tenantId)).toBe(0);
  });
});

describe('nothing is refused while units are left', () => {
  it('idle units of another server come when they are asked for', async () => {
    const tenantId = await room.tenant(200);
    const [key, user] = [await room.key(tenantId, null), userOf(tenantId)];
    // One that is not tended: only the message makes it give back.
    const holder = room.anotherMetering();
    const listener = room.db.database.listener('souk_quota_recall', (id) => void holder.heedRecall(id));
    await listener.start();
    try {
      const charged = await warm(holder, key, 30);
      const idle = await idleIn(tenantId);
      expect(idle).toBeGreaterThan(0);
      const all = await room.metering.reserve(user, { ...REQUEST, units: 200 - charged });
      expect(all.ok).toBe(true);
      expect(await holder.reserve(key, REQUEST)).toMatchObject({
        ok: false,
        error: { code: 'QUOTA_EXCEEDED', subject: 'TENANT', limit: 200, used: charged },
      });
    } finally {
      await listener.stop();
    }
  });

  it('also when the message is lost: a server that serves hears it with its next charge', async () => {
    const tenantId = await room.tenant(200);
    const [key, user] = [await room.key(tenantId, null), userOf(tenantId)];
    const holder = room.anotherMetering();
    const charged = await warm(holder, key, 30);
    const last = await take(holder, key);
    const waiting = room.metering.reserve(user, { ...REQUEST, units: 200 - charged - 1 });
    // The holder, about to ask for more units, may have heard it with the answer to that.
    let isAnswered = false;
    void waiting.then(() => (isAnswered = true));
    await until(async () => {
      const rows = await room.db.asOwner(
        'SELECT 1 FROM quota_leases WHERE tenant_id = $1 AND recalled_at IS NOT NULL',
        [tenantId],
      );
      return isAnswered || rows.length > 0;
    });
    expect((await holder.settle(key, last, chargeOf())).ok).toBe(true);
    expect((await waiting).ok).toBe(true);
  });

  it('idle units of another key of the tenant come in the same process', async () => {
    const tenantId = await room.tenant(200);
    const metering = room.anotherMetering();
    const [one, other] = [await room.key(tenantId, null), await room.key(tenantId, null)];
    const charged = await warm(metering, one, 30);
    expect((await metering.reserve(other, { ...REQUEST, units: 200 - charged })).ok).toBe(true);
  });

  it('a holder that does not answer is waited for once, and within bounds', async () => {
    const tenantId = await room.tenant(200);
    const [key, user] = [await room.key(tenantId, null), userOf(tenantId)];
    const charged = await warm(room.anotherMetering(), key, 30);
    const patient = room.anotherMetering();
    const startMs = performance.now();
    expect((await patient.reserve(user, { ...REQUEST, units: 200 - charged })).ok).toBe(false);
    expect(performance.now() - startMs).toBeLessThan(2_500);
    const { texts, database } = counting();
    const second = room.anotherMetering({ database });
    expect((await second.reserve(user, { ...REQUEST, units: 200 - charged })).ok).toBe(false);
    expect(texts).toHaveLength(1);
  });

  it('two servers, both with units ahead, and more requests than are left: exactly all that are left', async () => {
    const servers = [await room.anotherServer(), await room.anotherServer()];
    for (let round = 0; round < 4; round++) {
      const left = 20 + round * 8;
      const tenantId = await room.tenant(200);
      const actors = [await room.key(tenantId, null), userOf(tenantId)];
      const before = await Promise.all(
        servers.map(({ metering }, i) => warm(metering, actors[i % 2]!, (200 - left) / 2)),
      );
      const rest = 200 - before[0]! - before[1]!;
      const results = await Promise.all(
        Array.from({ length: 200 }, async (_, i) => {
          const { metering } = servers[i % 2]!;
          const actor = actors[(i >> 1) % 2]!;
          const reserved = await metering.reserve(actor, REQUEST);
          return reserved.ok && (await metering.settle(actor, reserved.value, chargeOf())).ok;
        }),
      );
      expect(results.filter(Boolean)).toHaveLength(Math.min(200, rest));
      expect(await room.books(tenantId)).toMatchObject({ events: 200, counters: [{ used: 200 }, {}] });
    }
  }, 60_000);
});

describe('a changed limit', () => {
  it('counts from the next request in every server, and the tenant’s weight with it', async () => {
    const tenantId = await room.tenant(1_000_000);
    const [user, operator] = [userOf(tenantId), userOf(await room.tenant(null))];
    const slug = tenantId.replace('_', '-').slice(0, 40);
    const other = await room.anotherServer();
    const charged = await warm(other.metering, user, 30);
    expect(await idleIn(tenantId)).toBeGreaterThan(0);
    const set = await room.metering.setTenantQuota(operator, {
      tenantSlug: slug,
      predictionsPerMonth: charged + 1,
      weight: 7,
    });
    expect(set).toMatchObject({ ok: true, value: { limit: charged + 1, used: charged, weight: 7 } });
    expect((await take(other.metering, user)).weight).toBe(7);
    expect((await other.metering.reserve(user, REQUEST)).ok).toBe(false);
    // Left away, the weight stays.
    await room.metering.setTenantQuota(operator, { tenantSlug: slug, predictionsPerMonth: charged + 2 });
    expect((await take(other.metering, user)).weight).toBe(7);
  });

  it('a weight is a whole number from 1 to 100', async () => {
    const operator = userOf(await room.tenant(null));
    for (const weight of [0, 101, 1.5, -1]) {
      expect(await room.metering.setTenantQuota(operator, { tenantSlug: 'x', weight })).toMatchObject({
        error: { code: 'INVALID_INPUT', path: ['weight'] },
      });
    }
  });
});

describe('a charge', () => {
  it('of another prediction on the same units is refused', async () => {
    const actor = userOf(await room.tenant(10));
    const reservation = await take(room.metering, actor);
    expect((await room.metering.settle(actor, reservation, chargeOf())).ok).toBe(true);
    expect(await room.metering.settle(actor, reservation, chargeOf())).toMatchObject({
      error: { code: 'RESERVATION_LOST' },
    });
  });

  it.each([
    ['with its connection', { code: 'ECONNRESET' }],
    ['for a reason that nobody knows', {}],
  ])('whose answer is lost %s is counted once, and its units are used for nothing else', async (_, facts) => {
    const tenantId = await room.tenant(1000);
    const actor = userOf(tenantId);
    const { database } = room.db;
    let isDeaf = false;
    const metering = room.anotherMetering({
      database: {
        transaction: (context, work) => database.transaction(context, work),
        sql: (context, work) => database.sql(context, work),
        accessEpoch: () => database.accessEpoch(),
        single: (context) => async (text, parameters) => {
          const rows = await database.single(context)<never>(text, parameters);
          if (isDeaf) throw Object.assign(new Error('done, but the answer was lost'), facts);
          return rows;
        },
      },
    });
    const charged = await warm(metering, actor, 20);
    const together = await Promise.all(Array.from({ length: 3 }, () => take(metering, actor)));
    isDeaf = true;
    const settled = together.map((reservation) => metering.settle(actor, reservation, chargeOf()));
    for (const one of settled) await expect(one).rejects.toThrow('the answer was lost');
    isDeaf = false;
    for (const reservation of together) await metering.release(actor, reservation);
    for (let i = 0; i < 1000 - charged - 3; i++) await take(metering, actor);
    expect((await metering.reserve(actor, REQUEST)).ok).toBe(false);
    expect(await room.books(tenantId)).toMatchObject({
      events: charged + 3,
      counters: [{ used: charged + 3, reserved: 1000 - charged - 3 }],
    });
  });

  it('takes texts of every kind as they are', async () => {
    const actor = { ...userOf(await room.tenant(10)), requestId: 'a "quoted\\" {text}, with,commas' };
    const charge = { ...chargeOf(), modelName: 'o"\\,{}/m', worker: 'NULL' };
    expect((await room.metering.settle(actor, await take(room.metering, actor), charge)).ok).toBe(true);
    const [event] = await room.db.asOwner('SELECT * FROM usage_ledger WHERE id = $1', [charge.predictionId]);
    expect(event).toMatchObject({
      request_id: actor.requestId,
      model_name: charge.modelName,
      worker: 'NULL',
      queue_ms: charge.queueMs,
      user_id: (actor as { userId?: string }).userId,
      api_key_id: null,
    });
  });
});

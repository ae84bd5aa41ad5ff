/** With K left and more in parallel exactly K are admitted, whoever's allowance it is. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createMeteringService, type MeteringService } from '../../../src/domain/metering/index.js';
import { Database } from '../../../src/database/index.js';
import { silentLogger } from '../../support/silent-logger.js';
import { chargeOf, openMeteringRoom, userOf, type MeteringRoom } from '../../support/metering-room.js';

const REQUEST = { units: 1, timeoutMs: 10_000 };
const PARALLEL = 200;

let room: MeteringRoom;
beforeAll(async () => {
  room = await openMeteringRoom();
});
afterAll(() => room.stop());

describe('200 requests at once', () => {
  it('with 37 left in the tenant, exactly 37 are admitted, in each of six rounds', async () => {
    for (let round = 0; round < 6; round++) {
      const tenantId = await room.tenant(37);
      const actors = [await room.key(tenantId, null), await room.key(tenantId, null), userOf(tenantId)];
      const results = await Promise.all(
        Array.from({ length: PARALLEL }, (_, i) => room.metering.reserve(actors[i % 3]!, REQUEST)),
      );
      expect(results.filter((result) => result.ok)).toHaveLength(37);
      const { counters, held } = await room.books(tenantId);
      expect(held).toBe(37);
      expect(counters[0]).toMatchObject({ subject: 'TENANT', used: 0, reserved: 37 });
    }
  });

  it('with 11 left in a key and plenty in its tenant, exactly 11 are admitted and the tenant lost no more', async () => {
    const tenantId = await room.tenant(1000);
    const key = await room.key(tenantId, 11);
    const results = await Promise.all(
      Array.from({ length: PARALLEL }, () => room.metering.reserve(key, REQUEST)),
    );
    expect(results.filter((result) => result.ok)).toHaveLength(11);
    const { counters } = await room.books(tenantId);
    expect(counters.map((counter) => counter.reserved)).toEqual([11, 11]);
  });

  it('eight processes share one allowance: exactly as many are admitted as are left', async () => {
    // Services share nothing but Postgres, so to it they are processes: eight transactions race for each counter.
    const services = Array.from({ length: 8 }, () =>
      createMeteringService({
        database: room.db.database,
        clock: room.clock,
        audit: { record: () => Promise.resolve() },
        predictionsPerMinutePerKey: 60_000,
        maxConcurrentPerTenant: 1000,
      }),
    );
    for (let round = 0; round < 12; round++) {
      const tenantId = await room.tenant(round % 2 === 0 ? 13 : null);
      const key = await room.key(tenantId, round % 2 === 0 ? null : 13);
      const results = await Promise.all(
        Array.from({ length: 48 }, (_, i) => services[i % 8]!.reserve(key, REQUEST)),
      );
      expect(results.filter((result) => result.ok)).toHaveLength(13);
      const { counters } = await room.books(tenantId);
      expect(counters.map((counter) => counter.reserved)).toEqual([13, 13]);
    }
  });

  it('two processes share one allowance exactly', async () => {
    const tenantId = await room.tenant(50);
    const key = await room.key(tenantId, null);
    const other = new Database({ url: room.db.url, logger: silentLogger(), maxConnections: 8 });
    await other.start();
    try {
      const second: MeteringService = createMeteringService({
        database: other,
        clock: room.clock,
        audit: { record: () => Promise.resolve() },
        predictionsPerMinutePerKey: 60_000,
        maxConcurrentPerTenant: 1000,
      });
      const results = await Promise.all(
        Array.from({ length: PARALLEL }, async (_, i) => {
          const metering = i % 2 === 0 ? room.metering : second;
          const reserved = await metering.reserve(key, REQUEST);
          if (!reserved.ok) return 'refused';
          // A third fails: their units must be there for others, never for more than fit.
          if (i % 3 === 0) return metering.release(key, reserved.value).then(() => 'released');
          return metering
            .settle(key, reserved.value, chargeOf())
            .then((settled) => (settled.ok ? 'charged' : 'lost'));
        }),
      );
      const charged = results.filter((result) => result === 'charged').length;
      expect(results).not.toContain('lost');
      const { counters, events, held } = await room.books(tenantId);
      expect(events).toBe(charged);
      expect(counters.map(({ used, reserved }) => [used, reserved])).toEqual([
        [charged, 0],
        [charged, 0],
      ]);
      expect(charged).toBeLessThanOrEqual(50);
      expect(held).toBe(0);
    } finally {
      await other.stop();
    }
  });
});

describe('a refusal', () => {
  it('says whose allowance it is, how much, and when it resets', async () => {
    const tenantId = await room.tenant(5);
    const key = await room.key(tenantId, 1);
    const first = await room.metering.reserve(key, REQUEST);
    if (!first.ok) throw new Error('The first was refused.');
    await room.metering.settle(key, first.value, chargeOf());
    expect(await room.metering.reserve(key, REQUEST)).toEqual({
      ok: false,
      error: {
        code: 'QUOTA_EXCEEDED',
        message:
          'This API key allows 1 predictions per calendar month (UTC); 1 is used. It resets at 2026-04-01T00:00:00.000Z.',
        subject: 'API_KEY',
        subjectId: key.apiKeyId,
        measure: 'PREDICTIONS',
        window: 'MONTH',
        modelId: null,
        currency: null,
        limit: 1,
        used: 1,
        resetsAt: new Date('2026-04-01T00:00:00.000Z'),
        retryAfterMs: null,
        retryAfterSeconds: 1_425_600,
      },
    });
    const all = await room.metering.reserve(userOf(tenantId), { ...REQUEST, units: 5 });
    expect(all).toMatchObject({ ok: false, error: { subject: 'TENANT', limit: 5, used: 1 } });
  });

  it('a limit of zero admits nothing, no limit admits all', async () => {
    const none = userOf(await room.tenant(0));
    expect((await room.metering.reserve(none, REQUEST)).ok).toBe(false);
    const free = userOf(await room.tenant(null));
    expect(await room.metering.reserve(free, REQUEST)).toMatchObject({
      ok: true,
      value: { remaining: null },
    });
  });

  it('what is left is told with each reservation, by the tightest allowance', async () => {
    const tenantId = await room.tenant(10);
    const key = await room.key(tenantId, 3);
    const remaining = [];
    for (let i = 0; i < 3; i++) {
      const reserved = await room.metering.reserve(key, REQUEST);
      remaining.push(reserved.ok ? reserved.value.remaining : 'refused');
    }
    expect(remaining).toEqual([2, 1, 0]);
  });
});

/** Charged exactly once, or given back; never lost, never twice; and every account of it says the same. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Reservation } from '../../../src/domain/metering/index.js';
import type { TenantActor } from '../../../src/domain/access/index.js';
import { ok, refuse } from '../../../src/lib/result.js';
import { chargeOf, openMeteringRoom, userOf, type MeteringRoom } from '../../support/metering-room.js';

const REQUEST = { units: 1, timeoutMs: 10_000 };

let room: MeteringRoom;
beforeAll(async () => {
  room = await openMeteringRoom();
});
afterAll(() => room.stop());

async function reserve(actor: TenantActor): Promise<Reservation> {
  const reserved = await room.metering.reserve(actor, REQUEST);
  if (!reserved.ok) throw new Error(reserved.error.message);
  return reserved.value;
}

describe('settle', () => {
  it('moves the units from reserved to used and writes the receipt into the ledger', async () => {
    const tenantId = await room.tenant(10);
    const key = await room.key(tenantId, 10);
    const charge = chargeOf();
    expect((await room.metering.settle(key, await reserve(key), charge)).ok).toBe(true);
    const [event] = await room.db.asOwner('SELECT * FROM usage_ledger WHERE id = $1', [charge.predictionId]);
    expect(event).toMatchObject({
      tenant_id: tenantId,
      api_key_id: key.apiKeyId,
      user_id: null,
      request_id: key.requestId,
      model_name: 'acme/digits',
      rows: 3,
      units: 1,
      compute_ms: 1.5,
      period_start: new Date('2026-03-01T00:00:00.000Z'),
    });
    expect((await room.books(tenantId)).counters.map(({ used, reserved }) => [used, reserved])).toEqual([
      [1, 0],
      [1, 0],
    ]);
  });

  it('eight times at once counts once, and says so to one', async () => {
    const tenantId = await room.tenant(10);
    const actor = userOf(tenantId);
    const reservation = await reserve(actor);
    const charge = chargeOf();
    const settled = await Promise.all(
      Array.from({ length: 8 }, () => room.metering.settle(actor, reservation, charge)),
    );
    expect(settled.filter((result) => result.ok)).toHaveLength(1);
    expect(await room.books(tenantId)).toMatchObject({ events: 1, counters: [{ used: 1, reserved: 0 }] });
  });

  it('a reservation that was given back is not charged any more', async () => {
    const tenantId = await room.tenant(1);
    const actor = userOf(tenantId);
    const lost = await reserve(actor);
    await room.metering.release(actor, lost);
    // Somebody else takes the unit: charging the lost one too would pass the limit.
    const other = await reserve(actor);
    expect(await room.metering.settle(actor, lost, chargeOf())).toMatchObject({
      ok: false,
      error: { code: 'RESERVATION_LOST' },
    });
    expect((await room.metering.settle(actor, other, chargeOf())).ok).toBe(true);
    expect(await room.books(tenantId)).toMatchObject({
      events: 1,
      held: 0,
      counters: [{ used: 1, reserved: 0 }],
    });
  });

  it('release after settle and release twice do nothing', async () => {
    const tenantId = await room.tenant(3);
    const actor = userOf(tenantId);
    const [settled, released] = [await reserve(actor), await reserve(actor)];
    await room.metering.settle(actor, settled, chargeOf());
    await Promise.all([settled, released, released, settled].map((r) => room.metering.release(actor, r)));
    expect(await room.books(tenantId)).toMatchObject({
      events: 1,
      held: 0,
      counters: [{ used: 1, reserved: 0 }],
    });
  });

  it('what is written with the charge is there with it, and undoes it when it refuses', async () => {
    const tenantId = await room.tenant(3);
    const actor = userOf(tenantId);
    const reservation = await reserve(actor);
    const write =
      (refusal: boolean) => async (query: (text: string, parameters: unknown[]) => Promise<unknown>) => {
        await query(
          'INSERT INTO idempotency_records (tenant_id, key, request_hash, claim_expires_at) VALUES ($1, $2, $2, now())',
          [tenantId, `key-${refusal}`],
        );
        return refusal ? refuse({ code: 'NO' as const, message: 'No.' }) : ok(undefined);
      };
    expect(await room.metering.settle(actor, reservation, chargeOf(), write(true))).toMatchObject({
      error: { code: 'NO' },
    });
    expect(await room.books(tenantId)).toMatchObject({
      events: 0,
      held: 1,
      counters: [{ used: 0, reserved: 1 }],
    });
    expect((await room.metering.settle(actor, reservation, chargeOf(), write(false))).ok).toBe(true);
    const keys = await room.db.asOwner('SELECT key FROM idempotency_records WHERE tenant_id = $1', [
      tenantId,
    ]);
    expect(keys).toEqual([{ key: 'key-false' }]);
  });

  it('one charge that the database does not take fails alone, not with those that share its commit', async () => {
    const tenantId = await room.tenant(100);
    const actor = userOf(tenantId);
    const reservations = await Promise.all(Array.from({ length: 20 }, () => reserve(actor)));
    const settled = await Promise.allSettled(
      reservations.map((reservation, i) =>
        room.metering.settle(actor, reservation, i === 7 ? { ...chargeOf(), rows: -1 } : chargeOf()),
      ),
    );
    expect(settled.map((result) => result.status).filter((status) => status === 'rejected')).toHaveLength(1);
    expect(settled[7]?.status).toBe('rejected');
    expect(await room.books(tenantId)).toMatchObject({ events: 19, counters: [{ used: 19, reserved: 1 }] });
  });

  it('is durable when it resolves: the transaction waits for the disk', async () => {
    const tenantId = await room.tenant(3);
    const actor = userOf(tenantId);
    const texts: string[] = [];
    const { database } = room.db;
    const metering = room.anotherMetering({
      database: {
        transaction: (context, work) => database.transaction(context, work),
        sql: (context, work) => database.sql(context, work),
        accessEpoch: () => database.accessEpoch(),
        single: (context) => (text, parameters) => {
          texts.push(text);
          return database.single(context)(text, parameters);
        },
      },
    });
    const reserved = await metering.reserve(actor, REQUEST);
    if (!reserved.ok) throw new Error(reserved.error.message);
    texts.length = 0;
    await metering.settle(actor, reserved.value, chargeOf());
    // One statement, which sets nothing and calls nothing of ours that could.
    expect(texts).toHaveLength(1);
    expect(texts[0]).toMatch(/INSERT INTO usage_deltas/);
    expect(texts[0]).not.toMatch(/synchronous_commit|set_config|_quota\(/);
    const setting = await room.db.database.sql({ tenantId }, (query) =>
      query<{ synchronous_commit: string }>('SHOW synchronous_commit', []),
    );
    expect(setting).toEqual([{ synchronous_commit: 'on' }]);
  });
});

describe('the sweep', () => {
  it('gives back what a dead process held once it has expired, and nothing before', async () => {
    const [first, second] = [await room.tenant(2), await room.tenant(2)];
    await reserve(userOf(first));
    await reserve(await room.key(second, 2));
    room.clock.advance(REQUEST.timeoutMs + 29_000);
    expect(await room.metering.sweepLeasesAcrossTenants()).toBe(0);
    room.clock.advance(1_000);
    const live = await reserve(userOf(second));
    await room.metering.sweepLeasesAcrossTenants();
    expect(await room.books(first)).toMatchObject({ held: 0, counters: [{ used: 0, reserved: 0 }] });
    expect(await room.books(second)).toMatchObject({
      held: 1,
      counters: [{ reserved: 1 }, { reserved: 0 }],
    });
    await room.metering.release(userOf(second), live);
  });

  it('gives back at once what others held, where no other process can be using the database', async () => {
    const tenantId = await room.tenant(2);
    const actor = userOf(tenantId);
    await reserve(actor);
    room.clock.advance(1);
    const successor = room.anotherMetering({ othersDiedBefore: room.clock.now() });
    const live = await successor.reserve(actor, REQUEST);
    await successor.sweepLeasesAcrossTenants();
    expect(await room.books(tenantId)).toMatchObject({ held: 1, counters: [{ reserved: 1 }] });
    if (!live.ok) throw new Error(live.error.message);
    expect((await successor.settle(actor, live.value, chargeOf())).ok).toBe(true);
    expect(await room.books(tenantId)).toMatchObject({
      held: 0,
      counters: [{ used: 1, reserved: 0 }],
    });
  });

  it('gives back what could not be given back while the database was away', async () => {
    const tenantId = await room.tenant(2);
    const actor = userOf(tenantId);
    let isAway = false;
    let isDeaf = false;
    const { database } = room.db;
    const metering = room.anotherMetering({
      database: {
        transaction: (context, work) => database.transaction(context, work),
        sql: (context, work) => database.sql(context, work),
        accessEpoch: () => database.accessEpoch(),
        single: (context) => async (text, parameters) => {
          if (isAway) throw new Error('away');
          const rows = await database.single(context)<never>(text, parameters);
          if (isDeaf) throw new Error('done, but the answer was lost');
          return rows;
        },
      },
    });
    const held = await metering.reserve(actor, REQUEST);
    if (!held.ok) throw new Error(held.error.message);
    isDeaf = true;
    await expect(metering.reserve(actor, REQUEST)).rejects.toThrow('the answer was lost');
    isAway = true;
    await metering.release(actor, held.value);
    await expect(metering.sweepLeasesAcrossTenants()).rejects.toThrow('away');
    expect((await room.books(tenantId)).held).toBe(2);
    isAway = isDeaf = false;
    expect(await metering.sweepLeasesAcrossTenants()).toBeGreaterThanOrEqual(1);
    expect(await room.books(tenantId)).toMatchObject({
      held: 0,
      counters: [{ used: 0, reserved: 0 }],
    });
    expect(await metering.sweepLeasesAcrossTenants()).toBe(0);
  });

  it('against settle at the same moment, each reservation ends one way and the books agree', async () => {
    const tenantId = await room.tenant(500);
    const actor = userOf(tenantId);
    const reservations = await Promise.all(Array.from({ length: 60 }, () => reserve(actor)));
    room.clock.advance(REQUEST.timeoutMs + 30_001);
    const [settled] = await Promise.all([
      Promise.all(reservations.map((reservation) => room.metering.settle(actor, reservation, chargeOf()))),
      room.metering.sweepLeasesAcrossTenants(),
    ]);
    const charged = settled.filter((result) => result.ok).length;
    expect(await room.books(tenantId)).toMatchObject({
      events: charged,
      held: 0,
      counters: [{ used: charged, reserved: 0 }],
    });
  });
});

/** What a process holds of a lease: given back once, kept while predictions run on it, gone when it is not certain. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { TenantActor } from '../../../src/domain/access/index.js';
import type { MeteringService, Reservation } from '../../../src/domain/metering/index.js';
import { chargeOf, openMeteringRoom, userOf, type MeteringRoom } from '../../support/metering-room.js';
import { until } from '../../support/until.js';

const REQUEST = { units: 1, timeoutMs: 10_000 };

let room: MeteringRoom;
beforeAll(async () => {
  room = await openMeteringRoom();
});
afterAll(() => room.stop());

async function take(metering: MeteringService, actor: TenantActor): Promise<Reservation> {
  const reserved = await metering.reserve(actor, REQUEST);
  if (!reserved.ok) throw new Error(reserved.error.message);
  return reserved.value;
}

/** Predicts so often that the service takes units ahead. */
async function warm(metering: MeteringService, actor: TenantActor): Promise<void> {
  for (let i = 0; i < 40; i++) await metering.settle(actor, await take(metering, actor), chargeOf());
}

it('what is given back twice, or after it was charged, is there once', async () => {
  const metering = room.anotherMetering();
  const actor = userOf(await room.tenant(1_000_000));
  await warm(metering, actor);
  const [failed, charged] = [await take(metering, actor), await take(metering, actor)];
  for (let i = 0; i < 3; i++) await metering.release(actor, failed);
  expect((await metering.settle(actor, charged, chargeOf())).ok).toBe(true);
  for (let i = 0; i < 3; i++) await metering.release(actor, charged);
  // One of the two is there again: what is left counts on from the one that was charged.
  expect((await take(metering, actor)).remaining).toBe(charged.remaining);
  expect((await take(metering, actor)).remaining).toBe((charged.remaining ?? 0) - 1);
});

it('a lease on which something runs is renewed until that ends, however long it takes', async () => {
  const tenantId = await room.tenant(1);
  const actor = userOf(tenantId);
  const { metering } = await room.anotherServer();
  const running = await take(metering, actor);
  const expiresAt = async () => {
    const [lease] = await room.db.asOwner<{ at: Date }>(
      'SELECT expires_at AS at FROM quota_leases WHERE tenant_id = $1',
      [tenantId],
    );
    return lease!.at.getTime();
  };
  for (let i = 0; i < 4; i++) {
    room.clock.advance(25_000);
    const now = room.clock.now().getTime();
    await until(async () => (await expiresAt()) > now + 30_000);
    await room.metering.sweepLeasesAcrossTenants();
  }
  expect((await metering.settle(actor, running, chargeOf())).ok).toBe(true);
  expect((await room.books(tenantId)).events).toBe(1);
});

it.each([
  ['a plan', 'UPDATE tenant_plans SET predictions_per_month = 900000 WHERE tenant_id = $1'],
  ['the weight of a plan', 'UPDATE tenant_plans SET weight = 3 WHERE tenant_id = $1'],
  ['a limit', 'UPDATE quota_limits SET amount = 900000 WHERE tenant_id = $1'],
])('whoever changes %s, by whatever statement, asks for what is idle', async (_, change) => {
  const tenantId = await room.tenant(1_000_000);
  // Nobody tends it: only the message makes it give back.
  const holder = room.anotherMetering();
  const listener = room.db.database.listener('souk_quota_recall', (id) => void holder.heedRecall(id));
  await listener.start();
  try {
    const idle = async () => {
      const [row] = await room.db.asOwner<{ idle: number }>(
        'SELECT coalesce(sum(units - charged), 0)::float8 AS idle FROM quota_leases WHERE tenant_id = $1',
        [tenantId],
      );
      return row?.idle;
    };
    await warm(holder, userOf(tenantId));
    expect(await idle()).toBeGreaterThan(0);
    await room.db.asOwner(change, [tenantId]);
    await until(async () => (await idle()) === 0);
  } finally {
    await listener.stop();
  }
});

/** Days and minutes of limits: at the ends of days, on leap days, and when the clock is put back. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TenantActor } from '../../../src/domain/access/index.js';
import { newId } from '../../../src/lib/ids.js';
import { chargeOf, openMeteringRoom, userOf, type MeteringRoom } from '../../support/metering-room.js';

const REQUEST = { units: 1, timeoutMs: 500 };

let room: MeteringRoom;
beforeAll(async () => {
  room = await openMeteringRoom('2028-02-28T12:00:00.000Z');
});
afterAll(() => room.stop());

async function limited(span: string, amount: number): Promise<TenantActor> {
  const tenantId = await room.tenant(null);
  await room.db.asOwner(
    `INSERT INTO quota_limits (id, tenant_id, subject, subject_id, measure, span, amount)
     VALUES ($1, $2, 'TENANT', $2, 'PREDICTIONS', $3, $4)`,
    [newId('limit'), tenantId, span, amount],
  );
  return userOf(tenantId);
}

async function predict(actor: TenantActor): Promise<boolean> {
  const reserved = await room.metering.reserve(actor, REQUEST);
  return reserved.ok && (await room.metering.settle(actor, reserved.value, chargeOf())).ok;
}

/** How many of so many are admitted. */
async function admitted(actor: TenantActor, count: number): Promise<number> {
  let sum = 0;
  for (let i = 0; i < count; i++) if (await predict(actor)) sum += 1;
  return sum;
}

describe('a limit by the day', () => {
  it('is whole again at midnight UTC, also on a leap day and the day after', async () => {
    const actor = await limited('DAY', 3);
    for (const time of [
      '2028-02-28T23:59:59.990Z',
      '2028-02-29T00:00:00.000Z',
      '2028-02-29T23:59:59.999Z',
      '2028-03-01T00:00:00.000Z',
      '2028-12-31T23:59:59.999Z',
      '2029-01-01T00:00:00.000Z',
    ]) {
      room.clock.set(time);
      const isSecondLook = time === '2028-02-29T23:59:59.999Z';
      expect([time, await admitted(actor, 4)]).toEqual([time, isSecondLook ? 0 : 3]);
    }
    const days = await room.db.asOwner<{ day: string; used: number }>(
      `SELECT to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day, count(*)::int AS used
       FROM usage_ledger WHERE tenant_id = $1 GROUP BY 1 ORDER BY 1`,
      [actor.tenantId],
    );
    expect(days).toEqual(
      ['2028-02-28', '2028-02-29', '2028-03-01', '2028-12-31', '2029-01-01'].map((day) => ({ day, used: 3 })),
    );
  });

  it('pays for what runs over midnight with the day on which it was admitted', async () => {
    const actor = await limited('DAY', 1);
    room.clock.set('2029-06-01T23:59:59.900Z');
    const running = await room.metering.reserve(actor, REQUEST);
    if (!running.ok) throw new Error(running.error.message);
    room.clock.set('2029-06-02T00:00:03.000Z');
    expect(await admitted(actor, 2)).toBe(1);
    const settled = await room.metering.settle(actor, running.value, chargeOf());
    expect(settled).toEqual({ ok: true, value: { chargedAt: new Date('2029-06-01T23:59:59.999Z') } });
  });
});

describe('a limit by the minute', () => {
  it('counts on when the clock is put back by an hour: a minute later it is whole, not an hour later', async () => {
    const actor = await limited('MINUTE', 5);
    room.clock.set('2030-05-01T12:00:00.000Z');
    expect(await admitted(actor, 7)).toBe(5);
    room.clock.advance(-3_600_000);
    expect(await admitted(actor, 2)).toBe(0);
    room.clock.advance(60_000);
    expect(await admitted(actor, 7)).toBe(5);
  });

  it('is not given twice over the end of a month or a year', async () => {
    const actor = await limited('MINUTE', 6);
    room.clock.set('2030-12-31T23:59:55.000Z');
    expect(await admitted(actor, 8)).toBe(6);
    room.clock.set('2031-01-01T00:00:05.000Z');
    // Ten seconds: one sixth of a minute.
    expect(await admitted(actor, 4)).toBe(1);
  });
});

it('a threshold is raised when it is reached exactly, and not only when it is passed', async () => {
  const actor = await limited('MONTH', 2);
  const raised = async () => {
    await room.metering.giveBackIdle();
    const rows = await room.db.asOwner<{ percent: number }>(
      'SELECT percent FROM quota_threshold_events WHERE tenant_id = $1 ORDER BY percent',
      [actor.tenantId],
    );
    return rows.map(({ percent }) => percent);
  };
  expect(await admitted(actor, 1)).toBe(1);
  expect(await raised()).toEqual([50]);
  expect(await admitted(actor, 1)).toBe(1);
  expect(await raised()).toEqual([50, 80, 100]);
});

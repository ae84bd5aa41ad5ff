/**
 * Month ends, leap days, year ends; servers whose clocks are a day apart, from each other and from Postgres; a clock that
 * is put back. A server takes its time from the database (`DatabaseClock`), so skew should not happen: if it does, the
 * books agree all the same.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TenantActor } from '../../../src/domain/access/index.js';
import type { MeteringService } from '../../../src/domain/metering/index.js';
import {
  chargeOf,
  movableClock,
  openMeteringRoom,
  userOf,
  type MeteringRoom,
} from '../../support/metering-room.js';

const REQUEST = { units: 1, timeoutMs: 10_000 };
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

let room: MeteringRoom;
beforeAll(async () => {
  room = await openMeteringRoom('2027-12-01T00:00:00.000Z');
});
afterAll(() => room.stop());

async function take(metering: MeteringService, actor: TenantActor) {
  const reserved = await metering.reserve(actor, REQUEST);
  if (!reserved.ok) throw new Error(reserved.error.message);
  return reserved.value;
}

async function predict(actor: TenantActor, metering = room.metering): Promise<boolean> {
  const reserved = await metering.reserve(actor, REQUEST);
  return reserved.ok && (await metering.settle(actor, reserved.value, chargeOf())).ok;
}

async function quotaOf(actor: TenantActor, metering = room.metering) {
  const quotas = await metering.quota(actor, {});
  if (!quotas.ok) throw new Error(quotas.error.message);
  return quotas.value[0]!;
}

async function usageOf(actor: TenantActor, from: string, to: string, metering = room.metering) {
  const usage = await metering.usage(actor, { range: { from: new Date(from), to: new Date(to) } });
  if (!usage.ok) throw new Error(usage.error.message);
  return usage.value.total.predictions;
}

describe('the calendar', () => {
  it.each([
    ['the end of a month of 31 days', '2027-01-31', '2027-02-01', '2027-01-01', '2027-03-01'],
    ['the end of February', '2027-02-28', '2027-03-01', '2027-02-01', '2027-04-01'],
    ['the leap day', '2028-02-29', '2028-03-01', '2028-02-01', '2028-04-01'],
    ['the leap day of a century that has one', '2400-02-29', '2400-03-01', '2400-02-01', '2400-04-01'],
    ['a century without a leap day', '2100-02-28', '2100-03-01', '2100-02-01', '2100-04-01'],
    ['the end of a year', '2027-12-31', '2028-01-01', '2027-12-01', '2028-02-01'],
  ])(
    'at %s the last millisecond pays for one month, the next for another',
    async (_, last, first, start, end) => {
      const actor = userOf(await room.tenant(1));
      room.clock.set(`${last}T23:59:59.999Z`);
      expect([await predict(actor), await predict(actor)]).toEqual([true, false]);
      const before = await quotaOf(actor);
      room.clock.set(`${first}T00:00:00.000Z`);
      expect([await predict(actor), await predict(actor)]).toEqual([true, false]);
      const after = await quotaOf(actor);
      expect([before.periodStart, before.resetsAt, after.periodStart, after.resetsAt]).toEqual(
        [start, first, first, end].map((day) => new Date(`${day}T00:00:00.000Z`)),
      );
      // No gap and no overlap: the two months add up to all of it, and the days to the months.
      const halves = [await usageOf(actor, start, first), await usageOf(actor, first, end)];
      expect([...halves, await usageOf(actor, start, end)]).toEqual([1, 1, 2]);
      expect(await usageOf(actor, last, first)).toBe(1);
      const days = await room.metering.usage(actor, {
        range: { from: new Date(start), to: new Date(end) },
        granularity: 'DAY',
      });
      expect(
        days.ok && days.value.rows.map((row) => row.periodStart?.toISOString().slice(0, 10)).sort(),
      ).toEqual([last, first]);
      expect((await room.books(actor.tenantId)).events).toBe(2);
    },
  );

  it('on the 29th of February itself the month is February, and a day is a day', async () => {
    const actor = userOf(await room.tenant(2));
    room.clock.set('2032-02-28T23:59:59.999Z');
    expect(await predict(actor)).toBe(true);
    room.clock.set('2032-02-29T00:00:00.000Z');
    expect([await predict(actor), await predict(actor)]).toEqual([true, false]);
    expect(await quotaOf(actor)).toMatchObject({ used: 2, resetsAt: new Date('2032-03-01T00:00:00.000Z') });
    expect(await usageOf(actor, '2032-02-29', '2032-03-01')).toBe(1);
  });

  it('a prediction that runs over New Year pays for the year in which it was admitted', async () => {
    const actor = userOf(await room.tenant(1));
    room.clock.set('2029-12-31T23:59:59.900Z');
    const old = await take(room.metering, actor);
    room.clock.set('2030-01-01T00:00:05.000Z');
    expect(await predict(actor)).toBe(true);
    const settled = await room.metering.settle(actor, old, chargeOf());
    expect(settled).toEqual({ ok: true, value: { chargedAt: new Date('2029-12-31T23:59:59.999Z') } });
    expect(await usageOf(actor, '2029-12-01', '2030-01-01')).toBe(1);
    expect(await usageOf(actor, '2030-01-01', '2030-02-01')).toBe(1);
    const { counters } = await room.books(actor.tenantId);
    expect(counters.map(({ period, used, reserved }) => [period, used, reserved])).toEqual([
      ['2029-12', 1, 0],
      ['2030-01', 1, 0],
    ]);
  });

  it('units of a month that is over come back to it, and not to the next', async () => {
    const actor = userOf(await room.tenant(3));
    room.clock.set('2031-01-31T23:59:59.000Z');
    const [given, lost] = [await take(room.metering, actor), await take(room.metering, actor)];
    room.clock.set('2031-02-01T00:00:01.000Z');
    await room.metering.release(actor, given);
    expect(lost.period.end).toEqual(new Date('2031-02-01T00:00:00.000Z'));
    expect(await quotaOf(actor)).toMatchObject({ used: 0, reserved: 0, remaining: 3 });
    // What a dead process held of January, February's sweep gives back.
    room.clock.advance(60_000);
    expect(await room.metering.sweepLeasesAcrossTenants()).toBe(1);
    expect(await room.books(actor.tenantId)).toMatchObject({
      held: 0,
      counters: [{ period: '2031-01', reserved: 0 }],
    });
  });
});

describe('two servers whose clocks are a day apart', () => {
  it.each([
    ['ahead', DAY_MS],
    ['behind', -DAY_MS],
  ])('%s: never above the limit, and every book agrees', async (_, skewMs) => {
    room.clock.set('2033-06-15T12:00:00.000Z');
    const clock = movableClock('2033-06-15T12:00:00.000Z');
    clock.advance(skewMs);
    const other = room.anotherMetering({ clock });
    const actor = userOf(await room.tenant(20));
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, i) => predict(actor, i % 2 === 0 ? room.metering : other)),
    );
    await other.giveBackIdle();
    expect(answers.filter(Boolean)).toHaveLength(20);
    for (const metering of [room.metering, other]) {
      expect(await quotaOf(actor, metering)).toMatchObject({ used: 20, reserved: 0, remaining: 0 });
      expect(await usageOf(actor, '2033-06-01', '2033-07-01', metering)).toBe(20);
    }
    expect(await room.books(actor.tenantId)).toMatchObject({
      events: 20,
      held: 0,
      counters: [{ used: 20, reserved: 0 }],
    });
  });

  it('over the end of a month, each charges the month that it is in, once, and both months add up', async () => {
    room.clock.set('2033-08-31T18:00:00.000Z');
    const clock = movableClock('2033-09-01T18:00:00.000Z');
    const other = room.anotherMetering({ clock });
    const actor = userOf(await room.tenant(5));
    const answers = await Promise.all(
      Array.from({ length: 16 }, (_, i) => predict(actor, i % 2 === 0 ? room.metering : other)),
    );
    await other.giveBackIdle();
    expect(answers.filter(Boolean)).toHaveLength(10);
    const { counters, events } = await room.books(actor.tenantId);
    expect(counters.map(({ period, used, reserved }) => [period, used, reserved])).toEqual([
      ['2033-08', 5, 0],
      ['2033-09', 5, 0],
    ]);
    expect(events).toBe(10);
    expect(await usageOf(actor, '2033-08-01', '2033-09-01')).toBe(5);
    expect(await usageOf(actor, '2033-09-01', '2033-10-01', other)).toBe(5);
  });

  it('the sweep of one that is ahead ends what the other runs on: that fails uncharged, and nobody gets its unit twice', async () => {
    room.clock.set('2033-10-10T12:00:00.000Z');
    const clock = movableClock('2033-10-11T12:00:00.000Z');
    const other = room.anotherMetering({ clock });
    const actor = userOf(await room.tenant(1));
    const running = await take(room.metering, actor);
    await other.sweepLeasesAcrossTenants();
    const taken = await take(other, actor);
    expect(await room.metering.settle(actor, running, chargeOf())).toMatchObject({
      ok: false,
      error: { code: 'RESERVATION_LOST' },
    });
    expect((await other.settle(actor, taken, chargeOf())).ok).toBe(true);
    await other.giveBackIdle();
    expect(await room.books(actor.tenantId)).toMatchObject({
      events: 1,
      counters: [{ used: 1, reserved: 0 }],
    });
  });

  it('Postgres’ own time being years away changes nothing: only its patience is measured by it', async () => {
    // Every clock of this file is years away from the server's; that it is said once.
    const [row] = await room.db.asOwner<{ year: number }>(
      'SELECT extract(year FROM clock_timestamp())::int AS year',
    );
    expect(row!.year).toBeLessThan(room.clock.now().getUTCFullYear());
    const actor = userOf(await room.tenant(2));
    expect([await predict(actor), await predict(actor), await predict(actor)]).toEqual([true, true, false]);
  });
});

describe('a clock that is put back by an hour', () => {
  it('reserves, settles and counts on', async () => {
    room.clock.set('2034-04-10T12:00:00.000Z');
    const actor = userOf(await room.tenant(4));
    expect(await predict(actor)).toBe(true);
    const running = await take(room.metering, actor);
    room.clock.advance(-HOUR_MS);
    expect((await room.metering.settle(actor, running, chargeOf())).ok).toBe(true);
    expect([await predict(actor), await predict(actor), await predict(actor)]).toEqual([true, true, false]);
    expect(await quotaOf(actor)).toMatchObject({ used: 4, reserved: 0, remaining: 0 });
    expect(await usageOf(actor, '2034-04-10', '2034-04-11')).toBe(4);
  });

  it('into the month before: that month pays again, and neither pays for the other', async () => {
    room.clock.set('2034-06-01T00:10:00.000Z');
    const actor = userOf(await room.tenant(2));
    const running = await take(room.metering, actor);
    expect(await predict(actor)).toBe(true);
    room.clock.advance(-HOUR_MS);
    expect([await predict(actor), await predict(actor), await predict(actor)]).toEqual([true, true, false]);
    const settled = await room.metering.settle(actor, running, chargeOf());
    expect(settled).toEqual({ ok: true, value: { chargedAt: new Date('2034-06-01T00:00:00.000Z') } });
    room.clock.advance(HOUR_MS);
    expect(await predict(actor)).toBe(false);
    const { counters } = await room.books(actor.tenantId);
    expect(counters.map(({ period, used, reserved }) => [period, used, reserved])).toEqual([
      ['2034-05', 2, 0],
      ['2034-06', 2, 0],
    ]);
  });

  it('does not keep what a dead process held for longer than a minute', async () => {
    room.clock.set('2034-07-10T12:00:00.000Z');
    const actor = userOf(await room.tenant(2));
    const dead = room.anotherMetering();
    await take(dead, actor);
    room.clock.advance(-HOUR_MS);
    await room.metering.sweepLeasesAcrossTenants();
    expect(await room.books(actor.tenantId)).toMatchObject({ held: 0, counters: [{ reserved: 0 }] });
    // What lives is left alone, by a sweep before or after its time could be over by a little.
    const live = await take(room.metering, actor);
    for (const ms of [5_000, -10_000]) {
      room.clock.advance(ms);
      await room.metering.sweepLeasesAcrossTenants();
    }
    expect((await room.metering.settle(actor, live, chargeOf())).ok).toBe(true);
  });
});

/** Partitions made ahead, and months that go when the operator's retention says so. */
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TenantActor } from '../../../src/domain/access/index.js';
import { chargeOf, openMeteringRoom, userOf, type MeteringRoom } from '../../support/metering-room.js';

let room: MeteringRoom;
beforeAll(async () => {
  room = await openMeteringRoom('2031-01-31T23:59:59.999Z');
});
afterAll(() => room.stop());

async function partitions(year: number): Promise<string[]> {
  const rows = await room.db.asOwner<{ name: string }>(
    `SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'usage_events'::regclass
       AND inhrelid::regclass::text LIKE $1 ORDER BY 1`,
    [`usage_events_${year}%`],
  );
  return rows.map(({ name }) => name.slice(-7));
}

async function charge(actor: TenantActor, at: string): Promise<void> {
  room.clock.set(at);
  const reserved = await room.metering.reserve(actor, { units: 1, timeoutMs: 10_000 });
  if (!reserved.ok || !(await room.metering.settle(actor, reserved.value, chargeOf())).ok)
    throw new Error('refused');
}

describe('partitions', () => {
  it.each([
    ['2031-01-31T23:59:59.999Z', ['2031_01', '2031_02', '2031_03']],
    ['2032-02-29T23:59:59.999Z', ['2032_02', '2032_03', '2032_04']],
    ['2033-12-01T00:00:00.000Z', ['2033_12']],
    ['2034-01-31T12:00:00.000Z', ['2034_01', '2034_02', '2034_03']],
  ])('of the month of %s and the next two are there', async (now, expected) => {
    room.clock.set(now);
    await room.ledger.ensurePartitions();
    expect(await partitions(new Date(now).getUTCFullYear())).toEqual(expected);
    expect(await room.ledger.ensurePartitions()).toBe(0);
  });

  it('are made while charges go on, and take what the default one had of the month', async () => {
    const actor = userOf(await room.tenant(null));
    await charge(actor, '2035-05-31T23:59:59.999Z');
    await room.ledger.foldAcrossTenants();
    expect(await room.db.asOwner('SELECT count(*)::int AS n FROM usage_events_default')).toEqual([{ n: 1 }]);
    const holder = new pg.Client({ connectionString: room.db.url });
    await holder.connect();
    try {
      // Somebody reads for long; a charge must not wait behind the partition that waits for the reader.
      await holder.query('BEGIN; SELECT count(*) FROM usage_events_default');
      const making = room.ledger.ensurePartitions();
      for (let i = 0; i < 5; i++) await charge(actor, '2035-05-31T12:00:00Z');
      await holder.query('COMMIT');
      expect(await making).toBe(3);
    } finally {
      await holder.end();
    }
    await room.ledger.foldAcrossTenants();
    expect(await room.db.asOwner('SELECT count(*)::int AS n FROM usage_events_2035_05')).toEqual([{ n: 6 }]);
    expect(await room.db.asOwner('SELECT id FROM usage_events_default')).toEqual([]);
  });
});

describe('retention', () => {
  it('drops a month only when its sums equal its events and others agree; the sums stay', async () => {
    const actor = userOf(await room.tenant(null));
    const operator = userOf(await room.tenant(null));
    room.clock.set('2036-01-05T00:00:00Z');
    await room.ledger.ensurePartitions();
    await charge(actor, '2036-01-10T10:15:00Z');
    await charge(actor, '2036-02-10T10:15:00Z');
    const open = new Set(['2036-02']);
    const ledger = room.anotherLedger({
      retentionMonths: 2,
      mayRetire: (month) => Promise.resolve(!open.has(month.toISOString().slice(0, 7))),
    });
    const january = { from: new Date('2036-01-01'), to: new Date('2036-02-01') };
    const minutes = { from: new Date('2036-01-10T10:10Z'), to: new Date('2036-02-01') };
    const retired = async () =>
      (await ledger.retireMonthsAcrossTenants())
        .map((month) => month.toISOString().slice(0, 7))
        .filter((month) => month.startsWith('2036'));
    const sumOf = async (range: typeof january) => {
      const usage = await room.metering.usage(actor, { range });
      return usage.ok ? usage.value.total.predictions : usage.error.code;
    };

    // The last moment in which January is not yet older than two months.
    room.clock.set('2036-03-31T23:59:59.999Z');
    expect(await retired()).toEqual([]);
    room.clock.set('2036-04-01T00:00:00Z');
    await room.ledger.foldAcrossTenants();
    await room.db.asOwner(
      `UPDATE usage_days SET bytes = bytes + 1 WHERE tenant_id = $1 AND period_start = '2036-01-10Z'`,
      [actor.tenantId],
    );
    expect(await retired()).toEqual([]);
    expect(await partitions(2036)).toContain('2036_01');
    await room.ledger.rebuildUsageRollups(operator, { month: january.from });
    expect(await sumOf(minutes)).toBe(1);
    expect(await retired()).toEqual(['2036-01']);
    expect(await partitions(2036)).not.toContain('2036_01');

    expect(await sumOf(january)).toBe(1);
    // Nobody can tell any more in which minute it was.
    expect(await sumOf(minutes)).toBe('INVALID_INPUT');
    expect(await room.ledger.exportUsage(actor, { range: january })).toMatchObject({
      error: { code: 'GONE' },
    });
    // What is left is not taken for wrong, and not made anew from nothing.
    const check = await room.ledger.checkUsageRollups(operator, {
      range: { from: january.from, to: new Date('2036-03-01') },
    });
    expect(check).toMatchObject({ ok: true, value: { differences: [], retiredMonths: [january.from] } });
    expect(await room.ledger.rebuildUsageRollups(operator, { month: january.from })).toMatchObject({
      error: { code: 'CONFLICT' },
    });
    expect(await sumOf(january)).toBe(1);

    // February is old enough in May, and goes when nobody needs it any more.
    room.clock.set('2036-05-01T00:00:00Z');
    expect(await retired()).toEqual([]);
    open.clear();
    expect(await retired()).toEqual(['2036-02']);
    expect(await room.anotherLedger().retireMonthsAcrossTenants()).toEqual([]);
  });
});

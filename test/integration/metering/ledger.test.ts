/** The sums of the ledger equal its events: in every span, whatever is folded, and after mistakes were planted. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TenantActor } from '../../../src/domain/access/index.js';
import { newId } from '../../../src/lib/ids.js';
import { chargeOf, openMeteringRoom, userOf, type MeteringRoom } from '../../support/metering-room.js';

const HOUR_MS = 3_600_000;
const OWNER_ID = newId('tenant');
const YEAR = { from: new Date('2028-01-01'), to: new Date('2029-01-01') };

let room: MeteringRoom;
let operator: TenantActor;
beforeAll(async () => {
  room = await openMeteringRoom('2028-02-20T12:00:00.000Z');
  operator = userOf(await room.tenant(null));
});
afterAll(() => room.stop());

/** What charges leave behind, for many at once and at any time: events with their deltas, as the statements write them. */
async function charge(tenantId: string, times: readonly Date[], facts: object = {}): Promise<string[]> {
  const ids: string[] = [];
  for (const at of times) {
    room.clock.set(at);
    const actor = userOf(tenantId);
    const reserved = await room.metering.reserve(actor, { units: 1, timeoutMs: 10_000 });
    if (!reserved.ok) throw new Error(reserved.error.message);
    const id = newId('prediction');
    const settled = await room.metering.settle(actor, reserved.value, {
      ...chargeOf(id),
      ownerTenantId: OWNER_ID,
      ...facts,
    });
    if (!settled.ok) throw new Error(settled.error.message);
    ids.push(id);
  }
  return ids;
}

async function differences(range = YEAR) {
  const check = await room.ledger.checkUsageRollups(operator, { range });
  if (!check.ok) throw new Error(check.error.message);
  return check.value.differences;
}

describe('usage of any span', () => {
  it('is the sum of its events, from days, hours, deltas and minutes together', async () => {
    const tenantId = await room.tenant(null);
    const actor = userOf(tenantId);
    // On and around every border there is, the last millisecond of a leap day among them.
    const borders = ['2028-02-29T00:00Z', '2028-03-01T00:00Z', '2028-03-01T05:00Z'];
    const times = borders
      .flatMap((border) =>
        [-HOUR_MS - 1, -HOUR_MS, -1, 0, 1, HOUR_MS / 2, HOUR_MS].map((ms) => Date.parse(border) + ms),
      )
      .sort((a, b) => a - b);
    // Far from the others: whole months lie between.
    times.unshift(Date.parse('2027-11-30T23:00Z'), Date.parse('2027-12-01T00:00Z'));
    times.push(Date.parse('2028-05-02T03:04Z'));
    const spans = times.flatMap((from, i) =>
      [1, 7].flatMap((more) => {
        const to = times[i + more];
        return to === undefined || to === from ? [] : [{ from: new Date(from), to: new Date(to) }];
      }),
    );
    await charge(
      tenantId,
      times.map((ms) => new Date(ms)),
      { computeUs: 1500, costMicros: 7, currency: 'EUR', subscriptionId: 'sub_1' },
    );

    const askAll = async () => {
      for (const range of spans) {
        const expected = times.filter((ms) => ms >= range.from.getTime() && ms < range.to.getTime()).length;
        const isLong = range.to.getTime() - range.from.getTime() > 30 * 24 * HOUR_MS;
        for (const [granularity, groupBy] of [
          [null, []],
          [null, ['VERSION']],
          ...(isLong ? [] : [['HOUR', ['API_KEY']] as const]),
          ['DAY', []],
          ['DAY', ['MODEL']],
          ['MONTH', []],
          ['MONTH', ['MODEL']],
        ] as const) {
          const usage = await room.metering.usage(actor, { range, granularity, groupBy });
          if (!usage.ok) throw new Error(usage.error.message);
          const { total, rows } = usage.value;
          expect([range, total]).toEqual([
            range,
            {
              predictions: expected,
              rows: 3 * expected,
              bytes: 12 * expected,
              computeMs: 1.5 * expected,
              cost: expected === 0 ? [] : [{ amountMicros: 7 * expected, currency: 'EUR' }],
            },
          ]);
          if (granularity !== null || groupBy.length > 0) {
            expect(rows.reduce((sum, row) => sum + row.sum.predictions, 0)).toBe(expected);
          }
        }
      }
    };
    await askAll();
    expect(await room.ledger.foldAcrossTenants()).toBe(times.length);
    await askAll();
    expect(await differences()).toEqual([]);
  }, 60_000);
});

describe('folding', () => {
  it('by several servers at once loses nothing and counts nothing twice', async () => {
    room.clock.set('2028-04-10T10:00:00.000Z');
    const tenantId = await room.tenant(null);
    const actor = userOf(tenantId);
    let isOver = false;
    const folders = [room.ledger, room.anotherLedger(), room.anotherLedger()].map(async (ledger) => {
      while (!isOver) await ledger.foldAcrossTenants();
    });
    const runs = Array.from({ length: 300 }, async () => {
      const reserved = await room.metering.reserve(actor, { units: 1, timeoutMs: 10_000 });
      return reserved.ok && (await room.metering.settle(actor, reserved.value, chargeOf())).ok;
    });
    // In every snapshot in between, too.
    const looks: unknown[] = [];
    for (let i = 0; i < 10; i++) looks.push(...(await differences()));
    expect((await Promise.all(runs)).every(Boolean)).toBe(true);
    isOver = true;
    await Promise.all(folders);
    await room.ledger.foldAcrossTenants();
    expect(looks).toEqual([]);
    expect(await differences()).toEqual([]);
    const [sums] = await room.db.asOwner<Record<string, number>>(
      `SELECT (SELECT sum(predictions)::int FROM usage_hours WHERE tenant_id = $1) AS hours,
         (SELECT sum(predictions)::int FROM usage_days WHERE tenant_id = $1) AS days,
         (SELECT sum(predictions)::int FROM usage_months WHERE tenant_id = $1) AS months,
         (SELECT sum(predictions)::int FROM usage_key_sums WHERE tenant_id = $1) AS keys,
         (SELECT count(*)::int FROM usage_deltas) AS deltas`,
      [tenantId],
    );
    expect(sums).toEqual({ hours: 300, days: 300, months: 300, keys: 3 * 300, deltas: 0 });
  });
});

describe('checkUsageRollups and rebuildUsageRollups', () => {
  it('find a wrong sum and an event that is in none, and mend them while charges go on', async () => {
    const tenantId = await room.tenant(null);
    await charge(tenantId, [new Date('2028-05-31T22:30:00Z'), new Date('2028-05-31T23:59:59.999Z')]);
    await room.ledger.foldAcrossTenants();
    // An event of which no sum knows.
    await room.db.asOwner(
      `INSERT INTO usage_events SELECT (jsonb_populate_record(e, '{ "id": "prd_not_summed" }')).*
       FROM usage_events e WHERE tenant_id = $1 AND created_at = '2028-05-31T22:30Z'`,
      [tenantId],
    );
    await room.db.asOwner(
      `UPDATE usage_hours SET rows = rows + 1000, compute_us = compute_us - 5
       WHERE tenant_id = $1 AND period_start = '2028-05-31T22:00Z'`,
      [tenantId],
    );
    await room.db.asOwner('UPDATE usage_months SET bytes = bytes + 1 WHERE tenant_id = $1', [tenantId]);
    await room.db.asOwner(
      `UPDATE usage_key_sums SET rows = rows - 1 WHERE tenant_id = $1 AND unit = 'month'`,
      [tenantId],
    );
    const found = await differences();
    expect(
      found.map(({ granularity, periodStart, modelId }) => [
        granularity,
        periodStart.toISOString(),
        modelId === null ? 'key' : 'series',
      ]),
    ).toEqual([
      ['MONTH', '2028-05-01T00:00:00.000Z', 'series'],
      ['MONTH', '2028-05-01T00:00:00.000Z', 'key'],
      ['DAY', '2028-05-31T00:00:00.000Z', 'series'],
      ['DAY', '2028-05-31T00:00:00.000Z', 'key'],
      ['HOUR', '2028-05-31T22:00:00.000Z', 'series'],
      ['HOUR', '2028-05-31T22:00:00.000Z', 'key'],
    ]);
    expect(found[4]).toMatchObject({
      tenantId,
      kind: 'PREDICTION',
      events: { predictions: 2, rows: 6, computeMs: 1.8 },
      rollups: { predictions: 1, rows: 1003, computeMs: 0.895 },
    });
    const outside = { from: new Date('2028-06-01'), to: new Date('2028-07-01') };
    expect(await differences(outside)).toEqual([]);

    room.clock.set('2028-05-31T12:00:00Z');
    let isOver = false;
    const actor = userOf(tenantId);
    const charging = (async () => {
      let charged = 0;
      while (!isOver) {
        const reserved = await room.metering.reserve(actor, { units: 1, timeoutMs: 10_000 });
        if (reserved.ok && (await room.metering.settle(actor, reserved.value, chargeOf())).ok) charged += 1;
      }
      return charged;
    })();
    const folding = (async () => {
      while (!isOver) await room.ledger.foldAcrossTenants();
    })();
    for (let i = 0; i < 5; i++) {
      const rebuilt = await room.ledger.rebuildUsageRollups(operator, {
        month: new Date('2028-05-20T03:00Z'),
      });
      expect(rebuilt.ok && rebuilt.value >= 3).toBe(true);
      expect(await differences()).toEqual([]);
    }
    isOver = true;
    await folding;
    const charged = await charging;
    expect(charged).toBeGreaterThan(0);
    const usage = await room.metering.usage(actor, {
      range: { from: new Date('2028-05-01'), to: new Date('2028-06-01') },
    });
    expect(usage).toMatchObject({ ok: true, value: { total: { predictions: 3 + charged } } });
    expect(await differences()).toEqual([]);
  });

  it('are for operators, and a check is of whole days', async () => {
    const member = userOf(operator.tenantId, ['USAGE_READ', 'TENANT_WRITE']);
    const denied = { error: { code: 'PERMISSION_DENIED', permission: 'PLATFORM_OPERATE' } };
    expect(await room.ledger.checkUsageRollups(member, { range: YEAR })).toMatchObject(denied);
    expect(await room.ledger.rebuildUsageRollups(member, { month: YEAR.from })).toMatchObject(denied);
    const range = { from: new Date('2028-01-01T01:00Z'), to: new Date('2028-01-02') };
    expect(await room.ledger.checkUsageRollups(operator, { range })).toMatchObject({
      error: { code: 'INVALID_INPUT' },
    });
  });
});

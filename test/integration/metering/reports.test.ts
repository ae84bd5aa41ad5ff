/** Quota, usage and the ledger are one number, also around the end of a month. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Transactions } from '../../../src/database/index.js';
import type { TenantActor } from '../../../src/domain/access/index.js';
import type { UsageDimension, UsageGranularity, UsageRow } from '../../../src/domain/metering/index.js';
import { newId } from '../../../src/lib/ids.js';
import { chargeOf, openMeteringRoom, userOf, type MeteringRoom } from '../../support/metering-room.js';

const REQUEST = { units: 1, timeoutMs: 10_000 };

let room: MeteringRoom;
beforeAll(async () => {
  room = await openMeteringRoom('2028-02-20T12:00:00.000Z');
});
afterAll(() => room.stop());

async function run(actor: TenantActor, charge = chargeOf()) {
  const reserved = await room.metering.reserve(actor, REQUEST);
  if (!reserved.ok) return reserved;
  return room.metering.settle(actor, reserved.value, charge);
}

const fold = () => room.ledger.foldAcrossTenants();

async function usedOf(actor: TenantActor): Promise<number[]> {
  const quotas = await room.metering.quota(actor, {});
  return quotas.ok ? quotas.value.map((quota) => quota.used) : [];
}

async function total(actor: TenantActor, range?: { from: Date; to: Date }): Promise<number> {
  const usage = await room.metering.usage(actor, { range });
  if (!usage.ok) throw new Error(usage.error.message);
  return usage.value.total.predictions;
}

describe('around the end of a month', () => {
  it('what was admitted in February and answered in March is charged to February everywhere', async () => {
    const tenantId = await room.tenant(2);
    const key = await room.key(tenantId, 2);
    room.clock.set('2028-02-29T23:59:59.999Z');
    const reserved = await room.metering.reserve(key, REQUEST);
    if (!reserved.ok) throw new Error('refused');
    room.clock.set('2028-03-01T00:00:00.500Z');
    const settled = await room.metering.settle(key, reserved.value, chargeOf());
    expect(settled).toEqual({ ok: true, value: { chargedAt: new Date('2028-02-29T23:59:59.999Z') } });

    expect(await usedOf(key)).toEqual([0, 0]);
    expect(await total(key)).toBe(0);
    expect(await total(key, { from: new Date('2028-02-01'), to: new Date('2028-03-01') })).toBe(1);
    // March starts whole.
    expect((await run(key)).ok && (await run(key)).ok).toBe(true);
    expect(await run(key)).toMatchObject({
      ok: false,
      error: { resetsAt: new Date('2028-04-01T00:00:00.000Z') },
    });
    const { counters } = await room.books(tenantId);
    expect(counters.map(({ period, used }) => [period, used])).toEqual([
      ['2028-02', 1],
      ['2028-03', 2],
      ['2028-02', 1],
      ['2028-03', 2],
    ]);
    const months = await room.metering.usage(key, {
      range: { from: new Date('2028-01-01'), to: new Date('2028-12-31') },
      granularity: 'MONTH',
    });
    expect(
      months.ok && months.value.rows.map((row) => [row.periodStart?.toISOString(), row.sum.predictions]),
    ).toEqual([
      ['2028-03-01T00:00:00.000Z', 2],
      ['2028-02-01T00:00:00.000Z', 1],
    ]);
  });

  it('a clock that steps back over the boundary does not move a charge out of its month', async () => {
    const actor = userOf(await room.tenant(5));
    room.clock.set('2028-05-01T00:00:00.000Z');
    const reserved = await room.metering.reserve(actor, REQUEST);
    if (!reserved.ok) throw new Error('refused');
    room.clock.set('2028-04-30T23:59:58.000Z');
    await room.metering.settle(actor, reserved.value, chargeOf());
    room.clock.set('2028-05-02T00:00:00.000Z');
    expect([await usedOf(actor), await total(actor)]).toEqual([[1], 1]);
  });

  it('the database itself refuses an event outside the month that it charges', async () => {
    const insert = room.db.asOwner(
      `INSERT INTO usage_events (id, tenant_id, request_id, owner_tenant_id, model_id, model_name, version_id, version_number,
         digest, runtime, worker, batch_size, batch_rows, rows, units, bytes, queue_ms, batch_ms, load_ms, compute_ms,
         compute_us, period_start, created_at)
       VALUES ('x', 't', 'r', 'o', 'm', 'a/b', 'v', 1, 'd', 'r', 'w', 1, 1, 1, 1, 4, 0, 0, 0, 0, 0, '2028-02-01Z', '2028-03-01Z')`,
    );
    await expect(insert).rejects.toThrow(/usage_events_month/);
  });
});

describe('usage', () => {
  it('groups by every dimension, largest first, and the rows add up to the total', async () => {
    room.clock.set('2028-06-10T08:00:00.000Z');
    const tenantId = await room.tenant(null);
    const [key, user] = [await room.key(tenantId, null), userOf(tenantId)];
    const other = {
      ...chargeOf(),
      modelId: newId('model'),
      modelName: 'acme/other',
      versionId: newId('version'),
    };
    await run(key, { ...other, predictionId: newId('prediction') });
    for (let i = 0; i < 3; i++) await run(user);
    room.clock.set('2028-06-11T00:00:00.000Z');
    for (let i = 0; i < 2; i++) await run(key);

    const ask = async (groupBy: readonly UsageDimension[], granularity?: UsageGranularity) => {
      const report = await room.metering.usage(user, { groupBy, granularity });
      if (!report.ok) throw new Error(report.error.message);
      expect(report.value.total).toEqual({ predictions: 6, rows: 18, bytes: 72, computeMs: 5.4, cost: [] });
      const sum = report.value.rows.reduce((all, row) => all + row.sum.predictions, 0);
      expect(sum).toBe(groupBy.length === 0 && granularity === undefined ? 0 : 6);
      return report.value.rows;
    };
    const times = (rows: readonly UsageRow[]) =>
      rows.map((row) => [row.periodStart?.toISOString(), row.sum.predictions]);
    // From what was charged just now, and from the sums that it was folded into.
    for (const isFolded of [false, true]) {
      if (isFolded) expect(await fold()).toBeGreaterThan(0);
      expect(await ask([])).toEqual([]);
      expect((await ask(['MODEL'])).map((row) => [row.model, row.sum.predictions, row.versionId])).toEqual([
        ['acme/digits', 5, null],
        ['acme/other', 1, null],
      ]);
      expect((await ask(['VERSION']))[0]).toMatchObject({
        model: 'acme/digits',
        versionNumber: 1,
        apiKeyId: null,
      });
      expect((await ask(['API_KEY'])).map((row) => [row.apiKeyId, row.sum.predictions])).toEqual([
        [key.apiKeyId, 3],
        [null, 3],
      ]);
      expect(times(await ask([], 'DAY'))).toEqual([
        ['2028-06-10T00:00:00.000Z', 4],
        ['2028-06-11T00:00:00.000Z', 2],
      ]);
      expect(times(await ask([], 'HOUR'))).toEqual([
        ['2028-06-10T08:00:00.000Z', 4],
        ['2028-06-11T00:00:00.000Z', 2],
      ]);
      expect(await ask(['MODEL', 'VERSION', 'API_KEY'], 'DAY')).toHaveLength(3);
    }
    expect(await usedOf(user)).toEqual([6]);
  });

  it('shows nothing of another tenant, and a key of another tenant does not exist', async () => {
    const [mine, theirs] = [userOf(await room.tenant(9)), await room.key(await room.tenant(9), 9)];
    await run(theirs);
    expect(await total(mine)).toBe(0);
    expect(await room.metering.quota(mine, { apiKeyId: theirs.apiKeyId })).toMatchObject({
      error: { code: 'NOT_FOUND' },
    });
    expect(await room.metering.quota(mine, { apiKeyId: 'no id' })).toMatchObject({
      error: { code: 'NOT_FOUND' },
    });
  });

  it('needs USAGE_READ, and a range that makes sense', async () => {
    const tenantId = await room.tenant(1);
    const blind = userOf(tenantId, ['PREDICTION_RUN']);
    expect(await room.metering.quota(blind, {})).toMatchObject({
      error: { code: 'PERMISSION_DENIED', permission: 'USAGE_READ' },
    });
    expect(await room.metering.usage(blind, {})).toMatchObject({ error: { code: 'PERMISSION_DENIED' } });
    const day = new Date('2028-01-01');
    const bad = [
      { range: { from: day, to: day } },
      { range: { from: day, to: new Date('2029-06-01') } },
      { granularity: 'HOUR' as const, range: { from: day, to: new Date('2028-02-02') } },
    ];
    for (const input of bad) {
      expect(await room.metering.usage(userOf(tenantId), input)).toMatchObject({
        error: { code: 'INVALID_INPUT' },
      });
    }
  });
});

describe('an outlook', () => {
  it('is one exchange with the database, price and limits together', async () => {
    const tenantId = await room.tenant(5);
    const key = await room.key(tenantId, 3);
    const { database } = room.db;
    let exchanges = 0;
    const counting: Transactions = {
      transaction: () => Promise.reject(new Error('That is several exchanges.')),
      sql: () => Promise.reject(new Error('That is several exchanges.')),
      single: (context) => (text, parameters) => {
        exchanges += 1;
        return database.single(context)(text, parameters);
      },
      accessEpoch: () => database.accessEpoch(),
    };
    await run(key);
    await room.metering.giveBackIdle();
    const subscription = { id: 'sub_1', currency: 'EUR' };
    const other = room.anotherMetering({ database: counting });
    expect(await other.outlook(key, { ...REQUEST, subscription })).toMatchObject({
      ...{ refusal: null, ordinal: 1 },
      quotas: [
        { subject: 'TENANT', limit: 5, used: 1, remaining: 4, periodStart: expect.any(Date) as Date },
        { subject: 'API_KEY', limit: 3, used: 1, remaining: 2 },
      ],
    });
    expect(exchanges).toBe(1);
  });
});

describe('setTenantQuota', () => {
  it('counts from the next reservation on and is recorded in the operator’s audit log', async () => {
    room.clock.set('2028-07-01T00:00:00.000Z');
    const tenantId = await room.tenant(1);
    const consumer = userOf(tenantId);
    const operator = userOf(await room.tenant(null));
    const slug = tenantId.replace('_', '-').slice(0, 40);
    expect((await run(consumer)).ok).toBe(true);
    expect((await run(consumer)).ok).toBe(false);
    expect(
      await room.metering.setTenantQuota(operator, { tenantSlug: slug, predictionsPerMonth: 2 }),
    ).toMatchObject({
      ok: true,
      value: { subject: 'TENANT', subjectId: tenantId, limit: 2, used: 1, remaining: 1 },
    });
    expect((await run(consumer)).ok).toBe(true);
    expect((await run(consumer)).ok).toBe(false);
    room.clock.advance(1000);
    // Below what is used: nothing more, and no negative remainder.
    expect(
      await room.metering.setTenantQuota(operator, { tenantSlug: slug, predictionsPerMonth: 0 }),
    ).toMatchObject({
      value: { used: 2, remaining: 0 },
    });
    room.clock.advance(1000);
    await room.metering.setTenantQuota(operator, { tenantSlug: slug });
    expect((await run(consumer)).ok).toBe(true);
    const events = await room.db.asOwner(
      'SELECT tenant_id, details FROM audit_events WHERE subject_id = $1 ORDER BY id',
      [tenantId],
    );
    expect(events).toHaveLength(3);
    expect(events[0]).toEqual({
      tenant_id: operator.tenantId,
      details: { tenantSlug: slug, predictionsPerMonth: 2 },
    });
  });

  it('a limit set while many run is never passed by one that began before', async () => {
    const tenantId = await room.tenant(null);
    const consumer = userOf(tenantId);
    const operator = userOf(await room.tenant(null));
    const slug = tenantId.replace('_', '-').slice(0, 40);
    const [results] = await Promise.all([
      Promise.all(Array.from({ length: 100 }, () => run(consumer))),
      room.metering.setTenantQuota(operator, { tenantSlug: slug, predictionsPerMonth: 20 }),
    ]);
    const charged = results.filter((result) => result.ok).length;
    expect(await room.books(tenantId)).toMatchObject({
      events: charged,
      counters: [{ used: charged, reserved: 0 }],
    });
    expect((await run(consumer)).ok).toBe(charged < 20);
  });

  it('is refused without PLATFORM_OPERATE, for an unknown tenant, and for what is no limit', async () => {
    const tenantId = await room.tenant(1);
    const slug = tenantId.replace('_', '-').slice(0, 40);
    const owner = userOf(tenantId, ['TENANT_WRITE', 'USAGE_READ']);
    expect(
      await room.metering.setTenantQuota(owner, { tenantSlug: slug, predictionsPerMonth: 9 }),
    ).toMatchObject({
      error: { code: 'PERMISSION_DENIED', permission: 'PLATFORM_OPERATE' },
    });
    const operator = userOf(tenantId);
    for (const predictionsPerMonth of [-1, 0.5, 2 ** 60]) {
      expect(
        await room.metering.setTenantQuota(operator, { tenantSlug: slug, predictionsPerMonth }),
      ).toMatchObject({
        error: { code: 'INVALID_INPUT' },
      });
    }
    expect(
      await room.metering.setTenantQuota(operator, { tenantSlug: 'nobody', predictionsPerMonth: 1 }),
    ).toMatchObject({
      error: { code: 'NOT_FOUND', path: ['tenantSlug'] },
    });
  });
});

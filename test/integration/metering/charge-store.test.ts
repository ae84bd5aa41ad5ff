/** Charges of one kind go by a statement of their own, others by another: the books must not show which. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Settlement } from '../../../src/domain/metering/charge-kinds.js';
import { createChargeStore } from '../../../src/domain/metering/charge-store.js';
import { newId } from '../../../src/lib/ids.js';
import { ok } from '../../../src/lib/result.js';
import { chargeOf, openMeteringRoom, type MeteringRoom } from '../../support/metering-room.js';

const PERIOD = new Date('2026-03-01T00:00:00.000Z');
const AT = new Date('2026-03-15T12:00:00.123Z');
const LEASED_UNTIL = new Date('2026-03-15T12:00:40.000Z');

let room: MeteringRoom;
beforeAll(async () => {
  room = await openMeteringRoom();
});
afterAll(() => room.stop());

async function lease(tenantId: string, units: number, isRecalled = false): Promise<string> {
  const id = newId('quotaLease');
  await room.db.asOwner(
    `INSERT INTO quota_leases (id, tenant_id, period_start, units, is_loose, recalled_at, expires_at, created_at)
     VALUES ($1, $2, $3, $4, true, $5, $6, $6)`,
    [id, tenantId, PERIOD, units, isRecalled ? AT : null, AT],
  );
  return id;
}

/** Of another model each time. */
function settlementOf(leaseId: string): Settlement {
  const userId = 'usr_quoted "\\{},';
  return {
    leaseId,
    units: 2,
    ordinal: null,
    userId,
    requestId: 'req_1',
    at: AT,
    leaseExpiresAt: LEASED_UNTIL,
    charge: { ...chargeOf(), costMicros: 25, currency: 'EUR', subscriptionId: 'sub_1' },
  };
}

function ofOneKind(leaseId: string, count: number): Settlement[] {
  const one = settlementOf(leaseId);
  return Array.from({ length: count }, (_, i) => ({
    ...one,
    charge: { ...one.charge, predictionId: newId('prediction'), worker: `w${i}`, rows: i, computeUs: 7 + i },
  }));
}

function ofManyKinds(leaseId: string, count: number): Settlement[] {
  return Array.from({ length: count }, () => settlementOf(leaseId));
}

describe.each([
  ['alone', 1, ofOneKind],
  ['together of one kind', 3, ofOneKind],
  ['together of many kinds', 3, ofManyKinds],
])('charges %s', (_, count, make) => {
  const several = (leaseId: string) => make(leaseId, count);
  const store = () => createChargeStore(room.db.database);
  const eventsOf = (tenantId: string) =>
    room.db.asOwner<Record<string, unknown>>('SELECT * FROM usage_events WHERE tenant_id = $1 ORDER BY id', [
      tenantId,
    ]);
  const leaseOf = async (id: string) =>
    (await room.db.asOwner('SELECT charged::int, expires_at FROM quota_leases WHERE id = $1', [id]))[0];
  const sumsOf = async (tenantId: string) =>
    (
      await room.db.asOwner(
        `SELECT sum(predictions)::int AS units, sum(rows)::int AS rows, sum(bytes)::int AS bytes,
           sum(compute_us)::int AS "computeUs", sum(cost_micros)::int AS "costMicros", min(hour) AS hour
         FROM usage_deltas WHERE tenant_id = $1`,
        [tenantId],
      )
    )[0];

  it('are written whole, and their units taken off the lease', async () => {
    const tenantId = await room.tenant(100);
    const leaseId = await lease(tenantId, 10);
    const settlements = several(leaseId);
    const settled = await store().settle(tenantId, settlements);
    expect(settled).toEqual(settlements.map(() => ({ isCharged: true, isRecalled: false })));
    expect(await leaseOf(leaseId)).toEqual({ charged: 2 * count, expires_at: LEASED_UNTIL });
    const events = await eventsOf(tenantId);
    expect(events.map(({ id }) => id)).toEqual(settlements.map(({ charge }) => charge.predictionId).sort());
    for (const event of events) {
      const settlement = settlements.find(({ charge }) => charge.predictionId === event['id']);
      if (settlement === undefined) throw new Error('An event of nobody.');
      const { charge, userId } = settlement;
      expect(event).toEqual({
        id: charge.predictionId,
        kind: 'PREDICTION',
        corrects_id: null,
        reason: null,
        alias: null,
        tenant_id: tenantId,
        user_id: userId,
        api_key_id: null,
        request_id: 'req_1',
        owner_tenant_id: charge.ownerTenantId,
        model_id: charge.modelId,
        model_name: charge.modelName,
        version_id: charge.versionId,
        version_number: charge.versionNumber,
        digest: charge.digest,
        runtime: charge.runtime,
        worker: charge.worker,
        batch_size: charge.batchSize,
        batch_rows: charge.batchRows,
        rows: charge.rows,
        units: 2,
        bytes: String(charge.bytes),
        queue_ms: charge.queueMs,
        batch_ms: charge.batchMs,
        load_ms: charge.loadMs,
        compute_ms: charge.computeMs,
        compute_us: String(charge.computeUs),
        cost_micros: String(charge.costMicros),
        currency: charge.currency,
        subscription_id: charge.subscriptionId,
        period_start: PERIOD,
        created_at: AT,
      });
    }
  });

  it('are summed for the lease and for the reports', async () => {
    const tenantId = await room.tenant(100);
    const leaseId = await lease(tenantId, 10);
    const settlements = several(leaseId);
    await store().settle(tenantId, settlements);
    const sum = (of: (charge: Settlement['charge']) => number) =>
      settlements.reduce((total, { charge }) => total + of(charge), 0);
    const sums = {
      units: 2 * count,
      rows: sum(({ rows }) => rows),
      bytes: sum(({ bytes }) => bytes),
      computeUs: sum(({ computeUs }) => computeUs),
      costMicros: 25 * count,
    };
    expect(await sumsOf(tenantId)).toEqual({ ...sums, hour: new Date('2026-03-15T12:00:00.000Z') });
    const [charged] = await room.db.asOwner(
      `SELECT charged::int AS units, charged_rows::int AS rows, charged_bytes::int AS bytes,
         charged_compute_us::int AS "computeUs", charged_cost_micros::int AS "costMicros"
       FROM quota_leases WHERE id = $1`,
      [leaseId],
    );
    expect(charged).toEqual(sums);
  });

  it('take their places off the lease', async () => {
    const tenantId = await room.tenant(100);
    const leaseId = await lease(tenantId, 10);
    await room.db.asOwner(`UPDATE quota_leases SET ordinals = '{[1,4),[7,9)}' WHERE id = $1`, [leaseId]);
    const places = [2, 7, 3];
    await store().settle(
      tenantId,
      several(leaseId).map((settlement, i) => ({ ...settlement, ordinal: places[i] ?? null })),
    );
    const [left] = await room.db.asOwner('SELECT ordinals::text FROM quota_leases WHERE id = $1', [leaseId]);
    expect(left).toEqual({ ordinals: count === 1 ? '{[1,2),[3,4),[7,9)}' : '{[1,2),[8,9)}' });
  });

  it('a second time take nothing, and are known to be charged', async () => {
    const tenantId = await room.tenant(100);
    const leaseId = await lease(tenantId, 10);
    const settlements = several(leaseId);
    await store().settle(tenantId, settlements);
    const again = await store().settle(tenantId, settlements);
    expect(again.every(({ isCharged }) => isCharged)).toBe(true);
    expect(await leaseOf(leaseId)).toMatchObject({ charged: 2 * count });
    expect(await eventsOf(tenantId)).toHaveLength(count);
  });

  it('of which one was charged before take what the others cost', async () => {
    const tenantId = await room.tenant(100);
    const leaseId = await lease(tenantId, 10);
    const settlements = several(leaseId);
    await store().settle(tenantId, settlements.slice(0, 1));
    const settled = await store().settle(tenantId, settlements);
    expect(settled).toEqual(settlements.map(() => ({ isCharged: true, isRecalled: false })));
    expect(await leaseOf(leaseId)).toMatchObject({ charged: 2 * count });
    expect(await sumsOf(tenantId)).toMatchObject({ units: 2 * count });
  });

  it('under an id that another tenant used are a fault', async () => {
    const [tenantId, other] = [await room.tenant(100), await room.tenant(100)];
    const settlements = several(await lease(tenantId, 10));
    const [first] = settlements as [Settlement];
    await store().settle(other, [{ ...first, leaseId: await lease(other, 10) }]);
    await expect(store().settle(tenantId, settlements)).rejects.toThrow(/usage_events/);
    expect(await eventsOf(tenantId)).toEqual([]);
  });

  it('without a lease, or on one of another tenant, are not written', async () => {
    const [tenantId, other] = [await room.tenant(100), await room.tenant(100)];
    const foreign = await lease(other, 10);
    for (const leaseId of [newId('quotaLease'), foreign]) {
      const settled = await store().settle(tenantId, several(leaseId));
      expect(settled.some(({ isCharged }) => isCharged)).toBe(false);
    }
    expect(await eventsOf(tenantId)).toEqual([]);
    expect(await leaseOf(foreign)).toMatchObject({ charged: 0 });
  });

  it('say that the lease is wanted back', async () => {
    const tenantId = await room.tenant(100);
    const leaseId = await lease(tenantId, 10, true);
    const settled = await store().settle(tenantId, several(leaseId));
    expect(settled.every(({ isCharged, isRecalled }) => isCharged && isRecalled)).toBe(true);
  });

  it('beyond the units of the lease are refused by the table, all of them', async () => {
    const tenantId = await room.tenant(100);
    const leaseId = await lease(tenantId, 2 * count - 1);
    await expect(store().settle(tenantId, several(leaseId))).rejects.toThrow(/quota_leases_units/);
    expect(await eventsOf(tenantId)).toEqual([]);
  });
});

it('charges on several leases are charged where there is one, and lost where there is none', async () => {
  const tenantId = await room.tenant(100);
  const store = createChargeStore(room.db.database);
  const [first, recalled] = [await lease(tenantId, 10), await lease(tenantId, 10, true)];
  const settled = await store.settle(tenantId, [
    settlementOf(recalled),
    settlementOf(newId('quotaLease')),
    settlementOf(first),
    settlementOf(recalled),
  ]);
  expect(settled).toEqual([
    { isCharged: true, isRecalled: true },
    { isCharged: false, isRecalled: false },
    { isCharged: true, isRecalled: false },
    { isCharged: true, isRecalled: true },
  ]);
  const charged = await room.db.asOwner(
    'SELECT id, charged::int FROM quota_leases WHERE tenant_id = $1 ORDER BY charged',
    [tenantId],
  );
  expect(charged).toEqual([
    { id: first, charged: 2 },
    { id: recalled, charged: 4 },
  ]);
});

it('a charge and an answer under a key are both written, once', async () => {
  const tenantId = await room.tenant(100);
  const store = createChargeStore(room.db.database);
  const leaseId = await lease(tenantId, 10);
  const settlement = settlementOf(leaseId);
  let written = 0;
  const write = () => Promise.resolve(ok(void written++));
  expect((await store.settleAndWrite(tenantId, settlement, write)).ok).toBe(true);
  await expect(store.settleAndWrite(tenantId, settlement, write)).rejects.toThrow(/usage_events/);
  expect(written).toBe(1);
  const [charged] = await room.db.asOwner('SELECT charged::int FROM quota_leases WHERE id = $1', [leaseId]);
  expect(charged).toEqual({ charged: 2 });
});

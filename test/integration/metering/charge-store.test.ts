/** One charge goes by a statement of its own, several by another: the books must not show which. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createChargeStore, type Settlement } from '../../../src/domain/metering/charge-store.js';
import { newId } from '../../../src/lib/ids.js';
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

describe.each([
  ['alone', 1],
  ['together', 3],
])('charges %s', (_, count) => {
  const several = (leaseId: string) => Array.from({ length: count }, () => settlementOf(leaseId));
  const store = () => createChargeStore(room.db.database);
  const eventsOf = (tenantId: string) =>
    room.db.asOwner<Record<string, unknown>>('SELECT * FROM usage_events WHERE tenant_id = $1 ORDER BY id', [
      tenantId,
    ]);
  const leaseOf = async (id: string) =>
    (await room.db.asOwner('SELECT charged::int, expires_at FROM quota_leases WHERE id = $1', [id]))[0];

  it('are written whole, and their units taken off the lease', async () => {
    const tenantId = await room.tenant(100);
    const leaseId = await lease(tenantId, 10);
    const settlements = several(leaseId);
    const settled = await store().settle(tenantId, settlements);
    expect(settled).toEqual(settlements.map(() => ({ isCharged: true, isRecalled: false })));
    expect(await leaseOf(leaseId)).toEqual({ charged: 2 * count, expires_at: LEASED_UNTIL });
    const events = await eventsOf(tenantId);
    expect(events.map(({ id }) => id)).toEqual(settlements.map(({ charge }) => charge.predictionId).sort());
    const [{ charge, userId }] = settlements as [Settlement];
    for (const event of events) {
      const owner = settlements.find((one) => one.charge.predictionId === event['id'])?.charge.ownerTenantId;
      expect(event).toEqual({
        id: event['id'],
        kind: 'PREDICTION',
        corrects_id: null,
        reason: null,
        alias: null,
        tenant_id: tenantId,
        user_id: userId,
        api_key_id: null,
        request_id: 'req_1',
        owner_tenant_id: owner,
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

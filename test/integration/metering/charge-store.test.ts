/** Charges of one kind go by a statement of their own, others by another: the books must not show which. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Settlement } from '../../../src/domain/metering/charge-kinds.js';
import { createChargeStore, mayChargeAlone } from '../../../src/domain/metering/charge-store.js';
import { createLedgerStore } from '../../../src/domain/metering/ledger-store.js';
import { newId } from '../../../src/lib/ids.js';
import { ok, refuse } from '../../../src/lib/result.js';
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

function foldAll(): Promise<number> {
  return createLedgerStore(room.db.database).foldAcrossTenants();
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
    room.db.asOwner<Record<string, unknown>>('SELECT * FROM usage_ledger WHERE tenant_id = $1 ORDER BY id', [
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

  it('are in the ledger once, before and after the fold, with the same facts', async () => {
    const tenantId = await room.tenant(100);
    await store().settle(tenantId, several(await lease(tenantId, 10)));
    const before = await eventsOf(tenantId);
    const settled = () => room.db.asOwner('SELECT id FROM usage_events WHERE tenant_id = $1', [tenantId]);
    expect(await settled()).toEqual([]);
    await foldAll();
    expect(await settled()).toHaveLength(count);
    expect(await eventsOf(tenantId)).toEqual(before);
    expect(await sumsOf(tenantId)).toMatchObject({ units: null });
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

it('a charge and an answer under a key are both written, or neither', async () => {
  const tenantId = await room.tenant(100);
  const store = createChargeStore(room.db.database);
  const leaseId = await lease(tenantId, 10);
  const charged = async () =>
    (
      await room.db.asOwner(
        `SELECT charged::int, (SELECT count(*)::int FROM usage_ledger WHERE tenant_id = l.tenant_id) AS events
         FROM quota_leases l WHERE id = $1`,
        [leaseId],
      )
    )[0];
  const write = () => Promise.resolve(ok(undefined));
  expect((await store.settleAndWrite(tenantId, settlementOf(leaseId), write)).ok).toBe(true);
  expect(await charged()).toEqual({ charged: 2, events: 1 });
  const refused = () => Promise.resolve(refuse({ code: 'CONFLICT', message: 'no' } as const));
  expect((await store.settleAndWrite(tenantId, settlementOf(leaseId), refused)).ok).toBe(false);
  const fails = () => Promise.reject(new Error('no'));
  await expect(store.settleAndWrite(tenantId, settlementOf(leaseId), fails)).rejects.toThrow('no');
  expect(await charged()).toEqual({ charged: 2, events: 1 });
});

describe('what the fold could not write is refused before', () => {
  const store = () => createChargeStore(room.db.database);
  const failureOf = async (change: Partial<Settlement>, charge: Partial<Settlement['charge']> = {}) => {
    const tenantId = await room.tenant(100);
    const leaseId = await lease(tenantId, 10);
    const one = settlementOf(leaseId);
    const bad = { ...one, ...change, charge: { ...one.charge, ...charge } };
    const fault: unknown = await store()
      .settle(tenantId, [one, bad])
      .catch((error: unknown) => error);
    const written = await room.db.asOwner('SELECT id FROM usage_ledger WHERE tenant_id = $1', [tenantId]);
    expect(written).toEqual([]);
    // So its neighbours are charged without it.
    expect(mayChargeAlone(fault)).toBe(true);
    return String(fault);
  };

  it.each<[string, Partial<Settlement['charge']>]>([
    ['fewer rows than none', { rows: -1 }],
    ['bytes that are no number', { bytes: NaN }],
    ['half a microsecond', { computeUs: 0.5 }],
    ['a time without end', { queueMs: Infinity }],
    ['a price below nothing', { costMicros: -1 }],
    ['a price in no currency', { currency: null }],
    ['a price that nobody agreed to', { subscriptionId: null }],
  ])('%s', async (_, charge) => {
    expect(await failureOf({}, charge)).toMatch(/The ledger cannot take/);
  });

  it('no unit', async () => {
    expect(await failureOf({ units: 0 })).toMatch(/The ledger cannot take/);
  });

  it('a month that is not the month of the lease', async () => {
    expect(await failureOf({ at: new Date('2026-04-01T00:00:00.000Z') })).toMatch(/usage_deltas_month/);
  });

  it('more rows than a column holds', async () => {
    expect(await failureOf({}, { rows: 2 ** 31 })).toMatch(/out of range/);
  });
});

it('an event of an id that is there already is in the ledger once when it is folded, and the check tells its sums', async () => {
  const tenantId = await room.tenant(100);
  const store = createChargeStore(room.db.database);
  const settlement = settlementOf(await lease(tenantId, 10));
  // Nothing sends a charge again; were something to, the ledger would not stop at it.
  for (let time = 0; time < 2; time++) {
    await store.settle(tenantId, [settlement]);
    await foldAll();
  }
  const events = await room.db.asOwner('SELECT id FROM usage_ledger WHERE tenant_id = $1', [tenantId]);
  expect(events).toHaveLength(1);
  const [from, to] = [new Date('2026-03-15T00:00Z'), new Date('2026-03-16T00:00Z')];
  const differences = await createLedgerStore(room.db.database).checkRollupsAcrossTenants(from, to, 100);
  expect(differences.filter((one) => one.tenantId === tenantId)[0]).toMatchObject({
    events: { predictions: 2 },
    rollups: { predictions: 4 },
  });
});

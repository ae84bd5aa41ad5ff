/** Statements of months: open as the ledger stands, closed as they were found, and the same lines from the other side. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { TenantActor } from '../../../src/domain/access/index.js';
import type { Statement } from '../../../src/domain/billing/index.js';
import type { Page } from '../../../src/lib/page.js';
import { openBillingRoom, type BillingRoom, type SoldModel, type Taken } from '../../support/billing-room.js';
import { accepted, refusalCode } from '../../support/catalog-world.js';
import { userOf } from '../../support/metering-room.js';

let room: BillingRoom;
let operator: TenantActor;
let owner: TenantActor;
let buyer: TenantActor;
let model: SoldModel;
let taken: Taken;

beforeAll(async () => {
  room = await openBillingRoom();
  operator = userOf(await room.tenant(null));
});
afterAll(() => room.stop());
beforeEach(async () => {
  room.clock.set('2026-03-15T12:00:00.000Z');
  owner = userOf(await room.tenant(null));
  buyer = userOf(await room.tenant(null));
  model = await room.sell(owner.tenantId, { pricePerThousandMicros: 2_000_000 });
  taken = await room.take(buyer.tenantId, model);
});

const close = (month: string) => room.billing.closeStatementsAcrossTenants(operator, month);
const statement = async (month: string, currency = 'EUR', actor = buyer) =>
  accepted(await room.billing.statement(actor, { month, currency }));
const earnings = async (month: string) => accepted(await room.billing.earningsAcrossTenants(owner, month));

describe('an open statement', () => {
  it('is what the ledger says now, by model and plan, with what was free', async () => {
    await room.event(taken, { at: '2026-03-02T00:00:00Z', costMicros: 0, rows: 2, computeUs: 1_500 });
    await room.event(taken, { at: '2026-03-03T00:00:00Z', costMicros: 2_000, rows: 3, computeUs: 500 });
    const paid = await room.event(taken, { at: '2026-03-04T00:00:00Z', costMicros: 2_000 });
    await room.event(taken, { at: '2026-03-05T00:00:00Z', costMicros: -2_000, refundOf: paid });
    const found = await statement('2026-03');
    expect(found).toMatchObject({ status: 'OPEN', number: null, closedAt: null, amountMicros: 2_000 });
    expect(found?.lines).toMatchObject([
      {
        kind: 'PREDICTIONS',
        predictions: 3,
        freePredictions: 1,
        rows: 6,
        computeUs: 2_000,
        amountMicros: 4_000,
        planName: 'standard',
        modelId: model.modelId,
        subscriptionId: taken.subscriptionId,
      },
      { kind: 'CORRECTIONS', predictions: -1, freePredictions: 0, amountMicros: -2_000 },
    ]);
    expect(await statement('2026-02')).toBeNull();
    expect(await statement('2026-03', 'USD')).toBeNull();
    expect(await statement('2026-03', 'EUR', owner)).toBeNull();
  });

  it('has a month of its own for the last and the first millisecond, on leap days too', async () => {
    room.clock.set('2028-03-10T00:00:00.000Z');
    for (const at of ['2028-02-29T23:59:59.999Z', '2028-03-01T00:00:00.000Z', '2028-01-31T23:59:59.999Z']) {
      await room.event(taken, { at, costMicros: 7 });
    }
    const page = accepted(await room.billing.statements(buyer, { first: 10 }));
    expect(
      page.items.map(({ periodStart, amountMicros }) => [periodStart.toISOString(), amountMicros]),
    ).toEqual(['2028-03-01', '2028-02-01', '2028-01-01'].map((day) => [`${day}T00:00:00.000Z`, 7]));
  });

  it('is one for each currency', async () => {
    const dollars = await room.take(buyer.tenantId, await room.sell(owner.tenantId, { currency: 'USD' }));
    await room.event(taken, { at: '2026-03-02T00:00:00Z', costMicros: 5 });
    await room.event(dollars, { at: '2026-03-02T00:00:00Z', costMicros: 6 });
    expect([
      (await statement('2026-03'))?.amountMicros,
      (await statement('2026-03', 'USD'))?.amountMicros,
    ]).toEqual([5, 6]);
    expect((await earnings('2026-03')).map((one) => [one.currency, one.amountMicros])).toEqual([
      ['EUR', 5],
      ['USD', 6],
    ]);
  });
});

describe('a closed statement', () => {
  it('is what the open one was, numbered, for ever, and the publisher sees the same lines', async () => {
    await room.event(taken, { at: '2026-03-02T00:00:00Z', costMicros: 2_000, computeUs: 10 });
    const open = await statement('2026-03');
    const before = await earnings('2026-03');
    expect(before).toMatchObject([{ status: 'OPEN', amountMicros: 2_000 }]);
    room.clock.set('2026-04-04T00:00:00.000Z');
    expect(accepted(await close('2026-03'))).toMatchObject({ waitingTenants: 0 });
    const closed = await statement('2026-03');
    expect(closed).toEqual({ ...open, status: 'CLOSED', number: 1, closedAt: room.clock.now() });
    expect(await earnings('2026-03')).toEqual([
      {
        ...before[0],
        status: 'CLOSED',
        lines: before[0]?.lines.map((one) => ({ ...one, status: 'CLOSED' })),
      },
    ]);
    const log = await room.db.asOwner<{ action: string }>(
      'SELECT action FROM audit_events WHERE tenant_id = ANY ($1) ORDER BY id',
      [[buyer.tenantId]],
    );
    expect(log).toEqual([{ action: 'closeStatement' }]);
  });

  it('cannot be changed, not even by the owner of the tables', async () => {
    await room.event(taken, { at: '2026-03-02T00:00:00Z', costMicros: 2_000 });
    room.clock.set('2026-04-04T00:00:00.000Z');
    accepted(await close('2026-03'));
    for (const table of ['statement_closings', 'statements', 'statement_lines', 'billed_corrections']) {
      const column = table === 'billed_corrections' ? 'event_id' : 'tenant_id';
      for (const change of [`UPDATE ${table} SET ${column} = ${column}`, `DELETE FROM ${table}`]) {
        await expect(room.db.asOwner(change), change).rejects.toThrow('A closed statement cannot be changed');
        const asApplication = room.db.database.sql({ tenantId: buyer.tenantId }, (query) =>
          query(change, []),
        );
        await expect(asApplication, change).rejects.toThrow('permission denied');
      }
    }
  });

  it('is made only when the month is over and its leases have ended', async () => {
    expect(refusalCode(await close('2026-03'))).toBe('CONFLICT');
    expect(refusalCode(await close('2026-13'))).toBe('INVALID_INPUT');
    const reserved = accepted(await room.metering.reserve(buyer, { units: 1, timeoutMs: 1_000 }));
    await room.event(taken, { at: '2026-03-02T00:00:00Z', costMicros: 2_000 });
    room.clock.set('2026-04-04T00:00:00.000Z');
    expect(accepted(await close('2026-03')).waitingTenants).toBe(1);
    expect(await statement('2026-03')).toMatchObject({ status: 'OPEN' });
    await room.metering.release(buyer, reserved);
    await room.metering.giveBackIdle();
    expect(accepted(await close('2026-03'))).toMatchObject({ waitingTenants: 0, closedStatements: 1 });
    expect(await statement('2026-03')).toMatchObject({ status: 'CLOSED' });
  });

  it('keeps its month closed to a server whose clock is behind', async () => {
    room.clock.set('2026-04-04T00:00:00.000Z');
    accepted(await close('2026-03'));
    room.clock.set('2026-03-31T23:59:00.000Z');
    const late = room.anotherMetering().reserve(buyer, { units: 1, timeoutMs: 1_000 });
    await expect(late).rejects.toThrow('closed');
    room.clock.set('2026-04-04T00:00:00.000Z');
    const inTime = room.anotherMetering();
    await inTime.release(buyer, accepted(await inTime.reserve(buyer, { units: 1, timeoutMs: 1_000 })));
    await inTime.giveBackIdle();
  });

  it('leaves what comes later to the next open one, once', async () => {
    const paid = await room.event(taken, { at: '2026-03-02T00:00:00Z', costMicros: 2_000 });
    room.clock.set('2026-04-04T00:00:00.000Z');
    accepted(await close('2026-03'));
    await room.event(taken, { at: '2026-03-31T23:59:59.999Z', costMicros: -2_000, refundOf: paid });
    await room.event(taken, { at: '2026-04-02T00:00:00Z', costMicros: 500 });
    expect(await statement('2026-03')).toMatchObject({ amountMicros: 2_000 });
    const april = await statement('2026-04');
    expect(april).toMatchObject({ amountMicros: -1_500 });
    expect(april?.lines).toMatchObject([
      { kind: 'PREDICTIONS', amountMicros: 500 },
      { kind: 'CORRECTIONS', amountMicros: -2_000, forPeriodStart: new Date('2026-03-01') },
    ]);
    expect(await earnings('2026-04')).toMatchObject([{ amountMicros: -1_500 }]);
    room.clock.set('2026-06-04T00:00:00.000Z');
    accepted(await close('2026-05'));
    expect(await statement('2026-04')).toMatchObject({ ...april, status: 'CLOSED', number: 2, closedAt: {} });
    expect(await statement('2026-05')).toBeNull();
    expect(await earnings('2026-04')).toMatchObject([{ status: 'CLOSED', amountMicros: -1_500 }]);
  });

  it('is refused where its rows do not add up to the ledger, and leaves nothing behind', async () => {
    await room.event(taken, { at: '2026-03-02T00:00:00Z', costMicros: 2_000 });
    room.clock.set('2026-04-04T00:00:00.000Z');
    await room.db.asOwner(
      `CREATE FUNCTION one_micro_more() RETURNS trigger LANGUAGE plpgsql AS
         'BEGIN NEW.amount_micros := NEW.amount_micros + 1; RETURN NEW; END'`,
    );
    for (const table of ['statements', 'statement_lines']) {
      await room.db.asOwner(
        `CREATE TRIGGER plant BEFORE INSERT ON ${table} FOR EACH ROW EXECUTE FUNCTION one_micro_more()`,
      );
      expect(accepted(await close('2026-03')).waitingTenants, table).toBe(1);
      await room.db.asOwner(`DROP TRIGGER plant ON ${table}`);
      expect(await statement('2026-03'), table).toMatchObject({ status: 'OPEN', amountMicros: 2_000 });
    }
    expect(accepted(await close('2026-03'))).toMatchObject({ waitingTenants: 0, closedStatements: 1 });
  });

  it('is made once by twenty closings at the same time', async () => {
    const buyers: TenantActor[] = [];
    for (let i = 0; i < 3; i++) buyers.push(userOf(await room.tenant(null)));
    for (const { tenantId } of buyers) {
      const one = await room.take(tenantId, model);
      for (let i = 0; i < 5; i++) await room.event(one, { at: '2026-03-02T00:00:00Z', costMicros: 11 });
      await room.event(one, { at: '2026-02-02T00:00:00Z', costMicros: 3 });
    }
    room.clock.set('2026-04-04T00:00:00.000Z');
    const closings = await Promise.all(Array.from({ length: 20 }, () => close('2026-03')));
    const sum = closings.map(accepted).reduce((all, one) => all + one.closedStatements, 0);
    expect(sum).toBe(6);
    for (const actor of buyers) {
      expect(await statement('2026-02', 'EUR', actor)).toMatchObject({ number: 1, amountMicros: 3 });
      expect(await statement('2026-03', 'EUR', actor)).toMatchObject({ number: 2, amountMicros: 55 });
    }
  });
});

describe('closing by itself', () => {
  it('waits for so many days after the end of the month', async () => {
    await room.event(taken, { at: '2026-03-02T00:00:00Z', costMicros: 9 });
    room.clock.set('2026-04-03T23:59:59.999Z');
    await room.billing.closeDueAcrossTenants(3);
    expect(await statement('2026-03')).toMatchObject({ status: 'OPEN' });
    room.clock.set('2026-04-04T00:00:00.000Z');
    await room.billing.closeDueAcrossTenants(3);
    expect(await statement('2026-03')).toMatchObject({ status: 'CLOSED' });
  });
});

it('lets the events of a month go when it and the next one are closed for everybody', async () => {
  await room.event(taken, { at: '2026-03-02T00:00:00Z', costMicros: 9 });
  const march = new Date('2026-03-01T00:00:00Z');
  room.clock.set('2026-05-04T00:00:00.000Z');
  expect(await room.billing.mayRetireAcrossTenants(march)).toBe(false);
  accepted(await close('2026-03'));
  expect(await room.billing.mayRetireAcrossTenants(march)).toBe(false);
  accepted(await close('2026-04'));
  expect(await room.billing.mayRetireAcrossTenants(march)).toBe(true);
});

it('pages through open and closed statements, and takes no other cursor', async () => {
  taken = await room.take(buyer.tenantId, await room.sell(owner.tenantId), '2026-01-05T00:00:00.000Z');
  for (const month of ['01', '02', '03', '04']) {
    await room.event(taken, { at: `2026-${month}-10T00:00:00Z`, costMicros: Number(month) });
  }
  room.clock.set('2026-04-15T00:00:00.000Z');
  accepted(await close('2026-02'));
  const amounts: number[] = [];
  for (let after: string | null = null; ;) {
    const page: Page<Statement> = accepted(await room.billing.statements(buyer, { first: 1, after }));
    amounts.push(...page.items.map((one) => one.amountMicros));
    if (!page.hasNextPage) break;
    after = page.cursors[0] ?? null;
  }
  expect(amounts).toEqual([4, 3, 2, 1]);
  const forged = Buffer.from(JSON.stringify([1, 'statements', 'x', 'EUR'])).toString('base64url');
  expect(refusalCode(await room.billing.statements(buyer, { after: forged }))).toBe('INVALID_INPUT');
});

it('shows statements, earnings and closings only to who may see or do them', async () => {
  const nobody = userOf(buyer.tenantId, ['MODEL_READ']);
  expect(refusalCode(await room.billing.statements(nobody, {}))).toBe('PERMISSION_DENIED');
  expect(refusalCode(await room.billing.statement(nobody, { month: '2026-03', currency: 'EUR' }))).toBe(
    'PERMISSION_DENIED',
  );
  expect(refusalCode(await room.billing.earningsAcrossTenants(nobody, '2026-03'))).toBe('PERMISSION_DENIED');
  expect(refusalCode(await room.billing.closeStatementsAcrossTenants(nobody, '2026-02'))).toBe(
    'PERMISSION_DENIED',
  );
  await room.event(taken, { at: '2026-03-02T00:00:00Z', costMicros: 9 });
  expect(accepted(await room.billing.earningsAcrossTenants(buyer, '2026-03'))).toEqual([]);
  expect(accepted(await room.billing.statements(owner, {})).items).toEqual([]);
});

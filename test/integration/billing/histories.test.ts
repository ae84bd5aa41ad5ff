/**
 * Random histories of priced predictions, refunds (in time and late), and closings. After each step every event of the ledger
 * is on exactly one line of one statement, to the micro, and what was closed stays as it was.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { TenantActor } from '../../../src/domain/access/index.js';
import { nameOfMonth, type Statement } from '../../../src/domain/billing/index.js';
import { priceOf } from '../../../src/domain/marketplace/index.js';
import { openBillingRoom, type BillingRoom, type Taken } from '../../support/billing-room.js';
import { accepted } from '../../support/catalog-world.js';
import { userOf } from '../../support/metering-room.js';

let room: BillingRoom;

beforeAll(async () => {
  room = await openBillingRoom();
});
afterAll(() => room.stop());

const START = Date.parse('2027-11-20T00:00:00Z');
const DAY_MS = 86_400_000;

type Step =
  | { readonly do: 'PREDICT'; readonly who: number; readonly computeUs: number }
  | { readonly do: 'REFUND'; readonly which: number; readonly share: number; readonly isBackdated: boolean }
  | { readonly do: 'PASS'; readonly days: number }
  | { readonly do: 'CLOSE' };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('PREDICT' as const),
      who: fc.nat(3),
      computeUs: fc.integer({ min: 0, max: 90_000_000 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('REFUND' as const),
      which: fc.nat(),
      share: fc.integer({ min: 0, max: 100 }),
      isBackdated: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('PASS' as const), days: fc.integer({ min: 1, max: 45 }) }),
  },
  { weight: 2, arbitrary: fc.constant({ do: 'CLOSE' as const }) },
);

async function allStatements(actor: TenantActor): Promise<readonly Statement[]> {
  return accepted(await room.billing.statements(actor, { first: 100 })).items;
}

const keyOf = (one: Statement) => `${nameOfMonth(one.periodStart)} ${one.currency}`;

function sums(amounts: Iterable<{ readonly currency: string; readonly micros: number }>) {
  const found: Record<string, number> = {};
  for (const { currency, micros } of amounts) found[currency] = (found[currency] ?? 0) + micros;
  return found;
}

it('every event is billed once, to the micro, from both sides, and what is closed stays', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 8, maxLength: 20 }), async (steps) => {
      room.clock.set(new Date(START));
      const owners = [userOf(await room.tenant(null)), userOf(await room.tenant(null))] as const;
      const buyers = [userOf(await room.tenant(null)), userOf(await room.tenant(null))] as const;
      const since = new Date(START).toISOString();
      const tiers = [{ from: 4, pricePerThousandMicros: 1_000 }];
      const models = [
        await room.sell(owners[0].tenantId, {
          pricePerThousandMicros: 7_000,
          freePredictionsPerMonth: 2,
          tiers,
        }),
        await room.sell(owners[1].tenantId, { currency: 'USD', pricePerComputeSecondMicros: 333_333 }),
      ];
      const takens: Taken[] = [];
      for (const { tenantId } of buyers) {
        for (const model of models) takens.push(await room.take(tenantId, model, since));
      }
      const ordinals = new Map<string, number>();
      const events: { id: string; taken: Taken; left: number; at: Date }[] = [];
      const ledger: { tenantId: string; ownerTenantId: string; currency: string; micros: number }[] = [];
      const frozen = new Map<string, Statement>();

      async function write(taken: Taken, at: Date, costMicros: number, more: object = {}): Promise<string> {
        const { ownerTenantId, terms } = taken.model;
        ledger.push({
          tenantId: taken.tenantId,
          ownerTenantId,
          currency: terms.currency,
          micros: costMicros,
        });
        return room.event(taken, { at, costMicros, ...more });
      }

      async function perform(one: Step): Promise<void> {
        const now = room.clock.now();
        if (one.do === 'PREDICT') {
          const taken = takens[one.who]!;
          const place = `${taken.subscriptionId} ${nameOfMonth(now)}`;
          const ordinal = (ordinals.get(place) ?? 0) + 1;
          ordinals.set(place, ordinal);
          const costMicros = priceOf(taken.model.terms, { ordinal, computeUs: one.computeUs });
          const id = await write(taken, now, costMicros, { computeUs: one.computeUs });
          events.push({ id, taken, left: costMicros, at: now });
        } else if (one.do === 'REFUND') {
          const event = events[one.which % Math.max(1, events.length)];
          if (event === undefined) return;
          const back = Math.floor((event.left * one.share) / 100);
          event.left -= back;
          const more = { refundOf: event.id, units: 0, computeUs: 0, rows: 0 };
          await write(event.taken, one.isBackdated ? event.at : now, -back, more);
        } else if (one.do === 'PASS') room.clock.advance(one.days * DAY_MS);
        else await room.billing.closeDueAcrossTenants(3);
      }

      async function check(): Promise<void> {
        for (const buyer of buyers) {
          const statements = await allStatements(buyer);
          const billed = statements.map(({ currency, amountMicros: micros }) => ({ currency, micros }));
          const owed = ledger.filter(({ tenantId }) => tenantId === buyer.tenantId);
          expect(without0(sums(billed))).toEqual(without0(sums(owed)));
          for (const one of statements) {
            expect(one.lines.reduce((sum, line) => sum + line.amountMicros, 0)).toBe(one.amountMicros);
            const key = `${buyer.tenantId} ${keyOf(one)}`;
            if (frozen.has(key)) expect(one).toEqual(frozen.get(key));
            else if (one.status === 'CLOSED') frozen.set(key, one);
          }
          const numbers = statements.flatMap(({ number }) => (number === null ? [] : [number]));
          expect(numbers.sort((a, b) => a - b)).toEqual(numbers.map((_, i) => i + 1));
        }
      }

      for (const one of steps) {
        await perform(one);
        await check();
      }
      room.clock.advance(70 * DAY_MS);
      await room.billing.closeDueAcrossTenants(3);
      await check();
      const months = new Set<string>();
      for (const buyer of buyers) {
        for (const one of await allStatements(buyer)) {
          expect(one.status).toBe('CLOSED');
          months.add(nameOfMonth(one.periodStart));
        }
      }
      for (const owner of owners) {
        const earned: { currency: string; micros: number }[] = [];
        for (const month of months) {
          for (const one of accepted(await room.billing.earningsAcrossTenants(owner, month))) {
            earned.push({ currency: one.currency, micros: one.amountMicros });
          }
        }
        const sold = ledger.filter(({ ownerTenantId }) => ownerTenantId === owner.tenantId);
        expect(without0(sums(earned))).toEqual(without0(sums(sold)));
      }
    }),
    { numRuns: 5 },
  );
});

function without0(amounts: Record<string, number>): Record<string, number> {
  return Object.fromEntries(Object.entries(amounts).filter(([, micros]) => micros !== 0));
}

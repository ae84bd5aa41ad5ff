/**
 * Any order of reserve, settle, release, crash, sweep, limit change and month end, against a model that a person can
 * read: the books always say what the model says, `used + reserved` never passes a limit by a reservation, and the
 * ledger is the sum of what was charged.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, it, expect } from 'vitest';
import type { TenantActor } from '../../../src/domain/access/index.js';
import type { Reservation } from '../../../src/domain/metering/index.js';
import { admits, periodOf } from '../../../src/domain/metering/quota.js';
import { chargeOf, openMeteringRoom, userOf, type MeteringRoom } from '../../support/metering-room.js';

interface Held {
  readonly reservation: Reservation;
  readonly actor: TenantActor;
  readonly isKey: boolean;
  readonly period: string;
  readonly units: number;
  readonly expiresAtMs: number;
  /** Settled or given back, as the model has it. */
  isOver: boolean;
  isCharged: boolean;
}

/** Everything that the books should say. */
interface Model {
  tenantLimit: number | null;
  keyLimit: number | null;
  held: Held[];
}

interface Real {
  readonly tenantId: string;
  readonly user: TenantActor;
  readonly key: TenantActor & { readonly kind: 'apiKey' };
}

const TIMEOUT_MS = 10_000;
const MARGIN_MS = 30_000;

let room: MeteringRoom;
beforeAll(async () => {
  room = await openMeteringRoom('2027-12-20T00:00:00.000Z');
});
afterAll(() => room.stop());

const monthNow = () => periodOf(room.clock.now()).start.toISOString().slice(0, 7);

function sums(model: Model, period: string, onlyKey: boolean) {
  const mine = model.held.filter((held) => held.period === period && (!onlyKey || held.isKey));
  const total = (items: readonly Held[]) => items.reduce((sum, held) => sum + held.units, 0);
  return {
    used: total(mine.filter((held) => held.isCharged)),
    reserved: total(mine.filter((held) => !held.isOver)),
  };
}

async function booksAgree(model: Model, real: Real): Promise<void> {
  const { counters, events, held } = await room.books(real.tenantId);
  for (const { subject, period, used, reserved } of counters) {
    expect({ subject, period, used, reserved }).toEqual({
      subject,
      period,
      ...sums(model, period, subject === 'API_KEY'),
    });
  }
  expect(events).toBe(model.held.filter((held) => held.isCharged).reduce((sum, held) => sum + held.units, 0));
  expect(held).toBe(model.held.filter((held) => !held.isOver).length);
  const [quota, usage] = [await room.metering.quota(real.key, {}), await room.metering.usage(real.key, {})];
  expect(quota.ok && quota.value[0]?.used).toBe(sums(model, monthNow(), false).used);
  expect(usage.ok && usage.value.total.predictions).toBe(sums(model, monthNow(), false).used);
}

class Step implements fc.AsyncCommand<Model, Real> {
  readonly #name: string;
  readonly #act: (model: Model, real: Real) => Promise<void>;

  constructor(name: string, act: (model: Model, real: Real) => Promise<void>) {
    this.#name = name;
    this.#act = act;
  }

  check(): boolean {
    return true;
  }

  async run(model: Model, real: Real): Promise<void> {
    await this.#act(model, real);
    await booksAgree(model, real);
  }

  toString(): string {
    return this.#name;
  }
}

function reserveStep(isKey: boolean, units: number): Step {
  return new Step(`reserve(${isKey ? 'key' : 'user'}, ${units})`, async (model, real) => {
    const actor = isKey ? real.key : real.user;
    const period = monthNow();
    const tenant = sums(model, period, false);
    const key = sums(model, period, true);
    const fits =
      admits(model.tenantLimit, tenant.used, tenant.reserved, units) &&
      (!isKey || admits(model.keyLimit, key.used, key.reserved, units));
    const reserved = await room.metering.reserve(actor, { units, timeoutMs: TIMEOUT_MS });
    expect(reserved.ok).toBe(fits);
    if (!reserved.ok) return;
    const expiresAtMs = room.clock.now().getTime() + TIMEOUT_MS + MARGIN_MS;
    const held = {
      reservation: reserved.value,
      actor,
      isKey,
      period,
      units,
      expiresAtMs,
      isOver: false,
      isCharged: false,
    };
    model.held.push(held);
  });
}

function heldStep(name: string, index: number, act: (held: Held) => Promise<void>): Step {
  return new Step(`${name}(${index})`, async (model) => {
    const held = model.held[index % Math.max(1, model.held.length)];
    if (held !== undefined) await act(held);
  });
}

const index = fc.nat({ max: 30 });
const limit = fc.option(fc.nat({ max: 12 }), { nil: null });
const steps = [
  fc.tuple(fc.boolean(), fc.integer({ min: 1, max: 3 })).map(([isKey, units]) => reserveStep(isKey, units)),
  index.map((i) =>
    heldStep('settle', i, async (held) => {
      const settled = await room.metering.settle(held.actor, held.reservation, chargeOf());
      // Only a claim that is still held can be charged.
      expect(settled.ok).toBe(!held.isOver);
      if (settled.ok) Object.assign(held, { isOver: true, isCharged: true });
    }),
  ),
  index.map((i) =>
    heldStep('release', i, async (held) => {
      await room.metering.release(held.actor, held.reservation);
      held.isOver = true;
    }),
  ),
  // A crash is a reservation that nobody ends: time passes, and the sweep finds it.
  fc.constantFrom(5_000, 40_000, 86_400_000 * 9).map(
    (ms) =>
      new Step(`wait(${ms}) and sweep`, async (model) => {
        room.clock.advance(ms);
        await room.metering.sweepLeasesAcrossTenants();
        const nowMs = room.clock.now().getTime();
        for (const held of model.held) if (held.expiresAtMs <= nowMs) held.isOver = true;
      }),
  ),
  fc.tuple(fc.boolean(), limit).map(
    ([isKey, value]) =>
      new Step(`limit(${isKey ? 'key' : 'tenant'}, ${value})`, async (model, real) => {
        const [table, column, id] = isKey
          ? ['api_keys', 'id', real.key.apiKeyId]
          : ['tenant_plans', 'tenant_id', real.tenantId];
        await room.db.asOwner(`UPDATE ${table} SET predictions_per_month = $2 WHERE ${column} = $1`, [
          id,
          value,
        ]);
        if (isKey) model.keyLimit = value;
        else model.tenantLimit = value;
      }),
  ),
];

it('whatever happens in whatever order, the books agree with the model', { timeout: 120_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.commands(steps, { maxCommands: 40 }), async (commands) => {
      const tenantId = await room.tenant(8);
      const key = await room.key(tenantId, 5);
      const setup = () => ({
        model: { tenantLimit: 8, keyLimit: 5, held: [] },
        real: { tenantId, user: userOf(tenantId), key },
      });
      await fc.asyncModelRun(setup, commands);
    }),
    // Shrinking would go on with the tenant of the failed run.
    { numRuns: 25, endOnFailure: true },
  );
});

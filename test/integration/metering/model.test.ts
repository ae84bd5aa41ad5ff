/**
 * Two servers on one database. Any order of reserve, settle, release, rest, crash, sweep, limit change and month end,
 * against a model that a person can read: the books always say what the model says, a unit is admitted exactly when
 * one is left, whoever has leased it meanwhile, and the ledger is the sum of what was charged.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, it, expect } from 'vitest';
import type { TenantActor } from '../../../src/domain/access/index.js';
import type { Reservation } from '../../../src/domain/metering/index.js';
import { admits, periodOf } from '../../../src/domain/metering/quota.js';
import {
  chargeOf,
  openMeteringRoom,
  userOf,
  type MeteringRoom,
  type MeteringServer,
} from '../../support/metering-room.js';
import { until } from '../../support/until.js';

interface Held {
  readonly leaseId: string;
  readonly isKey: boolean;
  readonly period: string;
  readonly units: number;
  /** `null`: idle units of a server that crashed; nobody can end them but the sweep. */
  readonly by: { readonly server: MeteringServer; readonly reservation: Reservation } | null;
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
  readonly servers: MeteringServer[];
}

interface LeaseRow {
  readonly id: string;
  readonly isKey: boolean;
  readonly period: string;
  readonly open: number;
  readonly expiresAt: Date;
}

const REQUEST = { timeoutMs: 10_000 };
const TENANT_LIMIT = 40;
const KEY_LIMIT = 25;

let room: MeteringRoom;
let operator: TenantActor;
beforeAll(async () => {
  room = await openMeteringRoom('2027-12-20T00:00:00.000Z');
  operator = userOf(await room.tenant(null));
});
afterAll(() => room.stop());

const monthNow = () => periodOf(room.clock.now()).start.toISOString().slice(0, 7);
const actorOf = (real: Real, isKey: boolean) => (isKey ? real.key : real.user);
const restAll = (real: Real) => Promise.all(real.servers.map(({ metering }) => metering.giveBackIdle()));

function sums(model: Model, period: string, onlyKey: boolean) {
  const mine = model.held.filter((held) => held.period === period && (!onlyKey || held.isKey));
  const total = (items: readonly Held[]) => items.reduce((sum, held) => sum + held.units, 0);
  return {
    used: total(mine.filter((held) => held.isCharged)),
    reserved: total(mine.filter((held) => !held.isOver)),
  };
}

function leasesOf({ tenantId }: Real): Promise<LeaseRow[]> {
  return room.db.asOwner<LeaseRow>(
    `SELECT id, api_key_id IS NOT NULL AS "isKey", (units - charged)::float8 AS open, expires_at AS "expiresAt",
       to_char(period_start AT TIME ZONE 'UTC', 'YYYY-MM') AS period
     FROM quota_leases WHERE tenant_id = $1`,
    [tenantId],
  );
}

async function booksAgree(model: Model, real: Real): Promise<void> {
  // The servers' own service of the room has no leases: nothing is given back by looking.
  const { counters, events, held } = await room.books(real.tenantId);
  for (const { subject, period, used, reserved } of counters) {
    const expected = sums(model, period, subject === 'API_KEY');
    expect({ subject, period, used }).toEqual({ subject, period, used: expected.used });
    // The rest is idle.
    expect(reserved).toBeGreaterThanOrEqual(expected.reserved);
  }
  expect(events).toBe(model.held.filter((one) => one.isCharged).reduce((sum, one) => sum + one.units, 0));
  expect(held).toBeGreaterThanOrEqual(
    model.held.filter((one) => !one.isOver).reduce((sum, one) => sum + one.units, 0),
  );
  const [{ metering }] = real.servers as [MeteringServer];
  const [quota, usage] = [await metering.quota(real.key, {}), await metering.usage(real.key, {})];
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

async function reserve(model: Model, real: Real, at: number, isKey: boolean, units: number) {
  const period = monthNow();
  const tenant = sums(model, period, false);
  const key = sums(model, period, true);
  const fits =
    admits(model.tenantLimit, tenant.used, tenant.reserved, units) &&
    (!isKey || admits(model.keyLimit, key.used, key.reserved, units));
  const server = real.servers[at]!;
  const reserved = await server.metering.reserve(actorOf(real, isKey), { ...REQUEST, units });
  expect(reserved.ok).toBe(fits);
  if (!reserved.ok) return null;
  const { leaseId } = reserved.value;
  const by = { server, reservation: reserved.value };
  const held: Held = { leaseId, isKey, period, units, by, isOver: false, isCharged: false };
  model.held.push(held);
  return { held, by };
}

function heldStep(
  name: string,
  index: number,
  act: (held: Held, by: NonNullable<Held['by']>, actor: TenantActor) => Promise<void>,
): Step {
  return new Step(`${name}(${index})`, async (model, real) => {
    const held = model.held[index % Math.max(1, model.held.length)];
    // What a dead server held, nobody settles.
    if (held?.by == null || !real.servers.includes(held.by.server)) return;
    await act(held, held.by, actorOf(real, held.isKey));
  });
}

const index = fc.nat({ max: 60 });
const side = fc.nat({ max: 1 });
const limit = fc.option(fc.nat({ max: 60 }), { nil: null });
const steps = [
  fc.tuple(side, fc.boolean(), fc.integer({ min: 1, max: 3 })).map(
    ([at, isKey, units]) =>
      new Step(`reserve(${at}, ${isKey ? 'key' : 'user'}, ${units})`, async (model, real) => {
        await reserve(model, real, at, isKey, units);
      }),
  ),
  // Fast enough that the server takes units ahead.
  fc.tuple(side, fc.boolean(), fc.integer({ min: 2, max: 12 })).map(
    ([at, isKey, times]) =>
      new Step(`burst(${at}, ${isKey ? 'key' : 'user'}, ${times})`, async (model, real) => {
        for (let i = 0; i < times; i++) {
          const reserved = await reserve(model, real, at, isKey, 1);
          if (reserved === null) return;
          const { held, by } = reserved;
          if (i % 3 === 0) await by.server.metering.release(actorOf(real, isKey), by.reservation);
          else await by.server.metering.settle(actorOf(real, isKey), by.reservation, chargeOf());
          Object.assign(held, { isOver: true, isCharged: i % 3 !== 0 });
        }
      }),
  ),
  index.map((i) =>
    heldStep('settle', i, async (held, { server, reservation }, actor) => {
      const settled = await server.metering.settle(actor, reservation, chargeOf());
      // Only a claim that is still held can be charged.
      expect(settled.ok).toBe(!held.isOver);
      if (settled.ok) Object.assign(held, { isOver: true, isCharged: true });
    }),
  ),
  index.map((i) =>
    heldStep('release', i, async (held, { server, reservation }, actor) => {
      await server.metering.release(actor, reservation);
      held.isOver = true;
    }),
  ),
  fc.constant(
    new Step('rest', async (model, real) => {
      await restAll(real);
      // Now nothing is idle: leases hold what the model holds, to the unit.
      const open = (await leasesOf(real)).reduce((sum, lease) => sum + lease.open, 0);
      const held = model.held.filter((one) => !one.isOver).reduce((sum, one) => sum + one.units, 0);
      expect(open).toBe(held);
    }),
  ),
  side.map(
    (at) =>
      new Step(`crash(${at})`, async (model, real) => {
        const [dead] = real.servers.splice(at, 1, await room.anotherServer());
        await restAll(real);
        await dead!.crash();
        // What the dead one had idle is held until it is swept.
        for (const { id: leaseId, isKey, period, open } of await leasesOf(real)) {
          const inUse = model.held
            .filter((one) => one.leaseId === leaseId && !one.isOver)
            .reduce((sum, one) => sum + one.units, 0);
          const lost = { leaseId, isKey, period, units: open - inUse, by: null };
          if (open > inUse) model.held.push({ ...lost, isOver: false, isCharged: false });
        }
      }),
  ),
  fc.constantFrom(5_000, 40_000, 86_400_000 * 9).map(
    (ms) =>
      new Step(`wait(${ms}) and sweep`, async (model, real) => {
        await restAll(real);
        room.clock.advance(ms);
        const before = await leasesOf(real);
        await real.servers[0]!.metering.sweepLeasesAcrossTenants();
        const left = new Set((await leasesOf(real)).map(({ id }) => id));
        for (const { id, expiresAt } of before) expect(left.has(id)).toBe(expiresAt > room.clock.now());
        for (const held of model.held) if (!left.has(held.leaseId)) held.isOver = true;
      }),
  ),
  limit.map(
    (value) =>
      new Step(`tenant limit ${value}`, async (model, real) => {
        const tenantSlug = real.tenantId.replace('_', '-').slice(0, 40);
        const input = { tenantSlug, predictionsPerMonth: value };
        const set = await real.servers[0]!.metering.setTenantQuota(operator, input);
        expect(set.ok).toBe(true);
        model.tenantLimit = value;
      }),
  ),
  limit.map(
    (value) =>
      new Step(`key limit ${value}`, async (model, real) => {
        // Whatever the statement is that changes a limit: holders are asked, and answer.
        await room.db.asOwner('UPDATE api_keys SET predictions_per_month = $2 WHERE id = $1', [
          real.key.apiKeyId,
          value,
        ]);
        await until(async () => {
          const [row] = await room.db.asOwner<{ count: number }>(
            `SELECT count(*)::int AS count FROM quota_leases WHERE tenant_id = $1 AND is_loose
               AND recalled_at > clock_timestamp() - INTERVAL '1 second'`,
            [real.tenantId],
          );
          return row?.count === 0;
        });
        model.keyLimit = value;
      }),
  ),
];

it('whatever happens in whatever order, the books agree with the model', { timeout: 180_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.commands(steps, { maxCommands: 40 }), async (commands) => {
      const tenantId = await room.tenant(TENANT_LIMIT);
      const key = await room.key(tenantId, KEY_LIMIT);
      const servers = [await room.anotherServer(), await room.anotherServer()];
      const setup = () => ({
        model: { tenantLimit: TENANT_LIMIT, keyLimit: KEY_LIMIT, held: [] },
        real: { tenantId, user: userOf(tenantId), key, servers },
      });
      await fc.asyncModelRun(setup, commands);
      for (const server of servers) await server.crash();
    }),
    // Shrinking would go on with the tenant of the failed run.
    { numRuns: 25, endOnFailure: true },
  );
});

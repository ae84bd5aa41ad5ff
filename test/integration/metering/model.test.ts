/**
 * Two servers on one database. Any order of reserve, settle, release, rest, crash, sweep, limit change and month end,
 * against a model that a person can read: the books always say what the model says, a unit is admitted exactly when
 * one is left, whoever has leased it meanwhile, and the ledger is the sum of what was charged.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, it, expect } from 'vitest';
import type { TenantActor } from '../../../src/domain/access/index.js';
import type { Charge, Measure, Reservation } from '../../../src/domain/metering/index.js';
import { countedAmount, MEASURES, shownAmount } from '../../../src/domain/metering/measures.js';
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
  readonly day: string;
  /** By measure, in the order of `MEASURES`; 0 of what the lease does not hold. */
  readonly claim: readonly number[];
  /** What it was charged. */
  charged: readonly number[];
  /** `null`: idle units of a server that crashed; nobody can end them but the sweep. */
  readonly by: { readonly server: MeteringServer; readonly reservation: Reservation } | null;
  /** Settled or given back, as the model has it. */
  isOver: boolean;
}

/** Everything that the books should say. */
interface Model {
  /** By name: see `PLACES`. */
  limits: Map<string, number>;
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
  readonly day: string;
  readonly open: readonly number[];
  readonly expiresAt: Date;
}

/** The limits that come and go. The first two are those of plan and key; all count predictions of one model. */
interface Place {
  readonly isKey: boolean;
  readonly measure: Measure;
  readonly window: 'DAY' | 'MONTH' | 'LIFETIME' | 'NONE';
}
const PLACES: Readonly<Record<string, Place>> = {
  plan: { isKey: false, measure: 'PREDICTIONS', window: 'MONTH' },
  key: { isKey: true, measure: 'PREDICTIONS', window: 'MONTH' },
  'rows a day': { isKey: false, measure: 'ROWS', window: 'DAY' },
  'rows of the key a month': { isKey: true, measure: 'ROWS', window: 'MONTH' },
  compute: { isKey: false, measure: 'COMPUTE_MS', window: 'LIFETIME' },
  'compute of the key a day': { isKey: true, measure: 'COMPUTE_MS', window: 'DAY' },
  places: { isKey: false, measure: 'PLACES', window: 'NONE' },
};
const OTHERS = Object.keys(PLACES).slice(2);

interface Asked {
  readonly units: number;
  readonly rows: number;
  readonly computeUs: number;
}

const NOTHING: readonly number[] = [0, 0, 0, 0, 0, 0];
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

const dayNow = () => room.clock.now().toISOString().slice(0, 10);
const monthNow = () => periodOf(room.clock.now()).start.toISOString().slice(0, 7);
const actorOf = (real: Real, isKey: boolean) => (isKey ? real.key : real.user);
const restAll = (real: Real) => Promise.all(real.servers.map(({ metering }) => metering.giveBackIdle()));

function sums(model: Model, { isKey, measure, window }: Place, month: string, day: string) {
  const at = MEASURES.indexOf(measure);
  const mine = model.held.filter(
    (held) =>
      (!isKey || held.isKey) &&
      (window !== 'MONTH' || held.period === month) &&
      (window !== 'DAY' || held.day === day),
  );
  return {
    used: mine.reduce((sum, held) => sum + held.charged[at]!, 0),
    reserved: mine.reduce((sum, held) => sum + (held.isOver ? 0 : held.claim[at]!), 0),
  };
}

/** As the database counts. */
function countedLimit(model: Model, name: string): number | null {
  const amount = model.limits.get(name);
  return amount === undefined ? null : countedAmount(PLACES[name]!.measure, amount);
}

function leasesOf({ tenantId }: Real): Promise<LeaseRow[]> {
  return room.db.asOwner<LeaseRow>(
    `SELECT id, api_key_id IS NOT NULL AS "isKey", expires_at AS "expiresAt",
       to_char(period_start AT TIME ZONE 'UTC', 'YYYY-MM') AS period,
       to_char(day_start AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day,
       ARRAY[units - charged, greatest(0, held_rows - charged_rows), 0,
         greatest(0, held_compute_us - charged_compute_us), 0, held_places]::float8[] AS open
     FROM quota_leases l WHERE tenant_id = $1`,
    [tenantId],
  );
}

async function booksAgree(model: Model, real: Real): Promise<void> {
  // The servers' own service of the room has no leases: nothing is given back by looking.
  const { counters, events, held } = await room.books(real.tenantId);
  for (const { subject, period, used, reserved } of counters) {
    const expected = sums(model, PLACES[subject === 'API_KEY' ? 'key' : 'plan']!, period, '');
    expect({ subject, period, used }).toEqual({ subject, period, used: expected.used });
    // The rest is idle.
    expect(reserved).toBeGreaterThanOrEqual(expected.reserved);
  }
  expect(events).toBe(model.held.reduce((sum, one) => sum + one.charged[0]!, 0));
  expect(held).toBeGreaterThanOrEqual(
    model.held.filter((one) => !one.isOver).reduce((sum, one) => sum + one.claim[0]!, 0),
  );
  expect(await room.wrongLimits(real.tenantId)).toEqual([]);
  const [{ metering }] = real.servers as [MeteringServer];
  const [quota, usage] = [await metering.quota(real.key, {}), await metering.usage(real.key, {})];
  const { used } = sums(model, PLACES['plan']!, monthNow(), '');
  expect(quota.ok && quota.value[0]?.used).toBe(used);
  expect(usage.ok && usage.value.total.predictions).toBe(used);
  if (!quota.ok) return;
  for (const name of OTHERS.filter((one) => model.limits.has(one))) {
    const { isKey, measure, window } = PLACES[name]!;
    const shown = quota.value.find(
      (one) => one.measure === measure && one.window === window && (one.subject === 'API_KEY') === isKey,
    );
    const expected = sums(model, PLACES[name]!, monthNow(), dayNow());
    expect({ name, used: shown?.used }).toEqual({ name, used: shownAmount(measure, expected.used) });
    expect(shown?.reserved).toBeGreaterThanOrEqual(shownAmount(measure, expected.reserved));
  }
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

async function reserve(model: Model, real: Real, at: number, isKey: boolean, asked: Asked) {
  const [period, day] = [monthNow(), dayNow()];
  const { units, rows, computeUs } = asked;
  const whole = [units, rows, 0, computeUs, 0, 1];
  const names = [...model.limits.keys()].filter((name) => isKey || !PLACES[name]!.isKey);
  const fits = names.every((name) => {
    const { used, reserved } = sums(model, PLACES[name]!, period, day);
    return admits(countedLimit(model, name), used, reserved, whole[MEASURES.indexOf(PLACES[name]!.measure)]!);
  });
  const server = real.servers[at]!;
  const reserved = await server.metering.reserve(actorOf(real, isKey), { ...REQUEST, ...asked });
  expect({ asked, isOk: reserved.ok }).toEqual({ asked, isOk: fits });
  if (!reserved.ok) return null;
  const { leaseId } = reserved.value;
  const by = { server, reservation: reserved.value };
  // Of what nothing limits, nothing is held.
  const limited = new Set(names.map((name) => MEASURES.indexOf(PLACES[name]!.measure)).concat(0));
  const claim = whole.map((amount, place) => (limited.has(place) ? amount : 0));
  const held: Held = { leaseId, isKey, period, day, claim, charged: NOTHING, by, isOver: false };
  model.held.push(held);
  return { held, by };
}

/** Charges it in full but for compute, of which it took a part of what it claimed. */
function chargeFor({ claim }: Reservation): Charge {
  return { ...chargeOf(), rows: claim.rows, bytes: 0, computeUs: Math.floor(claim.computeUs / 3) };
}

function chargedBy({ units, claim }: Reservation): readonly number[] {
  return [units, claim.rows, 0, Math.floor(claim.computeUs / 3), 0, 0];
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

const claims: fc.Arbitrary<Asked> = fc.record({
  units: fc.integer({ min: 1, max: 3 }),
  rows: fc.nat({ max: 6 }),
  computeUs: fc.constantFrom(1_000, 4_500, 12_000),
});
const index = fc.nat({ max: 60 });
const side = fc.nat({ max: 1 });
const limit = fc.option(fc.nat({ max: 60 }), { nil: null });
const steps = [
  fc.tuple(side, fc.boolean(), claims).map(
    ([at, isKey, asked]) =>
      new Step(`reserve(${at}, ${isKey ? 'key' : 'user'}, ${JSON.stringify(asked)})`, async (model, real) => {
        await reserve(model, real, at, isKey, asked);
      }),
  ),
  // Fast enough that the server takes units ahead.
  fc.tuple(side, fc.boolean(), fc.integer({ min: 2, max: 12 })).map(
    ([at, isKey, times]) =>
      new Step(`burst(${at}, ${isKey ? 'key' : 'user'}, ${times})`, async (model, real) => {
        for (let i = 0; i < times; i++) {
          const reserved = await reserve(model, real, at, isKey, { units: 1, rows: 1, computeUs: 3_000 });
          if (reserved === null) return;
          const { held, by } = reserved;
          const { reservation } = by;
          if (i % 3 === 0) await by.server.metering.release(actorOf(real, isKey), reservation);
          else await by.server.metering.settle(actorOf(real, isKey), reservation, chargeFor(reservation));
          Object.assign(held, { isOver: true, charged: i % 3 === 0 ? NOTHING : chargedBy(reservation) });
        }
      }),
  ),
  index.map((i) =>
    heldStep('settle', i, async (held, { server, reservation }, actor) => {
      const settled = await server.metering.settle(actor, reservation, chargeFor(reservation));
      // Only a claim that is still held can be charged.
      expect(settled.ok).toBe(!held.isOver);
      if (settled.ok) Object.assign(held, { isOver: true, charged: chargedBy(reservation) });
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
      const open = total((await leasesOf(real)).map((lease) => lease.open));
      expect(open).toEqual(total(model.held.filter((one) => !one.isOver).map((one) => one.claim)));
    }),
  ),
  side.map(
    (at) =>
      new Step(`crash(${at})`, async (model, real) => {
        const [dead] = real.servers.splice(at, 1, await room.anotherServer());
        await restAll(real);
        await dead!.crash();
        // What the dead one had idle is held until it is swept.
        for (const { id: leaseId, open, isKey, period, day } of await leasesOf(real)) {
          const inUse = total(
            model.held.filter((one) => one.leaseId === leaseId && !one.isOver).map((one) => one.claim),
          );
          const claim = open.map((amount, place) => amount - inUse[place]!);
          const lost = { leaseId, isKey, period, day, claim, charged: NOTHING, by: null, isOver: false };
          if (claim.some((amount) => amount > 0)) model.held.push(lost);
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
        const input = { tenantSlug: slugOf(real), predictionsPerMonth: value };
        const set = await real.servers[0]!.metering.setTenantQuota(operator, input);
        expect(set.ok).toBe(true);
        setTo(model, 'plan', value);
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
        setTo(model, 'key', value);
      }),
  ),
  fc.tuple(fc.constantFrom(...OTHERS), fc.option(fc.nat({ max: 90 }), { nil: null }), side).map(
    ([name, amount, at]) =>
      new Step(`limit of ${name} ${amount}`, async (model, real) => {
        const { isKey, measure, window } = PLACES[name]!;
        const { metering } = real.servers[at]!;
        const whose = isKey ? { apiKeyId: real.key.apiKeyId } : { tenantSlug: slugOf(real) };
        const place = { ...whose, measure, window };
        const actor = isKey ? real.user : operator;
        const done =
          amount === null
            ? await metering.removeLimit(actor, place)
            : await metering.setLimit(actor, { ...place, amount: name === 'places' ? amount % 12 : amount });
        expect(done.ok).toBe(amount !== null || model.limits.has(name));
        setTo(model, name, name === 'places' && amount !== null ? amount % 12 : amount);
      }),
  ),
];

function setTo(model: Model, name: string, amount: number | null): void {
  if (amount === null) model.limits.delete(name);
  else model.limits.set(name, amount);
}

function slugOf({ tenantId }: Real): string {
  return tenantId.replace('_', '-').slice(0, 40);
}

function total(all: readonly (readonly number[])[]): number[] {
  const sum = [...NOTHING];
  for (const amounts of all) amounts.forEach((amount, place) => (sum[place]! += amount));
  return sum;
}

it('whatever happens in whatever order, the books agree with the model', { timeout: 180_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.commands(steps, { maxCommands: 40 }), async (commands) => {
      const tenantId = await room.tenant(TENANT_LIMIT);
      const key = await room.key(tenantId, KEY_LIMIT);
      const servers = [await room.anotherServer(), await room.anotherServer()];
      const setup = () => ({
        model: {
          limits: new Map([
            ['plan', TENANT_LIMIT],
            ['key', KEY_LIMIT],
          ]),
          held: [],
        },
        real: { tenantId, user: userOf(tenantId), key, servers },
      });
      await fc.asyncModelRun(setup, commands);
      for (const server of servers) await server.crash();
    }),
    // Shrinking would go on with the tenant of the failed run.
    { numRuns: 25, endOnFailure: true },
  );
});

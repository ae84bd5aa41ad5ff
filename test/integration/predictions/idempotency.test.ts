/** One key, one execution, one charge; and the first answer again for whoever asks again. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ApiKeyActor } from '../../../src/domain/access/index.js';
import { refuse } from '../../../src/lib/result.js';
import {
  commandFor,
  doubling,
  inNewRequest,
  NEVER,
  openPredictionsRoom,
  type PredictionsRoom,
  type SeededModel,
} from '../../support/predictions-room.js';
import { until } from '../../support/until.js';

let room: PredictionsRoom;
let tenantId: string;
let key: ApiKeyActor;
let model: SeededModel;

beforeAll(async () => {
  room = await openPredictionsRoom();
});
afterAll(() => room.stop());
beforeEach(async () => {
  room.useEngine(doubling);
  room.jobs.length = 0;
  tenantId = await room.tenant(100);
  key = await room.key(tenantId, null);
  model = await room.model(tenantId);
});

function ask(overrides = {}, service = room.predictions, signal = NEVER) {
  return service.predict(
    inNewRequest(key),
    commandFor(model, { idempotencyKey: 'once', ...overrides }),
    signal,
  );
}

async function charged(): Promise<number> {
  const { counters, events, held } = await room.books(tenantId);
  expect(held).toBe(0);
  expect(counters[0]?.used ?? 0).toBe(events);
  expect(counters[0]?.reserved ?? 0).toBe(0);
  return events;
}

describe('the same key', () => {
  it('fifty times at once runs once, charges once, and gives all the same answer', async () => {
    const results = await Promise.all(Array.from({ length: 50 }, () => ask()));
    expect(room.jobs).toHaveLength(1);
    expect(await charged()).toBe(1);
    const values = results.map((result) => (result.ok ? result.value : null));
    expect(new Set(values.map((value) => value?.id)).size).toBe(1);
    expect(values.filter((value) => value?.receipt.replayed === false)).toHaveLength(1);
    expect(values.reduce((sum, value) => sum + (value?.receipt.charged ?? NaN), 0)).toBe(1);
    for (const value of values) expect(value?.outputs).toEqual(values[0]?.outputs);
  });

  it('fifty times at once over two processes runs once', async () => {
    const other = room.anotherProcess();
    const results = await Promise.all(
      Array.from({ length: 50 }, (_, i) => ask({}, i % 2 === 0 ? room.predictions : other)),
    );
    expect(results.every((result) => result.ok)).toBe(true);
    expect(room.jobs).toHaveLength(1);
    expect(await charged()).toBe(1);
  });

  it('later, also after a newer version came, gives the recorded answer uncharged', async () => {
    const first = await ask();
    await room.db.asOwner('UPDATE models SET last_version_number = 9 WHERE id = $1', [model.modelId]);
    const again = await ask({ timeoutMs: 5 }, room.anotherProcess());
    if (!first.ok || !again.ok) throw new Error('refused');
    expect(again.value).toEqual({
      ...first.value,
      // What is left is said of now, and nothing was asked of it now.
      limits: null,
      outputs: first.value.outputs?.map((output) => ({ ...output, data: expect.anything() as unknown })),
      receipt: { ...first.value.receipt, charged: 0, replayed: true, remaining: null },
    });
    expect(Buffer.from(again.value.outputs![0]!.data)).toEqual(Buffer.from(first.value.outputs![0]!.data));
    expect(room.jobs).toHaveLength(1);
    expect(await room.predictions.readKeptOutputs(key, first.value.id)).toHaveLength(1);
    const reader = await room.key(await room.tenant(null), null);
    expect(await room.predictions.readKeptOutputs(reader, first.value.id)).toBeNull();
  });

  it('with another request is a mismatch, while it runs and afterwards', async () => {
    const inputs = [{ data: [[9, 9]] }];
    const both = await Promise.all([ask(), ask({ inputs })]);
    expect(both[1]).toMatchObject({ error: [{ code: 'IDEMPOTENCY_MISMATCH', path: ['idempotencyKey'] }] });
    expect(await ask({ inputs }, room.anotherProcess())).toMatchObject({
      error: [{ code: 'IDEMPOTENCY_MISMATCH' }],
    });
    expect(await ask({ target: { model: model.name } })).toMatchObject({
      error: [{ code: 'IDEMPOTENCY_MISMATCH' }],
    });
    expect(await charged()).toBe(1);
  });

  it('of another tenant is another key', async () => {
    await ask();
    const open = await room.model(tenantId, 'PUBLIC');
    const other = await room.key(await room.tenant(5), null);
    const result = await room.predictions.predict(other, commandFor(open, { idempotencyKey: 'once' }), NEVER);
    expect(result).toMatchObject({ ok: true, value: { receipt: { replayed: false, charged: 1 } } });
  });

  it('whose answer was too large to keep gives the receipt again, and never charges again', async () => {
    room.useEngine(async (job) => {
      const reply = await doubling(job);
      if (!reply.ok) return reply;
      const data = new Uint8Array(5 * 1024 * 1024);
      return {
        ok: true,
        value: { ...reply.value, outputs: [{ name: 'y', datatype: 'UINT8', shape: [data.length], data }] },
      };
    });
    const [first, again] = [await ask(), await ask()];
    expect(first.ok && first.value.outputs?.[0]?.data.length).toBe(5 * 1024 * 1024);
    expect(again).toMatchObject({
      ok: true,
      value: { outputs: null, hasKeptOutputs: false, receipt: { replayed: true, charged: 0 } },
    });
    expect(await charged()).toBe(1);
  });
});

describe('a failure frees the key', () => {
  it('so that a retry runs, also with another request', async () => {
    room.useEngine(() => Promise.resolve(refuse({ code: 'RUNTIME_FAILED', message: 'Bad.' })));
    const failed = await Promise.all([ask(), ask(), ask()]);
    expect(failed.every((result) => !result.ok)).toBe(true);
    expect(room.jobs).toHaveLength(1);
    room.useEngine(() => Promise.reject(new Error('a bug')));
    await expect(ask()).rejects.toThrow('a bug');
    expect(await charged()).toBe(0);
    room.useEngine(doubling);
    expect(await ask({ inputs: [{ data: [[5, 5]] }] })).toMatchObject({
      ok: true,
      value: { receipt: { charged: 1, replayed: false } },
    });
  });

  it('a first caller who goes away does not take the others along', async () => {
    const gone = new AbortController();
    let runs = 0;
    room.useEngine((job) => {
      if (++runs > 1) return doubling(job);
      gone.abort();
      return Promise.resolve(refuse({ code: 'CANCELLED', message: 'Gone.' }));
    });
    const [first, second] = await Promise.all([ask({}, room.predictions, gone.signal), ask()]);
    expect(first).toMatchObject({ error: [{ code: 'PREDICTION_FAILED', retryable: true }] });
    expect(second).toMatchObject({ ok: true, value: { receipt: { replayed: false } } });
    expect(await charged()).toBe(1);
  });
});

describe('a process that died', () => {
  async function leaveClaim(): Promise<void> {
    await room.db.asOwner(
      `INSERT INTO idempotency_records (tenant_id, key, request_hash, claim_expires_at, created_at)
       VALUES ($1, 'once', 'x', $2, $3)`,
      [tenantId, new Date(room.clock.now().getTime() + 1000), room.clock.now()],
    );
  }

  it('blocks its key until its claim has expired, then the next request takes over', async () => {
    await leaveClaim();
    expect(await ask()).toMatchObject({ error: [{ code: 'IDEMPOTENCY_MISMATCH' }] });
    room.clock.advance(1000);
    expect(await ask()).toMatchObject({ ok: true, value: { receipt: { charged: 1 } } });
  });

  it('frees its key at once where no other process can be using the database', async () => {
    const claim = `INSERT INTO idempotency_records (tenant_id, key, request_hash, claim_expires_at, created_at)
      VALUES ($1, 'once', 'x', $2, $3)`;
    const now = room.clock.now();
    await room.db.asOwner(claim, [tenantId, new Date(now.getTime() + 40_000), new Date(now.getTime() - 1)]);
    const successor = room.anotherProcess({ othersDiedBefore: now });
    const both = await Promise.all([ask({}, successor), ask({}, successor)]);
    expect(both.every((result) => result.ok)).toBe(true);
    expect(room.jobs).toHaveLength(1);
    expect(await charged()).toBe(1);
  });

  /** A process whose database can go away. */
  function losingProcess() {
    const { database } = room.db;
    const state = { isAway: false };
    const service = room.anotherProcess({
      database: {
        transaction: (context, work) => database.transaction(context, work),
        accessEpoch: () => database.accessEpoch(),
        single: (context) => database.single(context),
        sql: async (context, work) => {
          if (state.isAway) throw new Error('away');
          return database.sql(context, work);
        },
      },
    });
    return { state, service };
  }

  async function loseClaim() {
    const { state, service } = losingProcess();
    room.useEngine(() => {
      state.isAway = true;
      return Promise.reject(new Error('a bug'));
    });
    await expect(ask({}, service)).rejects.toThrow('a bug');
    return { state, service };
  }

  it('that lost its database for a while frees the key for all others when it is back', async () => {
    const { state, service } = await loseClaim();
    room.useEngine(doubling);
    expect(await ask({ timeoutMs: 60 }, room.anotherProcess())).toMatchObject({
      error: [{ code: 'DEADLINE_EXCEEDED' }],
    });
    await expect(service.giveBackClaimsAcrossTenants()).rejects.toThrow('away');
    state.isAway = false;
    await service.giveBackClaimsAcrossTenants();
    expect(await ask({}, room.anotherProcess())).toMatchObject({
      ok: true,
      value: { receipt: { charged: 1 } },
    });
  });

  it('that lost its database for a while does not take the key from whoever took it over', async () => {
    const { state, service } = await loseClaim();
    let finish = () => {};
    const held = new Promise<void>((resolve) => (finish = resolve));
    room.useEngine(async (job) => {
      await held;
      return doubling(job);
    });
    room.clock.advance(60_000);
    const other = ask({}, room.anotherProcess());
    await until(() => room.jobs.length === 2);
    state.isAway = false;
    await service.giveBackClaimsAcrossTenants();
    expect(await ask({ timeoutMs: 60 }, room.anotherProcess())).toMatchObject({
      error: [{ code: 'DEADLINE_EXCEEDED' }],
    });
    finish();
    expect((await other).ok).toBe(true);
    expect(await charged()).toBe(1);
  });

  it('that lost its database for a while does not block its own keys', async () => {
    const { state, service } = losingProcess();
    room.useEngine(() => {
      state.isAway = true;
      return Promise.reject(new Error('a bug'));
    });
    await expect(ask({}, service)).rejects.toThrow('a bug');
    await expect(ask({}, service)).rejects.toThrow('away');
    state.isAway = false;
    room.useEngine(doubling);
    expect(await ask({ inputs: [{ data: [[5, 5]] }], timeoutMs: 1_000 }, service)).toMatchObject({
      ok: true,
      value: { receipt: { charged: 1, replayed: false } },
    });
    expect(await charged()).toBe(1);
  });

  it('is not confused with the successor itself: a claim that was taken over is a fresh one', async () => {
    const now = room.clock.now();
    await room.db.asOwner(
      `INSERT INTO idempotency_records (tenant_id, key, request_hash, claim_expires_at, created_at)
       VALUES ($1, 'once', 'x', $2, $3)`,
      [tenantId, new Date(now.getTime() + 40_000), new Date(now.getTime() - 1)],
    );
    let finish = () => {};
    const held = new Promise<void>((resolve) => (finish = resolve));
    room.useEngine(async (job) => {
      await held;
      return doubling(job);
    });
    const first = ask({}, room.anotherProcess({ othersDiedBefore: now }));
    await until(() => room.jobs.length === 1);
    // Another service object shares no memory with the first: it meets the claim in the database.
    const second = ask({ timeoutMs: 100 }, room.anotherProcess({ othersDiedBefore: now }));
    expect(await second).toMatchObject({ error: [{ code: 'DEADLINE_EXCEEDED' }] });
    finish();
    expect((await first).ok).toBe(true);
    expect(room.jobs).toHaveLength(1);
    expect(await charged()).toBe(1);
  });

  it('a request that waits for another process gives up at its own deadline', async () => {
    let finish = () => {};
    const held = new Promise<void>((resolve) => (finish = resolve));
    room.useEngine(async (job) => {
      await held;
      return doubling(job);
    });
    const first = ask();
    await until(() => room.jobs.length === 1);
    expect(await ask({ timeoutMs: 100 }, room.anotherProcess())).toMatchObject({
      error: [{ code: 'DEADLINE_EXCEEDED' }],
    });
    expect(await ask({ timeoutMs: 50 })).toMatchObject({ error: [{ code: 'DEADLINE_EXCEEDED' }] });
    finish();
    expect((await first).ok).toBe(true);
    expect(await charged()).toBe(1);
  });

  it('that was only slow and was taken over records nothing and charges nothing', async () => {
    const other = room.anotherProcess();
    room.useEngine(async (job) => {
      if (room.jobs.length > 1) return doubling(job);
      // So slow that its claim expires (its reservation too, but nobody sweeps), and another takes the key.
      room.clock.advance(60_000);
      expect(await ask({}, other)).toMatchObject({ ok: true, value: { receipt: { charged: 1 } } });
      return doubling(job);
    });
    expect(await ask()).toMatchObject({ error: [{ code: 'PREDICTION_FAILED', retryable: true }] });
    expect(await charged()).toBe(1);
  });
});

it('an answered key never expires: ten years later, in another process, the first answer comes, uncharged', async () => {
  const first = await ask();
  room.clock.advance(10 * 365 * 86_400_000);
  await room.metering.sweepLeasesAcrossTenants();
  const again = await ask({}, room.anotherProcess({ othersDiedBefore: room.clock.now() }));
  if (!first.ok || !again.ok) throw new Error('refused');
  expect(again.value).toMatchObject({ id: first.value.id, receipt: { replayed: true, charged: 0 } });
  expect(Buffer.from(again.value.outputs![0]!.data)).toEqual(Buffer.from(first.value.outputs![0]!.data));
  expect(await ask({ inputs: [{ data: [[9, 9]] }] }, room.anotherProcess())).toMatchObject({
    error: [{ code: 'IDEMPOTENCY_MISMATCH' }],
  });
  expect(room.jobs).toHaveLength(1);
  expect(await charged()).toBe(1);
});

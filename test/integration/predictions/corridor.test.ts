/** Every step of the corridor passes on or answers, and only an answer is charged. */
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
import { userOf } from '../../support/metering-room.js';

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
  tenantId = await room.tenant(100);
  key = await room.key(tenantId, 100);
  model = await room.model(tenantId, 'PRIVATE', 2);
});

async function used(): Promise<number[]> {
  const { counters, events, held } = await room.books(tenantId);
  return [counters[0]?.used ?? 0, counters[0]?.reserved ?? 0, events, held];
}

async function codes(actor = key, command = commandFor(model), signal = NEVER): Promise<string[]> {
  const result = await room.predictions.predict(actor, command, signal);
  return result.ok ? ['OK'] : result.error.map((refusal) => refusal.code);
}

describe('an answer', () => {
  it('carries the outputs and a receipt of exactly what ran, and is charged', async () => {
    const result = await room.predictions.predict(
      key,
      commandFor(model, {
        inputs: [
          {
            data: [
              [1, 2],
              [3, 4],
            ],
          },
        ],
      }),
      NEVER,
    );
    if (!result.ok) throw new Error(JSON.stringify(result.error));
    const { outputs, receipt, versionId, createdAt, id } = result.value;
    expect([...new Float32Array(outputs![0]!.data.buffer)]).toEqual([2, 4, 6, 8]);
    expect(versionId).toBe(model.versionIds[1]);
    expect(createdAt).toEqual(room.clock.now());
    expect(receipt).toEqual({
      requestId: key.requestId,
      alias: null,
      model: model.name,
      versionId: model.versionIds[1],
      versionNumber: 2,
      sha256: `sha-${model.versionIds[1]}`,
      runtime: 'tfjs-wasm',
      worker: 'w1',
      batchSize: 1,
      batchRows: 2,
      rows: 2,
      queueMs: 1,
      batchMs: 0.3,
      loadMs: 2,
      computeMs: 3,
      charged: 1,
      replayed: false,
      cost: null,
      remaining: 99,
    });
    expect(await used()).toEqual([1, 0, 1, 0]);
    // What is read later is the same receipt.
    const [later] = await room.predictions.getPredictionsByIds(key, [id]);
    expect(later).toEqual({
      ...result.value,
      outputs: null,
      hasKeptOutputs: false,
      limits: null,
      receipt: { ...receipt, remaining: null },
    });
  });

  it('the engine gets the pack by its digest, the tenant as fairness key, and the time that is left', async () => {
    await codes();
    expect(room.jobs.at(-1)).toMatchObject({
      artifact: {
        digest: `pack-${model.versionIds[1]}`,
        path: `/packs/pack-${model.versionIds[1]}`,
        runtime: 'tfjs-wasm',
      },
      fairnessKey: tenantId,
    });
    const { timeoutMs } = room.jobs.at(-1)!;
    expect(timeoutMs > 0 && timeoutMs <= 20_000).toBe(true);
  });

  it.each([
    ['a version', () => ({ versionId: model.versionIds[0]! }), 1],
    ['the newest of a model', () => ({ modelId: model.modelId }), 2],
    ['a name', () => ({ model: model.name }), 2],
    ['a name and a number', () => ({ model: `${model.name}:1` }), 1],
  ])('%s can be the target', async (_, target, number) => {
    const result = await room.predictions.predict(key, commandFor(model, { target: target() }), NEVER);
    expect(result.ok && result.value.receipt.versionNumber).toBe(number);
  });
});

describe('who may run what', () => {
  it('what the tenant may not see does not exist, in the same words as what is not there', async () => {
    const hidden = await room.model(await room.tenant(null));
    const answers = await Promise.all(
      [
        { versionId: hidden.versionIds[0]! },
        { model: hidden.name },
        { modelId: 'mdl_none' },
        { model: '../x' },
        { model: `${model.name}:9` },
      ].map((target) => room.predictions.predict(key, commandFor(model, { target }), NEVER)),
    );
    for (const answer of answers) expect(answer).toEqual(answers[0]);
    expect(answers[0]).toMatchObject({ error: [{ code: 'NOT_FOUND', path: ['target'] }] });
  });

  it('a public model may be run, one that is only shown may not, and a grant decides for a private one', async () => {
    const owner = await room.tenant(null);
    const open = await room.model(owner, 'PUBLIC');
    const shown = await room.model(owner, 'PUBLIC', 1, 'VIEW');
    const viewed = await room.model(owner);
    await room.grant(viewed, owner, tenantId, ['VIEW']);
    const granted = await room.model(owner);
    await room.grant(granted, owner, tenantId, ['PREDICT']);
    expect(await codes(key, commandFor(open))).toEqual(['OK']);
    expect(await codes(key, commandFor(shown))).toEqual(['NOT_ENTITLED']);
    expect(await codes(key, commandFor(viewed))).toEqual(['NOT_ENTITLED']);
    expect(await codes(key, commandFor(granted))).toEqual(['OK']);
    // The consumer pays, and the ledger says whose model it was.
    const events = await room.db.asOwner('SELECT owner_tenant_id FROM usage_ledger WHERE tenant_id = $1', [
      tenantId,
    ]);
    expect(events).toEqual([{ owner_tenant_id: owner }, { owner_tenant_id: owner }]);
  });

  it('needs PREDICTION_RUN before anything else is looked at', async () => {
    const reader = await room.key(tenantId, null, ['USAGE_READ']);
    expect(await codes(reader, commandFor(model, { timeoutMs: -1 }))).toEqual(['PERMISSION_DENIED']);
  });
});

describe('what is not an answer costs nothing', () => {
  it.each([
    [
      'inputs that do not fit',
      { inputs: [{ data: [[1, 2, 3]] }, { name: 'z', data: [1] }] },
      ['INVALID_INPUT', 'INVALID_INPUT'],
    ],
    [
      'a timeout out of bounds and an endless key',
      { timeoutMs: 0, idempotencyKey: 'k'.repeat(201) },
      ['INVALID_INPUT', 'INVALID_INPUT'],
    ],
    ['a key that is no text', { idempotencyKey: 'a\u0000b' }, ['INVALID_INPUT']],
  ])('%s', async (_, overrides, expected) => {
    expect(await codes(key, commandFor(model, overrides))).toEqual(expected);
    expect(await used()).toEqual([0, 0, 0, 0]);
  });

  it.each([
    [
      { code: 'OVERLOADED', message: 'Full.', retryAfterMs: 12.3 } as const,
      { code: 'OVERLOADED', retryAfterMs: 13 },
    ],
    [{ code: 'DEADLINE_EXCEEDED', message: 'Late.' } as const, { code: 'DEADLINE_EXCEEDED' }],
    [{ code: 'CANCELLED', message: 'Gone.' } as const, { code: 'PREDICTION_FAILED', retryable: true }],
    [{ code: 'WORKER_LOST', message: 'Lost.' } as const, { code: 'PREDICTION_FAILED', retryable: true }],
    [{ code: 'LOAD_FAILED', message: 'Bad.' } as const, { code: 'PREDICTION_FAILED', retryable: false }],
    [{ code: 'RUNTIME_FAILED', message: 'Bad.' } as const, { code: 'PREDICTION_FAILED', retryable: false }],
  ])('the pool’s %o', async (refusal, expected) => {
    room.useEngine(() => Promise.resolve(refuse(refusal)));
    const result = await room.predictions.predict(key, commandFor(model), NEVER);
    expect(result).toMatchObject({ ok: false, error: [expected] });
    expect(await used()).toEqual([0, 0, 0, 0]);
    expect(room.observed.at(-1)).toMatchObject({ outcome: expected.code, prediction: null });
  });

  it('a fault of the engine is thrown, and the units are back', async () => {
    room.useEngine(() => Promise.reject(new Error('a bug')));
    await expect(room.predictions.predict(key, commandFor(model), NEVER)).rejects.toThrow('a bug');
    expect(await used()).toEqual([0, 0, 0, 0]);
    expect(room.observed.at(-1)).toMatchObject({ outcome: 'FAULT' });
  });

  it('a caller who has gone before the answer is not charged', async () => {
    const gone = new AbortController();
    room.useEngine((job) => {
      gone.abort();
      return doubling(job);
    });
    expect(await codes(key, commandFor(model), gone.signal)).toEqual(['PREDICTION_FAILED']);
    expect(await used()).toEqual([0, 0, 0, 0]);
  });

  it('a prediction so late that its place was given back is not answered and not charged', async () => {
    room.useEngine(async (job) => {
      room.clock.advance(60_000);
      await room.metering.sweepLeasesAcrossTenants();
      return doubling(job);
    });
    const result = await room.predictions.predict(key, commandFor(model), NEVER);
    expect(result).toMatchObject({ error: [{ code: 'PREDICTION_FAILED', retryable: true }] });
    expect(await used()).toEqual([0, 0, 0, 0]);
  });

  it('with K left and many more at once, some of them failing, K are answered in the end and the books agree', async () => {
    const few = await room.key(tenantId, 20);
    let runs = 0;
    room.useEngine((job) =>
      ++runs % 4 === 0 ? Promise.resolve(refuse({ code: 'WORKER_LOST', message: 'Lost.' })) : doubling(job),
    );
    let answered = 0;
    for (let round = 0; round < 4; round++) {
      const outcomes = await Promise.all(Array.from({ length: 40 }, () => codes(inNewRequest(few))));
      answered += outcomes.filter(([code]) => code === 'OK').length;
    }
    expect(answered).toBe(20);
    expect(await used()).toEqual([20, 0, 20, 0]);
    const refused = await room.predictions.predict(few, commandFor(model), NEVER);
    expect(refused).toMatchObject({
      error: [{ code: 'QUOTA_EXCEEDED', subject: 'API_KEY', limit: 20, used: 20 }],
    });
  });
});

describe('predictions as they are read later', () => {
  it('come newest first, page by page, narrowed by what is asked, and only those of the tenant', async () => {
    const other = await room.model(tenantId);
    const user = userOf(tenantId);
    const ids: string[] = [];
    for (const [actor, target] of [
      [key, model],
      [user, other],
      [key, other],
      [key, model],
      [user, model],
    ] as const) {
      room.clock.advance(1000);
      const result = await room.predictions.predict(inNewRequest(actor), commandFor(target), NEVER);
      if (result.ok) ids.unshift(result.value.id);
    }
    const first = await room.predictions.predictions(user, { first: 3 });
    if (!first.ok) throw new Error('refused');
    const second = await room.predictions.predictions(user, { first: 3, after: first.value.cursors.at(-1) });
    if (!second.ok) throw new Error('refused');
    expect([...first.value.items, ...second.value.items].map((item) => item.id)).toEqual(ids);
    expect([first.value.hasNextPage, second.value.hasNextPage]).toEqual([true, false]);

    const count = async (filter: object) => {
      const page = await room.predictions.predictions(user, { filter });
      return page.ok ? page.value.items.length : -1;
    };
    expect(await count({ modelId: other.modelId })).toBe(2);
    expect(await count({ apiKeyId: key.apiKeyId, versionId: model.versionIds[1] })).toBe(2);
    expect(await count({ requestId: first.value.items[0]?.receipt.requestId })).toBe(1);

    const stranger = userOf(await room.tenant(null));
    expect(await room.predictions.prediction(stranger, ids[0]!)).toEqual({ ok: true, value: null });
    expect(await room.predictions.predictions(stranger, {})).toMatchObject({ value: { items: [] } });
    const blind = userOf(tenantId, ['PREDICTION_RUN']);
    expect(await room.predictions.prediction(blind, ids[0]!)).toMatchObject({
      error: { code: 'PERMISSION_DENIED' },
    });
    expect(await room.predictions.getPredictionsByIds(blind, ids)).toEqual(ids.map(() => null));
    expect(await room.predictions.predictions(user, { after: 'x' })).toMatchObject({
      error: { code: 'INVALID_INPUT' },
    });
  });
});

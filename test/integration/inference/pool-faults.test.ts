/** What the pool does when a worker crashes, hangs or cannot start: real threads, an engine that misbehaves. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { InferenceEngine, type EngineOptions, type InferenceReply } from '../../../src/inference/index.js';
import type { InferenceRefusal } from '../../../src/inference/index.js';
import type { Result } from '../../../src/lib/result.js';
import { buildFaultyWorker, faultyModel, orderJob } from '../../support/faulty-worker-entry.js';
import { silentLogger } from '../../support/silent-logger.js';
import { until } from '../../support/until.js';

let directory: string;
let workerEntry: URL;
const engines: InferenceEngine[] = [];

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'souk-pool-'));
  workerEntry = await buildFaultyWorker(directory);
});

afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
});

afterEach(async () => {
  await Promise.all(engines.splice(0).map((engine) => engine.stop({ graceMs: 0 })));
});

async function startEngine(options: Partial<EngineOptions> = {}): Promise<InferenceEngine> {
  const engine = new InferenceEngine({
    logger: silentLogger(),
    workers: 2,
    memoryBudgetBytes: 2_000,
    environment: {},
    workerEntry,
    ...options,
  });
  engines.push(engine);
  await engine.start();
  return engine;
}

function busyWorkers(engine: InferenceEngine): number {
  return engine.stats().workers.filter(({ state }) => state === 'busy').length;
}

function readyWorkers(engine: InferenceEngine): number {
  return engine.stats().workers.filter(({ state }) => state === 'ready').length;
}

function codeOf(result: Result<InferenceReply, InferenceRefusal>): string {
  return result.ok ? 'OK' : result.error.code;
}

describe('a crash', () => {
  it('is retried once on another worker, then answered WORKER_LOST, and both places are filled again within 2 s', async () => {
    const engine = await startEngine();
    const neighbour = faultyModel(directory, { seed: 'neighbour' });

    const [crashed, innocent] = await Promise.all([
      engine.infer(orderJob(faultyModel(directory), { do: 'exit' })),
      engine.infer(orderJob(neighbour, { do: 'echo' })),
    ]);
    const lostAtMs = performance.now();
    await until(() => readyWorkers(engine) === 2);

    expect(codeOf(crashed)).toBe('WORKER_LOST');
    expect(codeOf(innocent)).toBe('OK');
    expect(performance.now() - lostAtMs).toBeLessThan(2_000);
    expect(engine.stats().counters).toMatchObject({ crashes: 2, retries: 1 });
  });

  it('of the JavaScript heap costs the worker, not the process', async () => {
    const engine = await startEngine({ maxHeapBytesPerWorker: 2 ** 25 });

    const result = await engine.infer(
      orderJob(faultyModel(directory), { do: 'fill-heap' }, { timeoutMs: 30_000 }),
    );

    expect(result).toMatchObject({
      ok: false,
      error: { code: 'WORKER_LOST', message: expect.stringContaining('memory') as string },
    });
    await until(() => readyWorkers(engine) === 2);
  });

  it('repeated three times sets the model aside with the reason, and only this model', async () => {
    const engine = await startEngine();
    const poison = faultyModel(directory, { seed: 'poison' });

    await engine.infer(orderJob(poison, { do: 'exit' }));
    const last = await engine.infer(orderJob(poison, { do: 'exit' }));
    const after = await engine.infer(orderJob(poison, { do: 'echo' }));

    expect(last).toMatchObject({ ok: false, error: { code: 'LOAD_FAILED' } });
    expect(after).toMatchObject({
      ok: false,
      error: {
        code: 'LOAD_FAILED',
        message: expect.stringMatching(/set aside until .* crashed 3 times/) as string,
      },
    });
    expect(engine.stats().quarantinedModels).toBe(1);
    expect(codeOf(await engine.infer(orderJob(faultyModel(directory), { do: 'echo' })))).toBe('OK');
  });

  it('five times over leaves a pool that still answers', async () => {
    const engine = await startEngine({ workers: 1, quarantine: { crashes: 100 } });
    const model = faultyModel(directory);
    for (let round = 0; round < 5; round++) {
      expect(codeOf(await engine.infer(orderJob(model, { do: 'exit' })))).toBe('WORKER_LOST');
      expect(codeOf(await engine.infer(orderJob(model, { do: 'echo' })))).toBe('OK');
    }
    expect(engine.stats().workers[0]?.replaced).toBe(10);
  });
});

describe('an engine that traps', () => {
  it('answers RUNTIME_FAILED without a retry, and its worker is replaced', async () => {
    const engine = await startEngine({ workers: 1 });
    const model = faultyModel(directory);

    const trapped = await engine.infer(orderJob(model, { do: 'trap' }));

    expect(trapped).toMatchObject({ ok: false, error: { code: 'RUNTIME_FAILED' } });
    expect(codeOf(await engine.infer(orderJob(model, { do: 'echo' })))).toBe('OK');
    expect(engine.stats()).toMatchObject({
      counters: { retries: 0, crashes: 1 },
      workers: [{ replaced: 1 }],
    });
  });

  it('tells no path of this machine in its message', async () => {
    const engine = await startEngine();

    const result = await engine.infer(orderJob(faultyModel(directory), { do: 'throw' }));

    expect(result).toMatchObject({
      ok: false,
      error: {
        code: 'RUNTIME_FAILED',
        message: 'The model failed while running: the model is unhappy with (path)',
      },
    });
  });
});

describe('a deadline', () => {
  it.each([
    ['a JavaScript loop', { do: 'hang' } as const],
    ['a native call', { do: 'native-call', ms: 3_000 } as const],
  ])('during %s is answered on time, and the place works again within 2 s', async (_, order) => {
    const engine = await startEngine({ workers: 1, limits: { overrunGraceMs: 100 } });
    const model = faultyModel(directory);
    await engine.warm(model);
    const startedAtMs = performance.now();

    const late = await engine.infer(orderJob(model, order, { timeoutMs: 200 }));
    const answeredAfterMs = performance.now() - startedAtMs;
    const next = await engine.infer(orderJob(model, { do: 'echo' }));

    expect(codeOf(late)).toBe('DEADLINE_EXCEEDED');
    expect(answeredAfterMs).toBeLessThan(450);
    expect(codeOf(next)).toBe('OK');
    expect(performance.now() - startedAtMs).toBeLessThan(2_200);
    expect(engine.stats().counters).toMatchObject({ overruns: 1, crashes: 0 });
  });

  it('missed by a little does not cost the worker', async () => {
    const engine = await startEngine({ workers: 1, limits: { overrunGraceMs: 2_000 } });
    const model = faultyModel(directory);
    await engine.warm(model);

    const late = await engine.infer(orderJob(model, { do: 'wait', ms: 200 }, { timeoutMs: 50 }));
    const next = await engine.infer(orderJob(model, { do: 'echo' }));

    expect([codeOf(late), codeOf(next)]).toEqual(['DEADLINE_EXCEEDED', 'OK']);
    expect(engine.stats().workers[0]?.replaced).toBe(0);
  });

  it('shorter than loading is answered on time while the load goes on for the next caller', async () => {
    const engine = await startEngine({ workers: 1, limits: { overrunGraceMs: 0 } });
    const model = faultyModel(directory, { seed: 'slow to load', loadMs: 400 });

    const first = await engine.infer(orderJob(model, { do: 'echo' }, { timeoutMs: 100 }));
    const second = await engine.infer(orderJob(model, { do: 'echo' }));

    expect([codeOf(first), codeOf(second)]).toEqual(['DEADLINE_EXCEEDED', 'OK']);
    expect(engine.stats().counters.loads).toBe(1);
    expect(engine.stats().workers[0]?.replaced).toBe(0);
  });

  it('leaves at most the stated number of threads behind in native calls', async () => {
    const engine = await startEngine({ workers: 1, maxStuckThreads: 0, limits: { overrunGraceMs: 0 } });
    const model = faultyModel(directory);
    await engine.warm(model);
    const startedAtMs = performance.now();

    await engine.infer(orderJob(model, { do: 'native-call', ms: 1_000 }, { timeoutMs: 100 }));
    await until(() => engine.stats().workers[0]?.state === 'waiting');
    expect(engine.stats().stuckThreads).toBe(1);
    expect(codeOf(await engine.infer(orderJob(model, { do: 'echo' })))).toBe('OK');

    expect(performance.now() - startedAtMs).toBeGreaterThan(900);
    expect(engine.stats().stuckThreads).toBe(0);
  });
});

describe('the queue', () => {
  it('refuses at once when it is full, with a time to come back', async () => {
    const engine = await startEngine({ workers: 1, queue: { maxQueued: 2 } });
    const model = faultyModel(directory);
    await engine.warm(model);
    const running = engine.infer(orderJob(model, { do: 'wait', ms: 300 }));
    await until(() => busyWorkers(engine) === 1);
    const waiting = [0, 1].map(() => engine.infer(orderJob(model, { do: 'echo' })));
    const askedAtMs = performance.now();

    const refused = await engine.infer(orderJob(model, { do: 'echo' }));

    expect(performance.now() - askedAtMs).toBeLessThan(100);
    expect(refused).toMatchObject({ ok: false, error: { code: 'OVERLOADED' } });
    expect(!refused.ok && refused.error.code === 'OVERLOADED' && refused.error.retryAfterMs).toBeGreaterThan(
      0,
    );
    expect((await Promise.all([running, ...waiting])).map(codeOf)).toEqual(['OK', 'OK', 'OK']);
  });

  it('lets a cancelled job go at once, and answers a deadline while queued', async () => {
    const engine = await startEngine({ workers: 1 });
    const model = faultyModel(directory);
    const running = engine.infer(orderJob(model, { do: 'wait', ms: 400 }));
    await until(() => busyWorkers(engine) === 1);
    const controller = new AbortController();
    const cancelled = engine.infer(orderJob(model, { do: 'exit' }, { signal: controller.signal }));
    const late = engine.infer(orderJob(model, { do: 'exit' }, { timeoutMs: 50 }));

    controller.abort();

    expect(codeOf(await cancelled)).toBe('CANCELLED');
    expect(await late).toMatchObject({
      error: { code: 'DEADLINE_EXCEEDED', message: expect.stringContaining('waiting') as string },
    });
    expect(engine.stats().queued).toBe(0);
    expect(codeOf(await running)).toBe('OK');
    expect(engine.stats().counters.crashes).toBe(0);
  });

  it('serves a quiet key between the jobs of a loud one', async () => {
    const engine = await startEngine({ workers: 1 });
    const model = faultyModel(directory);
    const order: string[] = [];
    const submit = async (fairnessKey: string): Promise<void> => {
      await engine.infer(orderJob(model, { do: 'wait', ms: 5 }, { fairnessKey }));
      order.push(fairnessKey);
    };

    const loud = Array.from({ length: 20 }, () => submit('loud'));
    await Promise.all([...loud, submit('quiet')]);

    expect(order.indexOf('quiet')).toBeLessThanOrEqual(2);
  });
});

describe('stop', () => {
  it('lets running and waiting jobs finish, and refuses new ones', async () => {
    const engine = await startEngine({ workers: 1 });
    const model = faultyModel(directory);
    const admitted = [0, 1, 2].map(() => engine.infer(orderJob(model, { do: 'wait', ms: 50 })));

    const stopped = engine.stop({ graceMs: 5_000 });

    expect(codeOf(await engine.infer(orderJob(model, { do: 'echo' })))).toBe('OVERLOADED');
    expect((await Promise.all(admitted)).map(codeOf)).toEqual(['OK', 'OK', 'OK']);
    await stopped;
    expect(engine.stats().workers.map(({ state }) => state)).toEqual(['gone']);
  });

  it('answers what does not finish within the grace', async () => {
    const engine = await startEngine({ workers: 1 });
    const model = faultyModel(directory);
    const running = engine.infer(orderJob(model, { do: 'hang' }));
    const waiting = engine.infer(orderJob(model, { do: 'echo' }));
    await until(() => busyWorkers(engine) === 1);

    await engine.stop({ graceMs: 50 });

    expect([codeOf(await running), codeOf(await waiting)]).toEqual(['WORKER_LOST', 'OVERLOADED']);
    expect(engine.stats().workers.map(({ state }) => state)).toEqual(['gone']);
  });
});

describe('start', () => {
  it('fails with one sentence when no worker can start, and does not go on trying', async () => {
    const entry = join(directory, 'broken.mjs');
    writeFileSync(entry, 'process.exit(3);');
    const engine = new InferenceEngine({
      logger: silentLogger(),
      workers: 2,
      environment: {},
      workerEntry: pathToFileURL(entry),
    });

    await expect(engine.start()).rejects.toThrow('No inference worker can start: it ended with code 3');
    expect(engine.stats().workers.map(({ state, replaced }) => [state, replaced])).toEqual([
      ['waiting', 0],
      ['waiting', 0],
    ]);
  });

  it('goes on without an engine that cannot be loaded, and refuses only the models that need it', async () => {
    const engine = await startEngine({
      workerEntry: await buildFaultyWorker(directory, { unavailable: ['tfjs-node'] }),
    });

    const refused = await engine.infer(
      orderJob(faultyModel(directory, { runtime: 'tfjs-node' }), { do: 'echo' }),
    );
    const served = await engine.infer(orderJob(faultyModel(directory), { do: 'echo' }));

    expect(refused).toMatchObject({
      ok: false,
      error: {
        code: 'LOAD_FAILED',
        message:
          'The model needs the tfjs-node engine, which is not available here: tfjs-node has no library here.',
      },
    });
    expect(codeOf(served)).toBe('OK');
  });

  it('fails with one sentence when no engine can be loaded', async () => {
    const unavailable = ['tfjs-node', 'tfjs-wasm'] as const;
    const broken = await buildFaultyWorker(directory, { unavailable });

    await expect(startEngine({ workerEntry: broken })).rejects.toThrow(
      'no engine can be used: tfjs-node has no library here. tfjs-wasm has no library here.',
    );
  });
});

describe('models in memory', () => {
  it('are evicted least recently used first, under the budget of each worker', async () => {
    const engine = await startEngine({ workers: 1, memoryBudgetBytes: 250 });
    const [a, b, c] = ['a', 'b', 'c'].map((seed) => faultyModel(directory, { seed, bytes: 100 }));
    if (a === undefined || b === undefined || c === undefined) throw new Error('There are three models.');

    for (const model of [a, b, a, c]) await engine.infer(orderJob(model, { do: 'echo' }));

    const [worker] = engine.stats().workers;
    expect(worker?.residents.map(({ digest }) => digest)).toEqual([a.digest, c.digest]);
    expect(worker?.residentBytes).toBe(200);
  });

  it('are used where they are, and go everywhere when they are evicted', async () => {
    const engine = await startEngine();
    const model = faultyModel(directory);
    const first = await engine.infer(orderJob(model, { do: 'echo' }));
    const second = await engine.infer(orderJob(model, { do: 'echo' }));
    expect(first.ok && second.ok && first.value.worker === second.value.worker).toBe(true);
    expect(second).toMatchObject({ value: { timings: { loadMs: 0 } } });

    await engine.evict(model.digest);

    expect(engine.stats().workers.flatMap(({ residents }) => residents)).toEqual([]);
  });

  it('that exceed the budget are refused with both figures', async () => {
    const engine = await startEngine({ workers: 1, memoryBudgetBytes: 250 });

    const result = await engine.infer(
      orderJob(faultyModel(directory, { seed: 'big', bytes: 300 }), { do: 'echo' }),
    );

    expect(result).toMatchObject({
      error: { code: 'LOAD_FAILED', message: 'The model needs 300 bytes of memory; a worker may hold 250.' },
    });
  });
});

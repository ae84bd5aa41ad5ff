/** How the pool shares workers between requests, keys and models: real threads, an engine that obeys orders. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { InferenceEngine, type EngineOptions, type InferenceReply } from '../../../src/inference/index.js';
import type { InferenceRefusal } from '../../../src/inference/index.js';
import { decodeBytesElements } from '../../../src/inference/tensors.js';
import type { Result } from '../../../src/lib/result.js';
import {
  buildFaultyWorker,
  faultyModel,
  orderJob,
  rowsJob,
  type Order,
} from '../../support/faulty-worker-entry.js';
import { silentLogger } from '../../support/silent-logger.js';
import { until } from '../../support/until.js';

let directory: string;
let workerEntry: URL;
const engines: InferenceEngine[] = [];

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'souk-sharing-'));
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
    workers: 1,
    memoryBudgetBytes: 2_000,
    environment: {},
    workerEntry,
    ...options,
  });
  engines.push(engine);
  await engine.start();
  return engine;
}

type Reply = Result<InferenceReply, InferenceRefusal>;

function codeOf(result: Reply): string {
  return result.ok ? 'OK' : result.error.code;
}

/** The orders that came back. */
function tagsOf(result: Reply): (string | undefined)[] {
  const [rows] = result.ok ? result.value.outputs : [];
  return decodeBytesElements(rows?.data ?? new Uint8Array()).map(
    (row) => (JSON.parse(Buffer.from(row).toString('utf8')) as Order).tag,
  );
}

const echo = (tag: string): Order => ({ do: 'echo', tag });

describe('joined requests', () => {
  it('that came together share one run, and each gets its own rows', async () => {
    const engine = await startEngine({ maxBatchRows: 64 });
    const model = faultyModel(directory);
    await engine.warm(model);
    // What is known of a version's cost decides how many rows a run may take: let it be known.
    for (let round = 0; round < 8; round++) {
      await Promise.all(Array.from({ length: 40 }, () => engine.infer(rowsJob(model, [echo('x')]))));
    }
    const before = engine.stats().counters.batches;

    const plans = Array.from({ length: 12 }, (_, at) =>
      Array.from({ length: 1 + (at % 3) }, (__, row) => `${at}.${row}`),
    );
    const results = await Promise.all(
      plans.map((tags, at) => engine.infer(rowsJob(model, tags.map(echo), { fairnessKey: `key-${at % 4}` }))),
    );

    expect(results.map(tagsOf)).toEqual(plans);
    expect(engine.stats().counters.batches - before).toBe(1);
    expect(results.map((result) => result.ok && [result.value.batchSize, result.value.batchRows])).toEqual(
      plans.map(() => [12, 24]),
    );
    for (const result of results) {
      const { queueMs = NaN, batchMs = NaN } = result.ok ? result.value.timings : {};
      expect(batchMs).toBeGreaterThanOrEqual(0);
      expect(batchMs).toBeLessThanOrEqual(queueMs + 1e-6);
    }
  });

  it('fail alone when one of them is bad', async () => {
    const engine = await startEngine();
    const model = faultyModel(directory);
    await engine.warm(model);

    const orders = [echo('a'), { do: 'throw' } as const, echo('c'), echo('d')];
    const results = await Promise.all(orders.map((order) => engine.infer(rowsJob(model, [order]))));

    expect(results.map(codeOf)).toEqual(['OK', 'RUNTIME_FAILED', 'OK', 'OK']);
    expect([0, 2, 3].map((at) => tagsOf(results[at] as Reply))).toEqual([['a'], ['c'], ['d']]);
  });

  it('do not share a run again with whoever spoiled one, for a while', async () => {
    const engine = await startEngine();
    const model = faultyModel(directory);
    await engine.warm(model);
    const ask = (bad: Order): Promise<Reply[]> =>
      Promise.all([
        engine.infer(rowsJob(model, [bad], { fairnessKey: 'spoiler' })),
        ...['a', 'b', 'c'].map((tag) => engine.infer(rowsJob(model, [echo(tag)]))),
      ]);
    await ask({ do: 'throw' });

    const results = await ask({ do: 'throw' });

    expect(results.map(codeOf)).toEqual(['RUNTIME_FAILED', 'OK', 'OK', 'OK']);
    expect(results.slice(1).map((result) => result.ok && result.value.batchSize)).toEqual([3, 3, 3]);
  });

  it('leave the other worker its part when runs are long', async () => {
    const engine = await startEngine({ workers: 2, maxBatchRows: 64 });
    const model = faultyModel(directory);
    const slow = () => engine.infer(rowsJob(model, [{ do: 'native-call', ms: 30 }]));
    await until(async () => {
      for (let i = 0; i < 4; i++) await slow();
      return engine.stats().workers.every(({ residents }) => residents.length === 1);
    });
    const results = await Promise.all([slow(), slow(), slow(), slow()]);
    expect(new Set(results.map((result) => result.ok && result.value.worker)).size).toBe(2);
    for (const result of results) expect(result.ok && result.value.batchSize).toBeLessThanOrEqual(2);
  });

  it('are not held until their deadlines by one that never ends', async () => {
    const engine = await startEngine({ workers: 2, limits: { overrunGraceMs: 0 } });
    const model = faultyModel(directory);
    await engine.warm(model);

    const [endless, ...others] = [{ do: 'hang' } as const, echo('a'), echo('b')].map((order) =>
      engine.infer(rowsJob(model, [order], { timeoutMs: 6_000 })),
    );

    expect((await Promise.all(others)).map(codeOf)).toEqual(['OK', 'OK']);
    expect(await endless).toMatchObject({ error: { code: 'DEADLINE_EXCEEDED' } });
  });

  it('lose nobody but the one that kills the worker', async () => {
    const engine = await startEngine({ workers: 2 });
    const model = faultyModel(directory);
    const neighbour = faultyModel(directory, { seed: 'neighbour' });
    await Promise.all([engine.warm(model), engine.warm(neighbour)]);

    const orders = [echo('a'), { do: 'exit' } as const, echo('c'), echo('d')];
    const [other, ...results] = await Promise.all([
      engine.infer(orderJob(neighbour, { do: 'echo' })),
      ...orders.map((order) => engine.infer(rowsJob(model, [order]))),
    ]);

    expect(results.map(codeOf)).toEqual(['OK', 'WORKER_LOST', 'OK', 'OK']);
    expect(codeOf(other)).toBe('OK');
    expect(engine.stats().quarantinedModels).toBe(0);
  });

  it('run alone from then on when the model does not answer row by row', async () => {
    const engine = await startEngine();
    const model = faultyModel(directory);
    await engine.warm(model);
    const ask = (): Promise<Reply[]> =>
      Promise.all(['a', 'b', 'c'].map((tag) => engine.infer(rowsJob(model, [{ do: 'shrink', tag }]))));

    const first = await ask();
    const joined = engine.stats().counters.joined;
    const second = await ask();

    expect([...first, ...second].map(tagsOf)).toEqual([['a'], ['b'], ['c'], ['a'], ['b'], ['c']]);
    expect(second.every((result) => result.ok && result.value.batchSize === 1)).toBe(true);
    expect(engine.stats().counters.joined).toBe(joined);
  });

  it('do not exist where joining is switched off', async () => {
    const engine = await startEngine({ maxBatchRows: 1 });
    const model = faultyModel(directory);
    const results = await Promise.all(
      ['a', 'b', 'c'].map((tag) => engine.infer(rowsJob(model, [echo(tag)]))),
    );
    expect(results.every((result) => result.ok && result.value.batchSize === 1)).toBe(true);
    expect(engine.stats().counters.batches).toBe(3);
  });
});

describe('keys', () => {
  it('share measured compute time by weight, not the number of requests', async () => {
    const engine = await startEngine({ queue: { maxQueued: 10_000, maxQueuedPerKey: 5_000 } });
    const model = faultyModel(directory);
    await engine.warm(model);
    const servedMs = { dear: 0, cheap: 0, heavy: 0 };
    let isOver = false;
    const caller = async (key: keyof typeof servedMs, ms: number, weight: number): Promise<void> => {
      while (!isOver) {
        const result = await engine.infer(orderJob(model, { do: 'wait', ms }, { fairnessKey: key, weight }));
        if (result.ok && !isOver) servedMs[key] += result.value.timings.computeMs;
      }
    };
    const all = [1, 2, 3, 4].flatMap(() => [
      caller('dear', 12, 1),
      caller('cheap', 3, 1),
      caller('heavy', 6, 2),
    ]);
    await until(() => servedMs.dear + servedMs.cheap + servedMs.heavy > 2_500, { timeoutMs: 30_000 });
    isOver = true;
    await Promise.all(all);

    const total = servedMs.dear + servedMs.cheap + servedMs.heavy;
    expect(servedMs.dear / total).toBeCloseTo(0.25, 1);
    expect(servedMs.cheap / total).toBeCloseTo(0.25, 1);
    expect(servedMs.heavy / total).toBeCloseTo(0.5, 1);
  });

  it('that are refused and come back when they were told are admitted in most cases', async () => {
    const engine = await startEngine({ queue: { maxQueued: 1_000, maxQueuedPerKey: 10 } });
    const model = faultyModel(directory);
    await engine.warm(model);
    let isOver = false;
    // A neighbour keeps the worker busy half of the time; the loud key fills its line again and again.
    const neighbour = (async () => {
      while (!isOver)
        await engine.infer(orderJob(model, { do: 'wait', ms: 5 }, { fairnessKey: 'neighbour' }));
    })();
    const comeback = { admitted: 0, refused: 0 };
    const burst = async (): Promise<void> => {
      await Promise.all(
        Array.from({ length: 12 }, async () => {
          const job = orderJob(model, { do: 'wait', ms: 5 }, { fairnessKey: 'loud' });
          const first = await engine.infer(job);
          if (first.ok || first.error.code !== 'OVERLOADED') return;
          const { retryAfterMs } = first.error;
          await new Promise((resolve) => setTimeout(resolve, retryAfterMs));
          const again = await engine.infer(job);
          if (again.ok) comeback.admitted += 1;
          else comeback.refused += 1;
        }),
      );
    };
    for (let round = 0; round < 6; round++) await burst();
    isOver = true;
    await neighbour;

    expect(comeback.admitted).toBeGreaterThan(5);
    expect(comeback.admitted).toBeGreaterThan(4 * comeback.refused);
  });
});

describe('loads', () => {
  it('are made once, however many ask, and do not stop the models of other workers', async () => {
    const engine = await startEngine({ workers: 2 });
    const neighbour = faultyModel(directory, { seed: 'neighbour' });
    const slow = faultyModel(directory, { seed: 'slow', loadMs: 600 });
    await engine.warm(neighbour);
    const loading = [0, 1, 2].map(() => engine.infer(orderJob(slow, { do: 'echo' })));
    await until(() => engine.stats().workers.some(({ busyWith }) => busyWith === slow.digest));

    const waits: number[] = [];
    while (engine.stats().workers.some(({ busyWith }) => busyWith === slow.digest)) {
      const askedAtMs = performance.now();
      expect(codeOf(await engine.infer(orderJob(neighbour, { do: 'echo' })))).toBe('OK');
      waits.push(performance.now() - askedAtMs);
    }
    const results = await Promise.all(loading);

    expect(results.map(codeOf)).toEqual(['OK', 'OK', 'OK']);
    const holders = engine
      .stats()
      .workers.filter(({ residents }) => residents.some(({ digest }) => digest === slow.digest));
    expect(holders).toHaveLength(1);
    expect(waits.length).toBeGreaterThan(10);
    expect(Math.max(...waits)).toBeLessThan(400);
    for (const result of results) {
      const { queueMs = NaN, loadMs = NaN } = result.ok ? result.value.timings : {};
      expect(loadMs).toBeGreaterThan(300);
      expect(queueMs).toBeLessThan(300);
    }
  });

  it('do not hold up other models behind them in the same line', async () => {
    const engine = await startEngine({ workers: 2 });
    const quick = faultyModel(directory, { seed: 'quick' });
    const slow = faultyModel(directory, { seed: 'slow', loadMs: 500 });
    await engine.warm(quick);
    const order: string[] = [];
    const ask = async (name: string, model: typeof quick): Promise<void> => {
      await engine.infer(orderJob(model, { do: 'echo' }));
      order.push(name);
    };
    await Promise.all([ask('slow', slow), ask('quick', quick), ask('quick', quick)]);
    expect(order).toEqual(['quick', 'quick', 'slow']);
  });

  it('copy a busy model to a second worker in an idle moment', async () => {
    const engine = await startEngine({ workers: 2 });
    const model = faultyModel(directory);
    await until(async () => {
      for (let i = 0; i < 10; i++) await engine.infer(orderJob(model, { do: 'echo' }));
      return engine.stats().workers.every(({ residents }) => residents.length === 1);
    });
    await until(() => engine.stats().counters.loads === 2);
  });

  it('that take too long are given up, and only those who need them are refused', async () => {
    const engine = await startEngine({ workers: 2, limits: { loadTimeoutMs: 200 } });
    const stuck = faultyModel(directory, { seed: 'stuck', loadMs: 60_000 });
    const neighbour = faultyModel(directory, { seed: 'neighbour' });
    const [late, other] = await Promise.all([
      engine.infer(orderJob(stuck, { do: 'echo' })),
      engine.infer(orderJob(neighbour, { do: 'echo' })),
    ]);
    expect(late).toMatchObject({
      error: { code: 'LOAD_FAILED', message: expect.stringContaining('too long') as string },
    });
    expect(codeOf(other)).toBe('OK');
  });
});

describe('what the pool tells', () => {
  it('shows who waits, what workers hold and did, and how requests were joined', async () => {
    const engine = await startEngine();
    const model = faultyModel(directory);
    await engine.warm(model);
    const running = engine.infer(orderJob(model, { do: 'wait', ms: 300 }));
    await until(() => engine.stats().inFlight === 1);
    const waiting = ['a', 'a', 'b'].map((fairnessKey) =>
      engine.infer(orderJob(model, { do: 'echo' }, { fairnessKey })),
    );
    await until(() => engine.stats().queued === 3);

    const { queues } = engine.stats();
    await Promise.all([running, ...waiting]);
    const { workers, counters } = engine.stats();

    expect(queues.map(({ fairnessKey, queued }) => [fairnessKey, queued])).toEqual([
      ['a', 2],
      ['b', 1],
    ]);
    expect(queues.every(({ oldestMs, bytes }) => oldestMs >= 0 && bytes > 0)).toBe(true);
    expect(workers[0]).toMatchObject({
      generation: 1,
      runs: 4,
      residents: [{ digest: model.digest, bytes: 100 }],
    });
    expect(workers[0]?.busyMs).toBeGreaterThan(290);
    expect(counters).toMatchObject({ batches: 4, loads: 1, evictions: 0, joined: 0 });
  });
});

/** Queueing, starting, stopping and models in memory: the same in threads and in processes. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { InferenceEngine, RUNTIMES } from '../../../src/inference/index.js';
import { buildFaultyWorker, faultyModel, orderJob } from '../../support/faulty-worker-entry.js';
import { busyWorkers, codeOf, echoPools, ISOLATIONS } from '../../support/echo-pool.js';
import { silentLogger } from '../../support/silent-logger.js';
import { until } from '../../support/until.js';

describe.each(ISOLATIONS)('a pool of workers in a %s', (isolation) => {
  const pools = echoPools(isolation);

  describe('the queue', () => {
    it('refuses at once when it is full, with a time to come back', async () => {
      const engine = await pools.start({ workers: 1, queue: { maxQueued: 2 } });
      const model = faultyModel(pools.directory);
      await engine.warm(model);
      const running = engine.infer(orderJob(model, { do: 'wait', ms: 300 }));
      await until(() => busyWorkers(engine) === 1);
      const waiting = [0, 1].map(() => engine.infer(orderJob(model, { do: 'echo' })));
      const askedAtMs = performance.now();

      const refused = await engine.infer(orderJob(model, { do: 'echo' }));

      expect(performance.now() - askedAtMs).toBeLessThan(100);
      expect(refused).toMatchObject({ ok: false, error: { code: 'OVERLOADED' } });
      expect(
        !refused.ok && refused.error.code === 'OVERLOADED' && refused.error.retryAfterMs,
      ).toBeGreaterThan(0);
      expect((await Promise.all([running, ...waiting])).map(codeOf)).toEqual(['OK', 'OK', 'OK']);
    });

    it('lets a cancelled job go at once, and answers a deadline while queued', async () => {
      const engine = await pools.start({ workers: 1 });
      const model = faultyModel(pools.directory);
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
      const engine = await pools.start({ workers: 1 });
      const model = faultyModel(pools.directory);
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
      const engine = await pools.start({ workers: 1 });
      const model = faultyModel(pools.directory);
      const admitted = [0, 1, 2].map(() => engine.infer(orderJob(model, { do: 'wait', ms: 50 })));

      const stopped = engine.stop({ graceMs: 5_000 });

      expect(codeOf(await engine.infer(orderJob(model, { do: 'echo' })))).toBe('OVERLOADED');
      expect((await Promise.all(admitted)).map(codeOf)).toEqual(['OK', 'OK', 'OK']);
      await stopped;
      expect(engine.stats().workers.map(({ state }) => state)).toEqual(['gone']);
    });

    it('answers what does not finish within the grace', async () => {
      const engine = await pools.start({ workers: 1 });
      const model = faultyModel(pools.directory);
      await engine.warm(model);
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
      const entry = join(pools.directory, 'broken.mjs');
      writeFileSync(entry, 'process.exit(3);');
      const engine = new InferenceEngine({
        logger: silentLogger(),
        workers: 2,
        environment: {},
        workerEntry: pathToFileURL(entry),
      });

      await expect(engine.start()).rejects.toThrow('No inference worker can start: it ended with code 3');
      for (const { state } of engine.stats().workers) expect(['gone', 'waiting']).toContain(state);
    });

    it('goes on without an engine that cannot be loaded, and refuses only the models that need it', async () => {
      const engine = await pools.start({
        workerEntry: await buildFaultyWorker(pools.directory, { unavailable: ['tfjs-node'] }),
      });

      const refused = await engine.infer(
        orderJob(faultyModel(pools.directory, { runtime: 'tfjs-node' }), { do: 'echo' }),
      );
      const served = await engine.infer(orderJob(faultyModel(pools.directory), { do: 'echo' }));

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
      const broken = await buildFaultyWorker(pools.directory, { unavailable: RUNTIMES });

      await expect(pools.start({ workerEntry: broken })).rejects.toThrow(
        `no engine can be used: ${RUNTIMES.map((name) => `${name} has no library here.`).join(' ')}`,
      );
    });
  });

  describe('models in memory', () => {
    it('are evicted least recently used first, under the budget of each worker', async () => {
      const engine = await pools.start({ workers: 1, memoryBudgetBytes: 250 });
      const [a, b, c] = ['a', 'b', 'c'].map((seed) => faultyModel(pools.directory, { seed, bytes: 100 }));
      if (a === undefined || b === undefined || c === undefined) throw new Error('There are three models.');

      for (const model of [a, b, a, c]) await engine.infer(orderJob(model, { do: 'echo' }));

      const [worker] = engine.stats().workers;
      expect(worker?.residents.map(({ digest }) => digest)).toEqual([a.digest, c.digest]);
      expect(worker?.residentBytes).toBe(200);
    });

    it('are used where they are, and go everywhere when they are evicted', async () => {
      const engine = await pools.start();
      const model = faultyModel(pools.directory);
      const first = await engine.infer(orderJob(model, { do: 'echo' }));
      const second = await engine.infer(orderJob(model, { do: 'echo' }));
      expect(first.ok && second.ok && first.value.worker === second.value.worker).toBe(true);
      expect(second).toMatchObject({ value: { timings: { loadMs: 0 } } });

      await engine.evict(model.digest);

      expect(engine.stats().workers.flatMap(({ residents }) => residents)).toEqual([]);
    });

    it('that exceed the budget are refused with both figures', async () => {
      const engine = await pools.start({ workers: 1, memoryBudgetBytes: 250 });

      const result = await engine.infer(
        orderJob(faultyModel(pools.directory, { seed: 'big', bytes: 300 }), { do: 'echo' }),
      );

      expect(result).toMatchObject({
        error: {
          code: 'LOAD_FAILED',
          message: 'The model needs 300 bytes of memory; a worker may hold 250.',
        },
      });
    });
  });
});

/** What the pool does when a worker crashes, traps, hangs or bloats: the same in threads and in processes. */
import { describe, expect, it } from 'vitest';
import { faultyModel, orderJob } from '../../support/faulty-worker-entry.js';
import { codeOf, echoPools, ISOLATIONS, readyWorkers } from '../../support/echo-pool.js';
import { until } from '../../support/until.js';

describe.each(ISOLATIONS)('a pool of workers in a %s', (isolation) => {
  const pools = echoPools(isolation);

  describe('a crash', () => {
    it('is retried once on another worker, then answered WORKER_LOST, and both places are filled again within 2 s', async () => {
      const engine = await pools.start();
      const neighbour = faultyModel(pools.directory, { seed: 'neighbour' });

      const [crashed, innocent] = await Promise.all([
        engine.infer(orderJob(faultyModel(pools.directory), { do: 'exit' })),
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
      const engine = await pools.start({ maxHeapBytesPerWorker: 2 ** 25 });

      const result = await engine.infer(
        orderJob(faultyModel(pools.directory), { do: 'fill-heap' }, { timeoutMs: 30_000 }),
      );

      expect(result).toMatchObject({
        ok: false,
        error: { code: 'WORKER_LOST', message: expect.stringContaining('memory') as string },
      });
      await until(() => readyWorkers(engine) === 2);
    });

    it('repeated three times sets the model aside with the reason, and only this model', async () => {
      const engine = await pools.start();
      const poison = faultyModel(pools.directory, { seed: 'poison' });

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
      expect(codeOf(await engine.infer(orderJob(faultyModel(pools.directory), { do: 'echo' })))).toBe('OK');
    });

    it('five times over leaves a pool that still answers', async () => {
      const engine = await pools.start({ workers: 1, quarantine: { crashes: 100 } });
      const model = faultyModel(pools.directory);
      for (let round = 0; round < 5; round++) {
        expect(codeOf(await engine.infer(orderJob(model, { do: 'exit' })))).toBe('WORKER_LOST');
        expect(codeOf(await engine.infer(orderJob(model, { do: 'echo' })))).toBe('OK');
      }
      expect(engine.stats().workers[0]?.replaced).toBe(10);
    });
  });

  describe('an engine that traps', () => {
    it('answers RUNTIME_FAILED without a retry, and its worker is replaced', async () => {
      const engine = await pools.start({ workers: 1 });
      const model = faultyModel(pools.directory);

      const trapped = await engine.infer(orderJob(model, { do: 'trap' }));

      expect(trapped).toMatchObject({ ok: false, error: { code: 'RUNTIME_FAILED' } });
      expect(codeOf(await engine.infer(orderJob(model, { do: 'echo' })))).toBe('OK');
      expect(engine.stats()).toMatchObject({
        counters: { retries: 0, crashes: 1 },
        workers: [{ replaced: 1 }],
      });
    });

    it('tells no path of this machine in its message', async () => {
      const engine = await pools.start();

      const result = await engine.infer(orderJob(faultyModel(pools.directory), { do: 'throw' }));

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
      ['a native call', { do: 'native-call', ms: 1_800 } as const],
    ])('during %s is answered on time, and the place works again within 2 s', async (_, order) => {
      const engine = await pools.start({ workers: 1, limits: { overrunGraceMs: 100 } });
      const model = faultyModel(pools.directory);
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
      const engine = await pools.start({ workers: 1, limits: { overrunGraceMs: 2_000 } });
      const model = faultyModel(pools.directory);
      await engine.warm(model);

      const late = await engine.infer(orderJob(model, { do: 'wait', ms: 200 }, { timeoutMs: 50 }));
      const next = await engine.infer(orderJob(model, { do: 'echo' }));

      expect([codeOf(late), codeOf(next)]).toEqual(['DEADLINE_EXCEEDED', 'OK']);
      expect(engine.stats().workers[0]?.replaced).toBe(0);
    });

    it('shorter than loading is answered on time while the load goes on for the next caller', async () => {
      const engine = await pools.start({ workers: 1, limits: { overrunGraceMs: 0 } });
      const model = faultyModel(pools.directory, { seed: 'slow to load', loadMs: 400 });

      const first = await engine.infer(orderJob(model, { do: 'echo' }, { timeoutMs: 100 }));
      const second = await engine.infer(orderJob(model, { do: 'echo' }));

      expect([codeOf(first), codeOf(second)]).toEqual(['DEADLINE_EXCEEDED', 'OK']);
      expect(engine.stats().counters.loads).toBe(1);
      expect(engine.stats().workers[0]?.replaced).toBe(0);
    });
  });
});

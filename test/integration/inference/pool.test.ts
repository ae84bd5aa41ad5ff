/** The pool with its real engines, in threads and in processes. Needs the compiled sources (`npm run build`). */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  InferenceEngine,
  enginesFor,
  RUNTIMES,
  type InferenceJob,
  type RunnableArtifact,
  type RuntimeName,
  type WorkerStats,
} from '../../../src/inference/index.js';
import {
  artifactIn,
  convModel,
  denseModel,
  fp32,
  humanPack,
  layersPack,
  tf,
  valuesOf,
  type TestPack,
} from '../../support/make-pack.js';
import { ISOLATIONS } from '../../support/echo-pool.js';
import { silentLogger } from '../../support/silent-logger.js';
import { until } from '../../support/until.js';

let directory: string;
let dense: TestPack;
let expected: number[];
const INPUT = [0.1, -0.2, 0.3, 0.4];

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'souk-pool-'));
  await tf.setBackend('cpu');
  const model = denseModel();
  expected = [...(model.predict(tf.tensor(INPUT, [1, 4])) as ReturnType<typeof tf.tensor>).dataSync()];
  dense = await layersPack(model);
});

afterAll(async () => {
  rmSync(directory, { recursive: true, force: true });
});

function denseJob(artifact: RunnableArtifact): InferenceJob {
  return {
    artifact,
    signature: dense.signature,
    inputs: [fp32('x', [1, 4], INPUT)],
    rows: 1,
    priority: 'NORMAL',
    fairnessKey: 'tenant-a',
    weight: 1,
    timeoutMs: 10_000,
  };
}

function closeTo(values: readonly number[]): number[] {
  return values.map((value) => expect.closeTo(value, 5) as number);
}

describe.each(ISOLATIONS)('the pool in a %s', (isolation) => {
  let engine: InferenceEngine;

  beforeAll(async () => {
    engine = new InferenceEngine({ logger: silentLogger(), isolation, workers: 2 });
    await engine.start();
  });
  afterAll(async () => {
    await engine.stop({ graceMs: 1_000 });
  });

  describe.each(enginesFor('tfjs-layers'))('on %s', (runtime: RuntimeName) => {
    it('answers as plain tfjs does, with the times it took', async () => {
      const job = denseJob(artifactIn(directory, dense, runtime));

      const result = await engine.infer(job);

      if (!result.ok) throw new Error(result.error.message);
      const { outputs, timings, ...rest } = result.value;
      expect(outputs.map(({ name, datatype, shape }) => ({ name, datatype, shape }))).toEqual([
        { name: dense.signature.outputs[0]?.name, datatype: 'FP32', shape: [1, 3] },
      ]);
      expect(valuesOf(outputs[0])).toEqual(closeTo(expected));
      expect(rest).toMatchObject({ runtime, batchSize: 1 });
      expect(Math.min(timings.queueMs, timings.loadMs, timings.computeMs)).toBeGreaterThanOrEqual(0);
      // The caller's inputs are still his.
      expect(job.inputs[0]?.data.byteLength).toBe(16);
    });

    it('refuses a file whose bytes are not those of its digest', async () => {
      const path = join(directory, 'damaged.pack');
      const damaged = Buffer.from(dense.bytes);
      damaged[damaged.length - 1] = (damaged[damaged.length - 1] ?? 0) ^ 1;
      writeFileSync(path, damaged);

      const result = await engine.infer(denseJob({ digest: 'a'.repeat(64), path, runtime, batchable: true }));

      expect(result).toMatchObject({
        ok: false,
        error: { code: 'LOAD_FAILED', message: expect.stringContaining('is damaged') as string },
      });
    });

    it('refuses a file that is not there, without telling where it looked', async () => {
      const result = await engine.infer(
        denseJob({ digest: 'b'.repeat(64), path: join(directory, 'missing.pack'), runtime, batchable: true }),
      );

      expect(result).toMatchObject({ ok: false, error: { code: 'LOAD_FAILED' } });
      expect(JSON.stringify(result)).not.toContain(directory);
    });

    it('warms a model so that its first prediction loads nothing', async () => {
      const pack = await layersPack(convModel());
      const artifact = artifactIn(directory, pack, runtime);

      const warmed = await engine.warm(artifact);
      const result = await engine.infer({
        ...denseJob(artifact),
        signature: pack.signature,
        inputs: [fp32('x', [1, 8, 8, 1], new Float32Array(64))],
      });

      expect(warmed.ok && warmed.value.bytes > 0 && warmed.value.loadMs > 0).toBe(true);
      expect(result).toMatchObject({ ok: true, value: { timings: { loadMs: 0 } } });
    });
  });

  describe('two workers at once', () => {
    it('hold as many tensors after 2,000 predictions as after the first', async () => {
      const artifacts = enginesFor('tfjs-layers').map((runtime) => artifactIn(directory, dense, runtime));
      const runMany = (count: number): Promise<unknown> =>
        Promise.all(
          Array.from({ length: count }, (_, at) =>
            engine.infer({
              ...denseJob(artifacts[at % 2] as RunnableArtifact),
              fairnessKey: `tenant-${at % 8}`,
            }),
          ),
        );
      const holdsBoth = (worker: WorkerStats): boolean =>
        artifacts.every(({ digest, runtime }) =>
          worker.residents.some((model) => model.digest === digest && model.runtime === runtime),
        );
      await until(async () => {
        await runMany(20);
        return engine.stats().workers.every(holdsBoth);
      });
      const before = await engine.memory();

      for (let round = 0; round < 20; round++) await runMany(100);

      expect(before.flatMap(({ engines }) => engines)).toHaveLength(2 * RUNTIMES.length);
      expect(await engine.memory()).toEqual(before);
      expect(engine.stats().counters.refused.OVERLOADED).toBe(0);
    });

    it('each load the native engine and answer alike', async () => {
      const artifact = { ...artifactIn(directory, dense, 'tfjs-node'), batchable: false };

      const results = await Promise.all(Array.from({ length: 40 }, () => engine.infer(denseJob(artifact))));

      const workers = new Set(
        results.map((result) => (result.ok ? result.value.worker : result.error.message)),
      );
      expect(workers.size).toBe(2);
      for (const result of results) {
        expect(valuesOf(result.ok ? result.value.outputs[0] : undefined)).toEqual(closeTo(expected));
      }
    });

    it('survive five that are given up in the middle of native code, and the neighbour never errs', async () => {
      const hasty = new InferenceEngine({
        logger: silentLogger(),
        isolation,
        workers: 2,
        limits: { overrunGraceMs: 0 },
      });
      await hasty.start();
      const quick = artifactIn(directory, dense, 'tfjs-node');
      const pack = humanPack('facemesh');
      const heavy = artifactIn(directory, pack, 'tfjs-node');
      const heavyInputs = [fp32('x', [16, 192, 192, 3], new Float32Array(16 * 192 * 192 * 3))];

      for (let round = 1; round <= 5; round++) {
        await hasty.warm(heavy);
        const [given, neighbour] = await Promise.all([
          hasty.infer({ ...denseJob(heavy), signature: pack.signature, inputs: heavyInputs, timeoutMs: 30 }),
          hasty.infer(denseJob(quick)),
        ]);
        expect(given).toMatchObject({ ok: false, error: { code: 'DEADLINE_EXCEEDED' } });
        expect(valuesOf(neighbour.ok ? neighbour.value.outputs[0] : undefined)).toEqual(closeTo(expected));
        await until(() => hasty.stats().workers.every(({ state }) => state === 'ready'));
      }

      expect(hasty.stats().counters).toMatchObject({ overruns: 5, crashes: 0 });
      expect(hasty.stats().workers.reduce((sum, { replaced }) => sum + replaced, 0)).toBe(5);
      await hasty.stop({ graceMs: 1_000 });
    });
  });
});

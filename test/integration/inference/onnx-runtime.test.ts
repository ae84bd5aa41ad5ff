/** What every engine promises, on the onnx engine: it takes packs of its own kind, so it has a suite of its own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodePack } from '../../../src/inference/pack.js';
import {
  createRuntime,
  type LoadedModel,
  type Runtime,
} from '../../../src/inference/worker/runtimes/index.js';
import { builtEntry } from '../../../src/lib/built-entry.js';
import type { Tensor } from '../../../src/lib/tensor.js';
import {
  artifactIn,
  convModel,
  denseModel,
  fp32,
  layersPack,
  packOf,
  valuesOf,
  type TestPack,
} from '../../support/make-pack.js';
import { floats, node, onnxModel, tensor, TYPE, unaryModel, value } from '../../support/onnx-model.js';
import { onnxPack } from '../../support/onnx-pack.js';
import { onnxFixture } from '../../support/onnx-reading.js';

/** y = x · w, z = x */
const twoOutputs = onnxModel({
  nodes: [node('MatMul', ['x', 'w'], ['y']), node('Identity', ['x'], ['z'])],
  inputs: [value('x', TYPE.float, ['n', 2])],
  outputs: [value('z', TYPE.float, ['n', 2]), value('y', TYPE.float, ['n', 3])],
  initializers: [tensor('w', TYPE.float, [2, 3], floats(1, NaN, -Infinity, 0.5, 1, 2))],
});

describe('the onnx engine', () => {
  let runtime: Runtime;
  const loaded: LoadedModel[] = [];
  const load = async (pack: TestPack): Promise<LoadedModel> => {
    const model = await runtime.load(pack.bytes);
    loaded.push(model);
    return model;
  };
  beforeAll(async () => {
    runtime = createRuntime('onnx');
    await runtime.start();
  });
  afterAll(() => {
    for (const model of loaded) model.dispose();
  });

  it('answers each row of a batch as if it were alone', async () => {
    const model = await load(onnxPack(onnxFixture('dense')));
    const values = Array.from({ length: 50 }, (_, i) => Math.sin(i));
    const [together] = await model.run([fp32('x', [5, 10], values)]);
    expect(together).toMatchObject({ name: 'y', shape: [5, 10] });
    for (let row = 0; row < 5; row++) {
      const [alone] = await model.run([fp32('x', [1, 10], values.slice(row * 10, row * 10 + 10))]);
      valuesOf(alone).forEach((number, i) => {
        expect(number).toBeCloseTo(valuesOf(together)[row * 10 + i] ?? NaN, 6);
      });
    }
  });

  it('returns outputs in the order of the signature, NaN and infinities among them', async () => {
    const model = await load(onnxPack(twoOutputs));
    const [z, y] = await model.run([fp32('x', [1, 2], [2, 4])]);
    expect([z?.name, valuesOf(z)]).toEqual(['z', [2, 4]]);
    expect([y?.name, valuesOf(y)]).toEqual(['y', [4, NaN, -Infinity]]);
  });

  it('gives each output a buffer of its own that may be given away, and leaves the input alone', async () => {
    const model = await load(onnxPack(twoOutputs));
    for (let round = 0; round < 3; round++) {
      const given = fp32('x', [1, 2], [1, 2]);
      const outputs = await model.run([given]);
      expect(new Set([given, ...outputs].map(({ data }) => data.buffer)).size).toBe(3);
      expect(outputs.every(({ data }) => data.byteLength === data.buffer.byteLength)).toBe(true);
      for (const { data } of outputs) structuredClone(data, { transfer: [data.buffer as ArrayBuffer] });
      expect(valuesOf(given)).toEqual([1, 2]);
    }
  });

  it('accepts inputs whose bytes start at an odd address, and rows of none', async () => {
    const model = await load(onnxPack(twoOutputs));
    const aligned = fp32('x', [1, 2], [1, 2]);
    const shifted = new Uint8Array(aligned.data.byteLength + 1);
    shifted.set(aligned.data, 1);
    const [z] = await model.run([{ ...aligned, data: shifted.subarray(1) }]);
    expect(valuesOf(z)).toEqual([1, 2]);
    const [none] = await model.run([fp32('x', [0, 2], [])]);
    expect(none?.shape).toEqual([0, 2]);
  });

  it('names what does not fit: the kind of pack, a datatype, a shape, an input or output that is not there', async () => {
    const pack = onnxPack(twoOutputs);
    const decoded = decodePack(pack.bytes);
    if (!decoded.ok) throw new Error(decoded.error.message);
    const { header, weights } = decoded.value;
    await expect(load(await layersPack(denseModel()))).rejects.toThrow(/kind tfjs-layers.*runs ONNX/);
    await expect(load(packOf({ ...header, inputNodes: ['nowhere'] }, weights))).rejects.toThrow(
      /no input nowhere/,
    );
    await expect(load(packOf({ ...header, outputNodes: ['x', 'w'] }, weights))).rejects.toThrow(
      /no output x/,
    );
    await expect(load(packOf({ ...header, inputNodes: [] }, weights))).rejects.toThrow(/another number/);
    const model = await load(pack);
    const wrong: Tensor = { name: 'x', datatype: 'INT32', shape: [1, 2], data: new Uint8Array(8) };
    await expect(model.run([wrong])).rejects.toThrow(/Input x is INT32; the model takes FP32/);
    await expect(model.run([])).rejects.toThrow(/Input x is missing/);
    await expect(model.run([fp32('x', [1, 3], [1, 2, 3])])).rejects.toThrow(/Got invalid dimensions.*x/s);
    const [z] = await model.run([fp32('x', [1, 2], [5, 6])]);
    expect(valuesOf(z)).toEqual([5, 6]);
  });

  it('keeps its count flat over 2,000 runs, failed ones included, and frees all on dispose', async () => {
    const before = runtime.memory();
    const pack = onnxPack(onnxFixture('dense'));
    const model = await runtime.load(pack.bytes);
    expect(model.bytes).toBeGreaterThanOrEqual(1400 * 4);
    expect(runtime.memory().bytes - before.bytes).toBe(model.bytes);
    const values = new Array<number>(10).fill(0.5);
    for (let run = 0; run < 1000; run++) {
      await model.run([fp32('x', [1, 10], values)]);
      await expect(model.run([fp32('x', [1, 9], values.slice(1))])).rejects.toThrow(/dimensions/);
    }
    model.dispose();
    model.dispose();
    expect(runtime.memory()).toEqual(before);
    await expect(model.run([fp32('x', [1, 10], values)])).rejects.toThrow(/let go/);
  });

  it('leaves nothing behind when a load fails', async () => {
    const pack = onnxPack(onnxFixture('dense'));
    const before = runtime.memory();
    await expect(runtime.load(pack.bytes.subarray(0, pack.bytes.byteLength - 40))).rejects.toThrow();
    expect(runtime.memory()).toEqual(before);
  });

  it('takes turns with tfjs-node in one thread, each with its own weights', async () => {
    const tfjs = createRuntime('tfjs-node');
    await tfjs.start();
    const layers = await tfjs.load((await layersPack(convModel())).bytes);
    const model = await load(onnxPack(unaryModel('Neg', TYPE.float)));
    const answers: number[][] = [];
    for (let turn = 0; turn < 4; turn++) {
      answers.push(
        valuesOf((await layers.run([fp32('x', [1, 8, 8, 1], new Array<number>(64).fill(0.5))]))[0]),
      );
      expect(valuesOf((await model.run([fp32('x', [2], [turn, 1])]))[0])).toEqual([-turn, -1]);
    }
    expect(new Set(answers.map((answer) => answer.join())).size).toBe(1);
    layers.dispose();
  });
});

/** Runs code in a process of its own and gives its exit code and signal. */
async function exitOf(code: string): Promise<unknown[]> {
  const child = spawn(process.execPath, ['-e', `void (async () => {${code}})()`], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return once(child, 'exit');
}

describe('a process whose worker threads use the onnx engine', () => {
  const built = (path: string) => JSON.stringify(builtEntry(import.meta.url, `../../../src/${path}`).href);

  it('survives that they are ended while they compute, and ends with its own exit code', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'souk-onnx-'));
    const artifact = artifactIn(directory, onnxPack(onnxFixture('cnn')), 'onnx');
    const code = `
      const { threadChannels } = await import(${built('inference/thread-channel.js')});
      const { createLogger } = await import(${built('lib/logger.js')});
      const settings = { runtimes: ['onnx'], memoryBudgetBytes: 2 ** 30, nativeThreads: 1, unusable: [] };
      const open = threadChannels({
        entry: new URL(${built('inference/worker/main.js')}), maxHeapBytes: 2 ** 28,
        settings: () => settings, logger: createLogger('silent'),
      });
      const artifact = ${JSON.stringify({ ...artifact, batchable: true })};
      const runAndEnd = (rows) => new Promise((resolve) => {
        const channel = open('w', {
          onError: () => process.exit(2),
          onExit: () => resolve(),
          onMessage: ({ type }) => {
            if (type === 'refused') process.exit(3);
            if (type === 'ready') channel.post({ type: 'load', id: 1, artifact });
            if (type !== 'loaded') return;
            const data = new ArrayBuffer(rows * 784 * 4);
            channel.post({
              type: 'infer', id: 2, artifact, remainingMs: 60000,
              inputs: [{ name: 'x', datatype: 'FP32', shape: [rows, 1, 28, 28], data }],
            }, [data]);
            // By then the run of some hundred milliseconds has begun.
            setTimeout(() => channel.terminate(), 30);
          },
        });
      });
      for (let i = 0; i < 3; i++) await runAndEnd(512);
      await Promise.all([runAndEnd(512), runAndEnd(512)]);
      process.exit(7);`;
    try {
      expect(await exitOf(code)).toEqual([7, null]);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
});

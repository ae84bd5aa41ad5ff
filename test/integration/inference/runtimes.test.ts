/** Every engine passes the same suite: what one engine promises, all do. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { enginesFor, RUNTIMES } from '../../../src/inference/index.js';
import {
  availableRuntimes,
  createRuntime,
  type LoadedModel,
  type Runtime,
} from '../../../src/inference/worker/runtimes/index.js';
import { decodePack } from '../../../src/inference/pack.js';
import { decodeBytesElements, encodeBytesElements, toTypedArray } from '../../../src/inference/tensors.js';
import type { Tensor } from '../../../src/lib/tensor.js';
import { everyDatatypePack, singleOpPack } from '../../support/graph-pack.js';
import {
  convModel,
  denseModel,
  fp32,
  humanPack,
  layersPack,
  packOf,
  tf,
  valuesOf,
  type TestPack,
} from '../../support/make-pack.js';

const SEED = 7;

/** Numbers in [0, 1) that are the same in every run. */
function someNumbers(count: number): number[] {
  let state = SEED;
  return Array.from({ length: count }, () => (state = (state * 16807) % 2147483647) / 2147483647);
}

function maxDifference(a: readonly number[], b: readonly number[]): number {
  expect(a.length).toBe(b.length);
  return a.reduce((max, value, at) => Math.max(max, Math.abs(value - (b[at] ?? NaN))), 0);
}

function runtimeSuite(makeRuntime: () => Runtime): void {
  let runtime: Runtime;
  const loaded: LoadedModel[] = [];
  const load = async (pack: TestPack): Promise<LoadedModel> => {
    const model = await runtime.load(pack.bytes);
    loaded.push(model);
    return model;
  };

  beforeAll(async () => {
    runtime = makeRuntime();
    await runtime.start();
  });

  afterAll(() => {
    for (const model of loaded) model.dispose();
  });

  for (const [name, make, width, shape] of [
    ['dense', denseModel, 4, [4]],
    ['conv', convModel, 64, [8, 8, 1]],
  ] as const) {
    for (const batch of [1, 5]) {
      it(`answers a ${name} layers model with batch ${batch} as plain tfjs does`, async () => {
        await tf.setBackend('cpu');
        const reference = make();
        const values = someNumbers(batch * width);
        const expected = [
          ...(
            reference.predict(tf.tensor(values, [batch, ...shape])) as ReturnType<typeof tf.tensor>
          ).dataSync(),
        ];
        const pack = await layersPack(reference);
        const model = await load(pack);
        const input = pack.signature.inputs[0]?.name ?? '';

        const outputs = await model.run([fp32(input, [batch, ...shape], values)]);

        expect(outputs.map(({ name: output }) => output)).toEqual(
          pack.signature.outputs.map((spec) => spec.name),
        );
        expect(outputs[0]?.shape[0]).toBe(batch);
        expect(maxDifference(valuesOf(outputs[0]), expected)).toBeLessThan(1e-5);
      });
    }
  }

  it('answers a graph model with batch 1 and 5, each row as if it were alone', async () => {
    const pack = humanPack('liveness');
    const model = await load(pack);
    const name = pack.signature.inputs[0]?.name ?? '';
    const rowSize = 32 * 32 * 3;
    const values = someNumbers(5 * rowSize);

    const together = valuesOf((await model.run([fp32(name, [5, 32, 32, 3], values)]))[0]);

    expect(together).toHaveLength(10);
    for (let row = 0; row < 5; row++) {
      const input = fp32(name, [1, 32, 32, 3], values.slice(row * rowSize, (row + 1) * rowSize));
      const alone = valuesOf((await model.run([input]))[0]);
      expect(maxDifference(alone, together.slice(row * 2, row * 2 + 2))).toBeLessThan(1e-5);
    }
  });

  it("returns several outputs in the order of the signature, not of the graph's own", async () => {
    const pack = humanPack('facemesh');
    const model = await load(pack);
    const input = fp32(pack.signature.inputs[0]?.name ?? '', [1, 192, 192, 3], someNumbers(192 * 192 * 3));

    const outputs = await model.run([input]);

    expect(outputs.map(({ name, shape }) => [name, shape])).toEqual([
      ['output_mesh', [1, 1404]],
      ['output_faceflag', [1, 1]],
      ['output_contours', [1, 266]],
    ]);
  });

  it('lets NaN and infinite weights through to the outputs', async () => {
    const model = tf.sequential({ layers: [tf.layers.dense({ inputShape: [1], units: 4, useBias: false })] });
    model.layers[0]?.setWeights([tf.tensor([NaN, Infinity, -Infinity, 2], [1, 4])]);
    const loadedModel = await load(await layersPack(model));

    const [output] = await loadedModel.run([fp32('x', [1, 1], [3])]);

    expect(valuesOf(output)).toEqual([NaN, Infinity, -Infinity, 6]);
  });

  it('accepts inputs whose bytes start at an odd address', async () => {
    const pack = await layersPack(denseModel());
    const model = await load(pack);
    const aligned = fp32('x', [1, 4], [1, 2, 3, 4]);
    const shifted = new Uint8Array(aligned.data.byteLength + 1);
    shifted.set(aligned.data, 1);

    const [expected] = await model.run([{ ...aligned, data: new Uint8Array(aligned.data) }]);
    const [found] = await model.run([{ ...aligned, data: shifted.subarray(1) }]);

    expect(valuesOf(found)).toEqual(valuesOf(expected));
  });

  it('gives each output a buffer of its own, also when the model answers with its input', async () => {
    const input = tf.input({ shape: [2], name: 'same' });
    const identity = tf.layers
      .activation({ activation: 'linear', name: 'through' })
      .apply(input) as typeof input;
    const summed = tf.layers.add().apply([identity, input]) as typeof input;
    const model = await load(await layersPack(tf.model({ inputs: input, outputs: [identity, summed] })));
    const given = fp32('same', [1, 2], [1, 2]);

    const outputs = await model.run([given]);

    expect(outputs.map(valuesOf)).toEqual([
      [1, 2],
      [2, 4],
    ]);
    expect(new Set([given, ...outputs].map(({ data }) => data.buffer)).size).toBe(3);
    expect(outputs.every(({ data }) => data.byteLength === data.buffer.byteLength)).toBe(true);
  });

  it('maps every datatype in and out by the names of the signature, and never gives a weight away', async () => {
    const model = await load(everyDatatypePack());
    const text = [Uint8Array.of(0xff, 0, 1), new Uint8Array(), Buffer.from('grüß')];
    const inputs = (): Tensor[] => [
      { name: 'text', datatype: 'BYTES', shape: [3], data: encodeBytesElements(text) },
      fp32('x', [1, 2], [-1.7, 2.9]),
    ];

    for (let round = 0; round < 3; round++) {
      const [positive, same, weight, whole] = await model.run(inputs());

      expect(positive).toMatchObject({ name: 'positive', datatype: 'BOOL', shape: [1, 2] });
      expect([...(positive?.data ?? [])]).toEqual([0, 1]);
      expect(same).toMatchObject({ name: 'same', datatype: 'BYTES', shape: [3] });
      expect(decodeBytesElements(same?.data ?? new Uint8Array()).map((e) => [...e])).toEqual(
        text.map((e) => [...e]),
      );
      expect(valuesOf(weight)).toEqual([0.5]);
      expect([...toTypedArray('INT32', whole?.data ?? new Uint8Array())]).toEqual([-1, 2]);
      // What the pool does with an answer: the buffer goes to another thread and is gone from here.
      structuredClone(weight?.data, { transfer: [weight?.data.buffer as ArrayBuffer] });
    }
  });

  it('names what does not fit: a datatype, an input or an output that the model has not', async () => {
    const good = decodePack(humanPack('liveness').bytes);
    if (!good.ok) throw new Error(good.error.message);
    const { header, weights } = good.value;
    const [input] = header.signature.inputs;
    if (input === undefined) throw new Error('The model has an input.');
    const int64 = { ...header.signature, inputs: [{ ...input, datatype: 'INT64' as const }] };

    await expect(load(packOf({ ...header, signature: int64 }, weights))).rejects.toThrow(/is INT64/);
    await expect(load(packOf({ ...header, inputNodes: ['nowhere'] }, weights))).rejects.toThrow(
      /no input nowhere/,
    );
    await expect(load(packOf({ ...header, inputNodes: [] }, weights))).rejects.toThrow(/another number/);
    const model = await load(packOf({ ...header, outputNodes: ['nothing'] }, weights));
    await expect(model.run([fp32(input.name, [1, 32, 32, 3], new Float32Array(3072))])).rejects.toThrow(
      /nothing/,
    );
  });

  it('forgets the state of a stateful layer between runs', async () => {
    const lstm = tf.layers.simpleRNN({ units: 2, stateful: true, batchInputShape: [1, 2, 1] });
    const model = await load(await layersPack(tf.sequential({ layers: [lstm] })));
    const input = (): Tensor => fp32('x', [1, 2, 1], [0.5, -0.5]);

    const first = valuesOf((await model.run([input()]))[0]);
    const second = valuesOf((await model.run([input()]))[0]);

    expect(second).toEqual(first);
  });

  it('keeps numTensors flat over 2,000 runs, failed ones included, and frees all on dispose', async () => {
    const layersBytes = (await layersPack(denseModel())).bytes;
    const graphPack = humanPack('liveness');
    const before = runtime.memory();
    const layers = await runtime.load(layersBytes);
    const graph = await runtime.load(graphPack.bytes);
    const graphInput = graphPack.signature.inputs[0]?.name ?? '';
    const pixels = someNumbers(32 * 32 * 3);
    await layers.run([fp32('x', [1, 4], [1, 2, 3, 4])]);
    await graph.run([fp32(graphInput, [1, 32, 32, 3], pixels)]);
    const loadedMemory = runtime.memory();
    expect(loadedMemory.bytes - before.bytes).toBe(layers.bytes + graph.bytes);

    for (let run = 0; run < 1000; run++) {
      await layers.run([fp32('x', [1, 4], [1, 2, 3, 4])]);
      if (run % 4 === 0) await graph.run([fp32(graphInput, [1, 32, 32, 3], pixels)]);
      await expect(layers.run([fp32('x', [1, 3], [1, 2, 3])])).rejects.toThrow(/shape/);
    }
    expect(runtime.memory()).toEqual(loadedMemory);

    layers.dispose();
    graph.dispose();
    expect(runtime.memory().tensors).toBe(before.tensors);
    expect(runtime.memory().bytes).toBe(before.bytes);
  });

  it('leaves nothing behind when a load fails', async () => {
    const pack = await layersPack(denseModel());
    const before = runtime.memory();

    await expect(runtime.load(pack.bytes.subarray(0, pack.bytes.byteLength - 40))).rejects.toThrow();

    expect(runtime.memory()).toEqual(before);
  });
}

/** The others have suites of their own: they take other packs. */
const ENGINES = enginesFor('tfjs-layers');

describe.each(ENGINES)('the %s engine', (name) => {
  runtimeSuite(() => createRuntime(name));
});

describe('both engines in one thread', () => {
  it('take turns, each with its own weights', async () => {
    const pack = await layersPack(convModel());
    const models: LoadedModel[] = [];
    for (const name of ENGINES) {
      const runtime = createRuntime(name);
      await runtime.start();
      models.push(await runtime.load(pack.bytes));
    }
    const input = (): Tensor => fp32('x', [2, 8, 8, 1], someNumbers(128));
    const answers: number[][] = [];
    for (let turn = 0; turn < 4; turn++) {
      const model = models[turn % 2];
      if (model === undefined) throw new Error('There are two models.');
      answers.push(valuesOf((await model.run([input()]))[0]));
    }

    expect(answers[2]).toEqual(answers[0]);
    expect(answers[3]).toEqual(answers[1]);
    expect(maxDifference(answers[0] ?? [], answers[1] ?? [])).toBeLessThan(1e-4);
    for (const model of models) model.dispose();
  });

  it('are available on a prepared machine, like all others', async () => {
    expect(await availableRuntimes()).toEqual(
      RUNTIMES.map((runtime) => ({ runtime, available: true, reason: null })),
    );
  });
});

describe('a graph with control flow', () => {
  it('runs on tfjs-node and leaves numTensors flat', async () => {
    const runtime = createRuntime('tfjs-node');
    await runtime.start();
    const pack = humanPack('handtrack');
    const model = await runtime.load(pack.bytes);
    const pixels = Int32Array.from(someNumbers(320 * 320 * 3), (value) => Math.floor(value * 255));
    const input = (): Tensor => ({
      name: pack.signature.inputs[0]?.name ?? '',
      datatype: 'INT32',
      shape: [1, 320, 320, 3],
      data: new Uint8Array(pixels.slice().buffer),
    });
    const first = await model.run([input()]);
    const before = runtime.memory();

    const second = await model.run([input()]);

    expect(second.map(({ name }) => name)).toEqual(pack.signature.outputs.map(({ name }) => name));
    expect(second.map(valuesOf)).toEqual(first.map(valuesOf));
    expect(runtime.memory()).toEqual(before);
    model.dispose();
  });
});

describe('an op without a kernel on an engine', () => {
  it('is named when the model runs', async () => {
    const runtime = createRuntime('tfjs-wasm');
    await runtime.start();
    const model = await runtime.load(singleOpPack('Imag').bytes);

    await expect(model.run([fp32('x', [1, 2], [0, 1])])).rejects.toThrow(/Imag.*not registered.*wasm/);
  });
});

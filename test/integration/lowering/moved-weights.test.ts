/** Large weights in files beside the graph, on TensorFlow itself: the same answers as with constants. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { decodePack } from '../../../src/inference/pack.js';
import { loweredFiles } from '../../../src/inference/worker/runtimes/lowered-files.js';
import { withFiles } from '../../../src/inference/worker/runtimes/private-directory.js';
import { loadBinding } from '../../../src/inference/worker/runtimes/tensorflow-binding.js';
import type { MoveLimits } from '../../../src/lowering/index.js';
import { savedAndRead } from '../../support/compare-stacks.js';
import { packOfModel } from '../../support/graph-models.js';
import { tf } from '../../support/make-pack.js';

const FLOAT = 1;
const ROWS = 3;
const MOVE_ALL: MoveLimits = { keptBytes: 0, largeBytes: 0 };
const KEEP_ALL: MoveLimits = { keptBytes: Infinity, largeBytes: Infinity };

const parent = mkdtempSync(join(tmpdir(), 'souk-moved-'));
afterAll(() => {
  rmSync(parent, { recursive: true, force: true });
});

type SmallModel = Pick<Extract<ReturnType<typeof decodePack>, { ok: true }>['value'], 'header' | 'weights'>;

/** Weights that stand for themselves, and in a loop; matrices, filters, biases and a scalar's row. */
async function smallModel(): Promise<SmallModel> {
  const layers = [
    tf.layers.conv1d({ filters: 6, kernelSize: 3, activation: 'relu', inputShape: [16, 4] }),
    tf.layers.batchNormalization({}),
    tf.layers.lstm({ units: 5 }),
    tf.layers.dense({ units: 2, activation: 'tanh' }),
  ];
  const model = await savedAndRead(tf.sequential({ layers }));
  if (typeof model === 'string') throw new Error(model);
  const fp32 = { datatype: 'FP32' } as const;
  const signature = {
    inputs: [{ ...fp32, name: 'x', shape: [-1, 16, 4] }],
    outputs: [{ ...fp32, name: 'y', shape: [-1, 2] }],
  };
  const pack = packOfModel(model, {
    name: 'main',
    signature,
    inputNodes: [],
    outputNodes: [],
  });
  const decoded = decodePack(pack);
  if (!decoded.ok) throw new Error(decoded.error.message);
  return decoded.value;
}

const native = loadBinding();

/** Loads it, its files gone at once; answers how to run it. */
async function loaded({ header, weights }: SmallModel, limits: MoveLimits): Promise<() => number[]> {
  const { lowered } = header;
  if (lowered === undefined) throw new Error('The model was not lowered.');
  const files = loweredFiles(lowered, header, weights, limits);
  expect([...files.keys()].filter((name) => name.startsWith('assets/'))).toHaveLength(
    limits === MOVE_ALL ? lowered.weights.length : 0,
  );
  const session = withFiles(files, parent, (directory) => native.loadSavedModel(directory, 'serve'));
  expect(readdirSync(parent)).toEqual([]);
  const [input = '', output = ''] = [lowered.inputs, lowered.outputs].map(([port]) => port?.tensor);
  return () => {
    const values = Float32Array.from({ length: ROWS * 16 * 4 }, (_, at) => Math.sin(at));
    const given = native.createTensor([ROWS, 16, 4], FLOAT, values);
    const [made] = native.runSavedModel(session, [given], input, output);
    if (made === undefined) throw new Error('The graph gave nothing.');
    const answer = [...(native.tensorDataSync(made.id) as Float32Array)];
    for (const id of [given, made.id]) native.deleteTensor(id);
    return answer;
  };
}

it('answers as it does with constants, again and again, beside another model whose weights are named alike', async () => {
  const models = [await smallModel(), await smallModel()];
  const kept = await Promise.all(models.map((model) => loaded(model, KEEP_ALL)));
  const moved = await Promise.all(models.map((model) => loaded(model, MOVE_ALL)));
  const expected = kept.map((run) => run());
  expect(expected.flat()).toHaveLength(2 * ROWS * 2);
  expect(expected[0]).not.toEqual(expected[1]);
  for (let round = 0; round < 2; round++) {
    moved.forEach((run, which) => {
      run().forEach((value, at) => expect(value).toBeCloseTo(expected[which]?.[at] as number, 5));
    });
  }
});

/** A model of tfjs-layers saved, read as an import reads it, lowered and run: against tfjs-layers' own answer. */
import type * as Tfjs from '@tensorflow/tfjs';
import type { ConvertedModel } from '../../src/importers/converted-model.js';
import { Refused } from '../../src/importers/refused.js';
import { readTfjsLayers } from '../../src/importers/tfjs-layers.js';
import { agreement } from '../../src/importers/trial-tensors.js';
import type { Tensor } from '../../src/lib/tensor.js';
import { elementsOf, float32, packOfModel } from './graph-models.js';
import type { Engines } from './importing.js';
import { tf } from './make-pack.js';
import { buildModel, numbersFrom, type RandomModel, type Recipe } from './random-stacks.js';

/** Both compute in float32, in other orders; recurrences and normalisations enlarge what is rounded. */
const MAX_DIFF = 2e-4;
/** What is smaller may come of another series for a function, where all outputs are next to nothing. */
const MAX_ABSOLUTE = 2e-6;
const ROWS = [1, 5];
const NOT_COMPUTED = /not implemented for array of rank|not yet supported/;

export interface StackResult {
  readonly classes: readonly string[];
  readonly diff: number;
  readonly isSkipped: boolean;
  /** What is wrong with it, or `null`. */
  readonly problem: string | null;
}

export async function compareStack(engines: Engines, recipe: Recipe): Promise<StackResult> {
  tf.engine().startScope();
  try {
    return await compare(engines, buildModel(recipe), recipe.seed);
  } finally {
    tf.engine().endScope();
    tf.disposeVariables();
  }
}

async function compare(
  engines: Engines,
  { model, tableSizes, classes }: RandomModel,
  seed: number,
): Promise<StackResult> {
  const converted = await savedAndRead(model);
  if (typeof converted === 'string') return { classes, diff: Infinity, isSkipped: false, problem: converted };
  if (converted.lowered?.ok !== true) {
    return {
      classes,
      diff: Infinity,
      isSkipped: false,
      problem: `Not lowered: ${converted.lowered?.error.message ?? ''}`,
    };
  }
  const loaded = await engines.load('tfjs-graph', packOfModel(converted));
  try {
    let diff = 0;
    for (const rows of ROWS) {
      const inputs = inputsOf(model, tableSizes, rows, seed);
      const expected = predicted(model, inputs);
      // A layer that tfjs-layers has and none of its kernels computes: nothing to compare.
      if (expected === null) return { classes, diff: 0, isSkipped: true, problem: null };
      const made = await loaded.run(inputs.map((input) => ({ ...input, data: input.data.slice() })));
      diff = Math.max(
        diff,
        agreement(
          expected,
          made.map((one, i) => ({ ...one, name: expected[i]?.name ?? '' })),
        ),
      );
      if (!(diff <= MAX_DIFF) && !(largestDifference(expected, made) <= MAX_ABSOLUTE)) {
        return {
          classes,
          diff,
          isSkipped: false,
          problem: `With ${rows} rows its outputs differ by ${diff} of their magnitude.`,
        };
      }
    }
    return { classes, diff, isSkipped: false, problem: null };
  } finally {
    loaded.dispose();
  }
}

/** As tfjs-layers saves it and an import reads it; or why it is refused. */
export async function savedAndRead(model: Tfjs.LayersModel): Promise<ConvertedModel | string> {
  let saved: Tfjs.io.ModelArtifacts | undefined;
  await model.save(
    tf.io.withSaveHandler((artifacts) => {
      saved = artifacts;
      return Promise.resolve({
        modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' as const },
      });
    }),
  );
  const bytes = new Uint8Array(saved?.weightData as ArrayBuffer);
  let at = 0;
  const blocks = (saved?.weightSpecs ?? []).map(({ name, shape }) => {
    const byteLength = 4 * shape.reduce((a, b) => a * b, 1);
    const block = bytes.slice(at, at + byteLength);
    at += byteLength;
    return { spec: { name, shape, dtype: 'float32' as const }, byteLength, read: () => block };
  });
  try {
    return readTfjsLayers(JSON.parse(JSON.stringify(saved?.modelTopology)) as never, blocks, null);
  } catch (error) {
    if (error instanceof Refused) return `Refused: ${error.refusal.message}`;
    throw error;
  }
}

function inputsOf(
  model: Tfjs.LayersModel,
  tableSizes: readonly (number | null)[],
  rows: number,
  seed: number,
): Tensor[] {
  const next = numbersFrom(seed + rows);
  return model.inputs.map((input, i) => {
    const shape = [rows, ...input.shape.slice(1).map((size) => size ?? 1)];
    const table = tableSizes[i] ?? null;
    const values = Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () =>
      table === null ? 4 * next() - 2 : Math.floor(next() * table),
    );
    return float32(`x${i}`, shape, values);
  });
}

function predicted(model: Tfjs.LayersModel, inputs: readonly Tensor[]): Tensor[] | null {
  const given = inputs.map(({ shape, data }) => tf.tensor(new Float32Array(data.slice().buffer), [...shape]));
  let made: Tfjs.Tensor | Tfjs.Tensor[];
  try {
    made = model.predict(given.length === 1 ? (given[0] as Tfjs.Tensor) : given);
  } catch (error) {
    if (error instanceof Error && NOT_COMPUTED.test(error.message)) return null;
    throw error;
  }
  return (Array.isArray(made) ? made : [made]).map((tensor, i) =>
    float32(`y${i}`, tensor.shape, [...tensor.dataSync()]),
  );
}

function largestDifference(expected: readonly Tensor[], made: readonly Tensor[]): number {
  const values = (tensors: readonly Tensor[]): number[] => tensors.flatMap(elementsOf);
  const [a, b] = [values(expected), values(made)];
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - (b[i] ?? NaN))), 0);
}

/** What a model's inputs and outputs really look like: found by running it on sizes of our choice. */
import type { LoadedModel } from '../../inference/worker/runtimes/index.js';
import type { Signature, Tensor } from '../../lib/tensor.js';
import type { ConvertedModel, ModelTensor } from '../converted-model.js';
import { freeSizesOf, isBatchName, type FreeSizes, type Sizes } from '../free-sizes.js';
import { copies, rowProblem } from '../trial-tensors.js';
import { findSizes, isTooLarge, type Found } from './find-sizes.js';
import { runSample } from './run-sample.js';

/** What the first engine that works made of the inputs: the measure for the others. */
export interface Reference {
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  readonly signature: Signature;
  /** The first dimension of all inputs is one batch, as far as the file and two rows tell. */
  readonly hasRows: boolean;
  readonly notes: readonly string[];
}

type Declared = Pick<ConvertedModel, 'inputs' | 'outputs' | 'hasShapesByValue'>;

/** More free dimensions than this are varied together. */
const MAX_VARIED = 16;
const MAX_PAIRED = 8;

/**
 * Finds sizes for the free dimensions that run, then runs again with others to see which output dimensions
 * follow. A model that says its batch is free but cannot take two rows gets a batch of exactly one.
 * @param sample inputs of the publisher's, in the signature's order, in place of made-up ones
 */
export async function explore(
  model: LoadedModel,
  signature: Signature,
  declared: Declared,
  sample: readonly Tensor[] | null,
): Promise<Reference> {
  const free = freeSizesOf(
    signature,
    declared.inputs.map(({ dimensionNames }) => dimensionNames),
  );
  const found =
    sample === null ? await findSizes(model, signature, free) : await runSample(model, free, sample);
  const run = async (sizes: Sizes): Promise<readonly Tensor[] | null> => {
    const shapes = free.shapes(sizes);
    return shapes === null || isTooLarge(shapes) ? null : tryRun(model, found.inputsOf(shapes));
  };
  const rows = await findRows(free, found, run);
  const notes = rows.note === null ? [] : [rows.note];
  const others =
    rows.kind === 'ROWS' || rows.kind === 'ONE_ROW' ? free.names : [...free.batch, ...free.names];
  const { varied, fixed } = await varyEach(found.sizes, others, run);
  notes.push(...fixed.map((name) => onlySizeNote(name, found.sizes)));
  if (found.isNotable) notes.push(`The trial ran with ${found.inputs.map(shown).join(', ')}.`);
  if (found.outputs.some(hasNonFinite))
    notes.push('Some outputs are not finite (NaN or infinity) on made-up inputs.');

  // A size that depends on what the inputs hold (boxes found, steps made) is the file's word only.
  const mayDiffer = (at: number, axis: number): boolean =>
    declared.hasShapesByValue !== false &&
    (axis > 0 ||
      rows.kind === 'NO_ROWS' ||
      (rows.kind === 'ROWS' && rows.wider[at]?.shape[0] === found.outputs[at]?.shape[0]));
  const isFree = (at: number, axis: number, size: number): boolean => {
    if (rows.kind === 'ROWS' && axis === 0 && size === 1 && rows.wider[at]?.shape[0] === 2) return true;
    if (varied.some((outputs) => outputs[at]?.shape[axis] !== size)) return true;
    return mayDiffer(at, axis) && declaredFree(declared.outputs[at], found.outputs[at], axis);
  };
  return {
    inputs: found.inputs,
    outputs: found.outputs,
    hasRows: rows.kind === 'ROWS',
    notes,
    signature: {
      inputs: signature.inputs.map((spec) =>
        rows.kind === 'ONE_ROW' ? { ...spec, shape: [1, ...spec.shape.slice(1)] } : spec,
      ),
      outputs: found.outputs.map((output, at) => ({
        name: signature.outputs[at]?.name ?? output.name,
        datatype: output.datatype,
        shape: output.shape.map((size, axis) => (isFree(at, axis, size) ? -1 : size)),
      })),
    },
  };
}

/** Whether the file says that the dimension is free, for an output of the rank that came. */
function declaredFree(declared: ModelTensor | undefined, output: Tensor | undefined, axis: number): boolean {
  return declared?.shape?.length === output?.shape.length && declared?.shape?.[axis] === -1;
}

type Run = (sizes: Sizes) => Promise<readonly Tensor[] | null>;

type Rows =
  /** As many rows of the outputs as of the inputs, each on its own. */
  | { readonly kind: 'ROWS'; readonly wider: readonly Tensor[]; readonly note: null }
  /** A batch by name or custom that takes one row, or mixes rows. */
  | { readonly kind: 'ONE_ROW'; readonly note: string }
  /** The first dimensions are no batch. */
  | { readonly kind: 'NO_ROWS'; readonly note: null };

async function findRows({ batch, names }: FreeSizes, { sizes, outputs }: Found, run: Run): Promise<Rows> {
  const noRows: Rows = { kind: 'NO_ROWS', note: null };
  const [first, ...rest] = batch;
  if (first === undefined || batch.some((name) => sizes.get(name) !== 1)) return noRows;
  // Two names in the file for the inputs' first dimensions: one batch only when one cannot grow without the other.
  if (rest.length > 0 && (await run(new Map([...sizes, [first, 2]]))) !== null) return noRows;
  const wider = await run(new Map([...sizes, ...batch.map((name): [string, number] => [name, 2])]));
  // More of them make other dimensions longer (every row of one input with every row of another): a size, not a batch.
  const changes = ({ shape }: Tensor, at: number): boolean =>
    shape.slice(1).some((size, axis) => size !== outputs[at]?.shape[axis + 1]);
  if (wider?.some(changes) === true) return noRows;
  const problem = rowProblem(outputs, wider);
  if (problem === null && wider !== null) return { kind: 'ROWS', wider, note: null };
  const isBatchByName = rest.length === 0 && isBatchName(first);
  if (!isBatchByName || (names.length === 0 && outputs.every(({ shape }) => shape.length === 0)))
    return noRows;
  return {
    kind: 'ONE_ROW',
    note: `The model declares a free batch dimension, but ${problem ?? ''}; its batch is fixed to 1.`,
  };
}

interface Variations {
  readonly varied: readonly (readonly Tensor[])[];
  /** Names for which no other size runs. */
  readonly fixed: readonly string[];
}

/** Each name alone, and two at a time where one alone cannot change: the file may not say that they are equal. */
async function varyEach(sizes: Sizes, names: readonly string[], run: Run): Promise<Variations> {
  const varied: (readonly Tensor[])[] = [];
  const fixed = new Set<string>();
  for (const group of names.length > MAX_VARIED ? [names] : names.map((name) => [name])) {
    const outputs = await vary(sizes, group, run);
    varied.push(...outputs);
    if (outputs.length === 0) for (const name of group.slice(0, MAX_VARIED)) fixed.add(name);
  }
  const alone = names.length > MAX_VARIED ? [] : [...fixed].slice(0, MAX_PAIRED);
  for (const [at, name] of alone.entries()) {
    for (const other of alone.slice(at + 1)) {
      if (sizes.get(name) !== sizes.get(other)) continue;
      const outputs = await vary(sizes, [name, other], run);
      if (outputs.length === 0) continue;
      varied.push(...outputs);
      fixed.delete(name);
      fixed.delete(other);
    }
  }
  return { varied, fixed: [...fixed] };
}

/** A little, for what follows at once; far, for what is rounded to a multiple of something; less, where more is too much. */
const CHANGES: readonly (readonly ((size: number) => number)[])[] = [
  [(size) => size * 2, (size) => size + 1, (size) => size * 4, (size) => Math.max(1, Math.floor(size / 2))],
  [(size) => size + 64, (size) => size * 64],
];
const MAX_VARIED_SIZE = 4096;

const mostFor = (size = 1): number => Math.max(MAX_VARIED_SIZE, 4 * size);

/** The outputs with other sizes for these names; empty when no other size runs. */
async function vary(
  sizes: Sizes,
  names: readonly string[],
  run: Run,
): Promise<readonly (readonly Tensor[])[]> {
  const made: (readonly Tensor[])[] = [];
  for (const changes of CHANGES) {
    for (const change of changes) {
      const other = names.map((name): [string, number] => [name, change(sizes.get(name) ?? 1)]);
      if (other.some(([name, size]) => size === sizes.get(name) || size > mostFor(sizes.get(name)))) continue;
      const outputs = await run(new Map([...sizes, ...other]));
      if (outputs === null) continue;
      made.push(outputs);
      break;
    }
  }
  return made;
}

function onlySizeNote(name: string, sizes: Sizes): string {
  return `The model leaves ${/^(the|dimension) /.test(name) ? name : `"${name}"`} free, but of the sizes tried it ran only with ${sizes.get(name)}.`;
}

function shown({ name, shape }: Tensor): string {
  return `"${name}" [${shape.join(', ')}]`;
}

async function tryRun(model: LoadedModel, inputs: readonly Tensor[]): Promise<readonly Tensor[] | null> {
  try {
    return await model.run(copies(inputs));
  } catch {
    // "Does not take two rows" is an answer, not an error: the caller fixes the batch to one.
    return null;
  }
}

function hasNonFinite(output: Tensor): boolean {
  if (output.datatype !== 'FP32') return false;
  const values = new Float32Array(output.data.slice().buffer);
  return values.some((value) => !Number.isFinite(value));
}

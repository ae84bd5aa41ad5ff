/** What a model's inputs and outputs really look like: found by running it on sizes of our choice. */
import type { LoadedModel } from '../../inference/worker/runtimes/index.js';
import { elementCount, type Signature, type Tensor } from '../../lib/tensor.js';
import { IMPORT_LIMITS } from '../limits.js';
import { copies, rowProblem, TRIAL_TEXTS, trialInputs } from '../trial-tensors.js';

/** Tried in turn for dimensions that the model leaves free, besides the batch. */
const FREE_SIZES = [1, 8, 32, 64, 224, 320];

/** An output as the file describes it; `null` when it does not. */
export interface Declared {
  readonly shape: readonly number[] | null;
}

type MakeInputs = (batch: number, size: number) => Tensor[];

/** What the first engine that works made of the inputs: the measure for the others. */
export interface Reference {
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  readonly signature: Signature;
  readonly notes: readonly string[];
}

/**
 * Finds sizes for the free dimensions that run, then runs again with others to see which output dimensions
 * follow. A model that says its batch is free but cannot take two rows gets a batch of exactly one.
 */
export async function explore(
  model: LoadedModel,
  signature: Signature,
  declared: readonly Declared[] = [],
): Promise<Reference> {
  const hasFreeSize = signature.inputs.some((spec) => spec.shape.slice(1).includes(-1));
  let firstError: unknown = null;
  const hasTexts = signature.inputs.some(({ datatype }) => datatype === 'BYTES');
  for (const text of hasTexts ? TRIAL_TEXTS : [null]) {
    for (const size of hasFreeSize ? FREE_SIZES : [1]) {
      const made: MakeInputs = (batch, wanted) => trialInputs(signature, batch, wanted, text);
      const inputs = made(1, size);
      if (inputs.some((input) => elementCount(input.shape) > IMPORT_LIMITS.maxInputElements)) break;
      try {
        const outputs = await model.run(copies(inputs));
        return await settle(model, signature, declared, made, inputs, outputs, size);
      } catch (error) {
        firstError ??= error;
      }
    }
  }
  throw firstError;
}

async function settle(
  model: LoadedModel,
  signature: Signature,
  declared: readonly Declared[],
  made: MakeInputs,
  inputs: readonly Tensor[],
  outputs: readonly Tensor[],
  size: number,
): Promise<Reference> {
  const notes: string[] = [];
  const batchIsFree = signature.inputs.every((spec) => spec.shape[0] === -1);
  const wider = batchIsFree ? await tryRun(model, made(2, size)) : null;
  const batchProblem = batchIsFree ? rowProblem(outputs, wider) : null;
  let settledInputs = signature.inputs;
  if (batchProblem !== null) {
    settledInputs = signature.inputs.map((spec) => ({ ...spec, shape: [1, ...spec.shape.slice(1)] }));
    notes.push(`The model declares a free batch dimension, but ${batchProblem}; its batch is fixed to 1.`);
  }
  const hasFreeSize = signature.inputs.some((spec) => spec.shape.slice(1).includes(-1));
  const larger = hasFreeSize ? await tryRun(model, made(1, size * 2)) : null;
  const shapeOf = (output: Tensor, i: number): number[] =>
    output.shape.map((dimension, axis) => {
      const followsBatch =
        batchProblem === null && axis === 0 && wider?.[i]?.shape[0] === 2 && dimension === 1;
      const followsSize = larger !== null && larger[i]?.shape[axis] !== dimension;
      // A size that depends on what the inputs hold (boxes found, steps made) is the file's word only.
      const isOpen = axis > 0 || !batchIsFree || rowsStay(outputs[i], wider?.[i]);
      const isDeclaredFree = isOpen && declaredFree(declared[i], output, axis);
      return followsBatch || followsSize || isDeclaredFree ? -1 : dimension;
    });
  if (outputs.some(hasNonFinite))
    notes.push('Some outputs are not finite (NaN or infinity) on made-up inputs.');
  return {
    inputs,
    outputs,
    notes,
    signature: {
      inputs: settledInputs,
      outputs: outputs.map((output, i) => ({
        name: signature.outputs[i]?.name ?? output.name,
        datatype: output.datatype,
        shape: shapeOf(output, i),
      })),
    },
  };
}

/** Whether the file says that the dimension is free, for an output of the rank that came. */
function declaredFree(declared: Declared | undefined, { shape }: Tensor, axis: number): boolean {
  return declared?.shape?.length === shape.length && declared.shape[axis] === -1;
}

function rowsStay(one: Tensor | undefined, two: Tensor | undefined): boolean {
  return one !== undefined && two !== undefined && one.shape[0] === two.shape[0];
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

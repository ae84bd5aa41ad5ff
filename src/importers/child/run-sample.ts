/** The publisher's own inputs in the trial, for models that made-up ones do not suit. */
import type { LoadedModel } from '../../inference/worker/runtimes/index.js';
import type { Signature, Tensor } from '../../lib/tensor.js';
import type { FreeSizes } from '../free-sizes.js';
import { refuseImport } from '../refused.js';
import { copies, resized } from '../trial-tensors.js';
import type { Found } from './find-sizes.js';

/**
 * Runs the sample, of its rows only the first where one row is enough.
 * @throws Refused naming the input that does not fit the signature, or what the engine threw
 */
export async function runSample(
  model: LoadedModel,
  signature: Signature,
  free: FreeSizes,
  sample: readonly Tensor[],
): Promise<Found> {
  const given = inOrder(signature, sample);
  const sizes = free.sizesIn(given.map(({ shape }) => shape));
  if (typeof sizes === 'string') {
    return refuseImport(
      'TRIAL_FAILED',
      sizes,
      `The sample gives "${sizes}" two sizes; in the model it is one.`,
    );
  }
  const inputsOf: Found['inputsOf'] = (shapes) =>
    given.map((tensor, at) => resized(tensor, shapes[at] ?? []));
  const oneRow = new Map([...sizes, ...free.batch.map((name): [string, number] => [name, 1])]);
  const shapes = free.batch.some((name) => sizes.get(name) !== 1) ? free.shapes(oneRow) : null;
  if (shapes !== null) {
    const inputs = inputsOf(shapes);
    try {
      return { sizes: oneRow, inputsOf, inputs, outputs: await model.run(copies(inputs)), isNotable: true };
    } catch {
      // The model wants all the rows that were given; then it has no rows of their own.
    }
  }
  return { sizes, inputsOf, inputs: given, outputs: await model.run(copies(given)), isNotable: true };
}

function inOrder({ inputs }: Signature, sample: readonly Tensor[]): readonly Tensor[] {
  const surplus = sample.find(({ name }) => !inputs.some((spec) => spec.name === name));
  if (surplus !== undefined) {
    refuseImport(
      'TRIAL_FAILED',
      surplus.name,
      `The sample has the input "${surplus.name}"; the model takes ${inputs.map(({ name }) => `"${name}"`).join(', ')}.`,
    );
  }
  return inputs.map((spec) => {
    const tensor = sample.find(({ name }) => name === spec.name);
    const fits =
      tensor?.datatype === spec.datatype &&
      tensor.shape.length === spec.shape.length &&
      spec.shape.every((size, axis) => size === -1 || size === tensor.shape[axis]);
    if (tensor !== undefined && fits) return tensor;
    const found =
      tensor === undefined ? 'has no such input' : `has ${tensor.datatype} [${tensor.shape.join(', ')}]`;
    return refuseImport(
      'TRIAL_FAILED',
      spec.name,
      `The input "${spec.name}" is ${spec.datatype} [${spec.shape.join(', ')}] (-1: any size); the sample ${found}.`,
    );
  });
}

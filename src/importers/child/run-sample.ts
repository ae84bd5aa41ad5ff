/** The publisher's own inputs in the trial, for models that made-up ones do not suit. */
import type { LoadedModel } from '../../inference/worker/runtimes/index.js';
import type { Tensor } from '../../lib/tensor.js';
import type { FreeSizes } from '../free-sizes.js';
import { refuseImport } from '../refused.js';
import { copies, resized } from '../trial-tensors.js';
import type { Found } from './find-sizes.js';

/**
 * Runs the sample, of its rows only the first where one row is enough.
 * @param given its inputs, in the order of the signature
 * @throws Refused naming the dimension that has two sizes, or what the engine threw
 */
export async function runSample(
  model: LoadedModel,
  free: FreeSizes,
  given: readonly Tensor[],
): Promise<Found> {
  const sizes = free.sizesIn(given.map(({ shape }) => shape));
  if (typeof sizes === 'string') {
    return refuseImport(
      'SAMPLE_MISMATCH',
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

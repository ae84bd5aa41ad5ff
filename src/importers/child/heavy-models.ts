/** Which models are too heavy to be one TensorFlow graph. */
import { parameterCount, type ConvertedModel } from '../converted-model.js';

/**
 * TensorFlow copies the constants of a graph again and again while it prepares it: 2.2 GiB of memory at the height for
 * 128 MiB of weights, 3.0 for 192, 7.1 for 512. No worker has that to spare where another engine serves.
 */
const MAX_LOWERED_BYTES = 160 * 1024 * 1024;
const WIDEST_BYTES = 4;

/** A sentence, or `null` when it is not. */
export function tooHeavyToLower(model: ConvertedModel): string | null {
  const bytes = parameterCount(model) * WIDEST_BYTES;
  if (bytes <= MAX_LOWERED_BYTES) return null;
  return `The weights take ${bytes} bytes; beyond ${MAX_LOWERED_BYTES} TensorFlow needs too much memory for one graph.`;
}

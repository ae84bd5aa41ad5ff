import { bytesPerElement, elementCount, type Signature } from '../lib/tensor.js';
import type { WireTensor } from './messages.js';

/** A run of zeros that is larger than this would cost more than it saves. */
const MAX_BYTES = 64 * 2 ** 20;
/** Of a BYTES element without content: its length. */
const EMPTY_ELEMENT_BYTES = 4;

/** One row of zeros for each input (BYTES: empty elements), free dimensions as 1; `null` when that is too large. */
export function warmInputs(signature: Signature): WireTensor[] | null {
  const shaped = signature.inputs.map(({ name, datatype, shape }) => ({
    name,
    datatype,
    shape: shape.map((dimension) => (dimension < 0 ? 1 : dimension)),
  }));
  const sizes = shaped.map(
    ({ datatype, shape }) => elementCount(shape) * (bytesPerElement(datatype) ?? EMPTY_ELEMENT_BYTES),
  );
  if (sizes.reduce((sum, size) => sum + size, 0) > MAX_BYTES) return null;
  return shaped.map((tensor, at) => ({ ...tensor, data: new ArrayBuffer(sizes[at] ?? 0) }));
}

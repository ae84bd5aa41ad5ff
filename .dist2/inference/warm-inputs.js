import { bytesPerElement, elementCount } from "../lib/tensor.js";
const MAX_BYTES = 64 * 2 ** 20;
const EMPTY_ELEMENT_BYTES = 4;
function warmInputs(signature) {
  const shaped = signature.inputs.map(({ name, datatype, shape }) => ({
    name,
    datatype,
    shape: shape.map((dimension) => dimension < 0 ? 1 : dimension)
  }));
  const sizes = shaped.map(
    ({ datatype, shape }) => elementCount(shape) * (bytesPerElement(datatype) ?? EMPTY_ELEMENT_BYTES)
  );
  if (sizes.reduce((sum, size) => sum + size, 0) > MAX_BYTES) return null;
  return shaped.map((tensor, at) => ({ ...tensor, data: new ArrayBuffer(sizes[at] ?? 0) }));
}
export {
  warmInputs
};
//# sourceMappingURL=warm-inputs.js.map

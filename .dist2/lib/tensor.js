const DATATYPES = [
  "BOOL",
  "UINT8",
  "UINT16",
  "UINT32",
  "UINT64",
  "INT8",
  "INT16",
  "INT32",
  "INT64",
  "FP16",
  "FP32",
  "FP64",
  "BYTES"
];
const BYTES_PER_ELEMENT = {
  BOOL: 1,
  UINT8: 1,
  UINT16: 2,
  UINT32: 4,
  UINT64: 8,
  INT8: 1,
  INT16: 2,
  INT32: 4,
  INT64: 8,
  FP16: 2,
  FP32: 4,
  FP64: 8
};
function bytesPerElement(datatype) {
  return datatype === "BYTES" ? null : BYTES_PER_ELEMENT[datatype];
}
function elementCount(shape) {
  return shape.reduce((product, dimension) => product * dimension, 1);
}
function hasBatchDimension(signature) {
  return [...signature.inputs, ...signature.outputs].every((spec) => spec.shape[0] === -1);
}
export {
  DATATYPES,
  bytesPerElement,
  elementCount,
  hasBatchDimension
};
//# sourceMappingURL=tensor.js.map

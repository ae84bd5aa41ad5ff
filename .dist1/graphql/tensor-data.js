import { fromFloat16Bits } from "../lib/float16.js";
import { elementCount } from "../lib/tensor.js";
function encodeTensor(tensor, encoding) {
  const { name, datatype, shape } = tensor;
  const values = datatype === "BYTES" ? null : numbersOf(tensor);
  const nonFiniteCount = values === null ? 0 : countNonFinite(values);
  const data = encoding === "BASE64" ? base64Of(tensor.data) : jsonOf(tensor, values, nonFiniteCount > 0);
  return { name, datatype, shape, data, nonFiniteCount };
}
function numbersOf({ datatype, data }) {
  const isAligned = data.byteOffset % 8 === 0;
  const bytes = isAligned ? data : Uint8Array.from(data);
  const { buffer, byteOffset, byteLength } = bytes;
  switch (datatype) {
    case "BOOL":
    case "UINT8":
      return new Uint8Array(buffer, byteOffset, byteLength);
    case "UINT16":
      return new Uint16Array(buffer, byteOffset, byteLength / 2);
    case "UINT32":
      return new Uint32Array(buffer, byteOffset, byteLength / 4);
    case "UINT64":
      return new BigUint64Array(buffer, byteOffset, byteLength / 8);
    case "INT8":
      return new Int8Array(buffer, byteOffset, byteLength);
    case "INT16":
      return new Int16Array(buffer, byteOffset, byteLength / 2);
    case "INT32":
      return new Int32Array(buffer, byteOffset, byteLength / 4);
    case "INT64":
      return new BigInt64Array(buffer, byteOffset, byteLength / 8);
    case "FP16":
      return Float32Array.from(new Uint16Array(buffer, byteOffset, byteLength / 2), fromFloat16Bits);
    case "FP32":
      return new Float32Array(buffer, byteOffset, byteLength / 4);
    case "FP64":
      return new Float64Array(buffer, byteOffset, byteLength / 8);
    case "BYTES":
      throw new Error("The elements of a BYTES tensor are not numbers.");
  }
}
function countNonFinite(values) {
  if (!(values instanceof Float32Array || values instanceof Float64Array)) return 0;
  let count = 0;
  for (const value of values) if (!Number.isFinite(value)) count += 1;
  return count;
}
function jsonOf(tensor, values, hasNonFinite) {
  const { datatype, shape } = tensor;
  const flat = values === null ? textsOf(tensor) : elementsOf(datatype, values, hasNonFinite);
  if (shape.length === 0) return values === null ? flat : flat[0];
  return nest(flat, shape, 0, 0);
}
function elementsOf(datatype, values, hasNonFinite) {
  if (datatype === "BOOL") return Array.from(values, (value) => value !== 0);
  if (values instanceof BigInt64Array || values instanceof BigUint64Array) {
    return Array.from(values, (value) => {
      const number = Number(value);
      return Number.isSafeInteger(number) ? number : value.toString();
    });
  }
  const numbers = Array.from(values);
  return hasNonFinite ? numbers.map((value) => Number.isFinite(value) ? value : String(value)) : numbers;
}
function textsOf({ data, shape }) {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const texts = [];
  const count = elementCount(shape);
  for (let at = 0; texts.length < count; ) {
    const end = at + 4 + bytes.readUInt32LE(at);
    texts.push(bytes.toString("utf8", at + 4, end));
    at = end;
  }
  return texts;
}
function nest(flat, shape, depth, at) {
  const length = shape[depth];
  if (depth === shape.length - 1) return shape.length === 1 ? flat : flat.slice(at, at + length);
  const stride = elementCount(shape.slice(depth + 1));
  return Array.from({ length }, (_, i) => nest(flat, shape, depth + 1, at + i * stride));
}
function base64Of({ buffer, byteOffset, byteLength }) {
  return Buffer.from(buffer, byteOffset, byteLength).toString("base64");
}
export {
  encodeTensor
};
//# sourceMappingURL=tensor-data.js.map

import { elementCount } from "../lib/tensor.js";
import { refuseImport } from "./refused.js";
const MAX_RELATIVE_DIFF = 1e-3;
function trialInputs(signature, batch, size) {
  return signature.inputs.map((spec) => {
    const shape = spec.shape.map(
      (dimension, axis) => dimension !== -1 ? dimension : axis === 0 ? batch : size
    );
    return { name: spec.name, datatype: spec.datatype, shape, data: trialData(spec, elementCount(shape)) };
  });
}
function trialData(spec, count) {
  switch (spec.datatype) {
    case "FP32": {
      const values = new Float32Array(count);
      let state = 1;
      for (let i = 0; i < count; i++) {
        state = Math.imul(state, 1664525) + 1013904223 >>> 0;
        values[i] = state / 2 ** 32;
      }
      return new Uint8Array(values.buffer);
    }
    case "INT32":
      return new Uint8Array(Int32Array.from({ length: count }, (_, i) => i % 2).buffer);
    case "BOOL":
      return Uint8Array.from({ length: count }, (_, i) => i % 2);
    case "BYTES": {
      const element = Buffer.from([1, 0, 0, 0, 97]);
      return Buffer.concat(Array.from({ length: count }, () => element));
    }
    default:
      return refuseImport(
        "UNSUPPORTED_TENSOR",
        spec.name,
        `Input "${spec.name}" is ${spec.datatype}, which no engine takes.`
      );
  }
}
function agreement(expected, actual) {
  if (expected.length !== actual.length) return Infinity;
  return expected.reduce((worst, tensor, i) => Math.max(worst, tensorDifference(tensor, actual[i])), 0);
}
function tensorDifference(expected, actual) {
  if (actual === void 0 || expected.datatype !== actual.datatype) return Infinity;
  if (expected.shape.join() !== actual.shape.join()) return Infinity;
  if (expected.datatype !== "FP32") return Buffer.compare(expected.data, actual.data) === 0 ? 0 : Infinity;
  const a = new Float32Array(expected.data.slice().buffer);
  const b = new Float32Array(actual.data.slice().buffer);
  let magnitude = 0;
  let worst = 0;
  for (const [i, left] of a.entries()) {
    const right = b[i] ?? NaN;
    if (Object.is(left, right) || left === right) continue;
    const difference = Math.abs(left - right);
    if (!Number.isFinite(difference)) return Infinity;
    worst = Math.max(worst, difference);
    magnitude = Math.max(magnitude, Math.abs(left));
  }
  return worst === 0 ? 0 : worst / Math.max(magnitude, 1e-6);
}
function rowProblem(single, wider) {
  if (wider === null) return "cannot run on two rows";
  for (const [i, output] of single.entries()) {
    const other = wider[i];
    if (other === void 0 || other.shape.length !== output.shape.length)
      return "gives other tensors for two rows";
    const rows = [output.shape[0], other.shape[0]];
    if (output.shape.length === 0 || rows[0] === rows[1]) {
      continue;
    }
    if (rows[0] !== 1 || rows[1] !== 2) return `gives ${rows[0]} rows for one and ${rows[1]} for two`;
    const firstRow = { ...other, shape: output.shape, data: other.data.subarray(0, other.data.length / 2) };
    if (output.datatype !== "BYTES" && tensorDifference(output, firstRow) > MAX_RELATIVE_DIFF) {
      return "mixes the rows of a batch";
    }
  }
  return null;
}
export {
  MAX_RELATIVE_DIFF,
  agreement,
  rowProblem,
  trialInputs
};
//# sourceMappingURL=trial-tensors.js.map

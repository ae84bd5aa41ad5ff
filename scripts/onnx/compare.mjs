// How far an engine's tensor lies from the expected one, by the rule of the ONNX backend tests:
// |found - expected| <= atol + rtol * |expected|, integers and strings equal. Sums round by the size of what was added,
// and half floats have eleven bits: a millionth of the largest element, and two thousandths of a half, are no difference.
import { halfToNumber } from '../../dist/importers/half.js';
import { toTypedArray } from '../../dist/inference/tensors.js';

/** Why the two differ, or `null`. */
export function difference(expected, found, { rtol, atol }) {
  if (found === undefined) return `the output ${expected.name} is missing`;
  if (found.datatype !== expected.datatype)
    return `${expected.name} is ${found.datatype}, not ${expected.datatype}`;
  if (found.shape.join() !== expected.shape.join()) {
    return `${expected.name} has the shape [${found.shape}], not [${expected.shape}]`;
  }
  const reals = ['FP16', 'FP32', 'FP64'].includes(expected.datatype);
  if (!reals)
    return Buffer.compare(expected.data, found.data) === 0 ? null : `${expected.name} has other values`;
  const a = numbers(expected);
  const b = numbers(found);
  const rounding =
    a.reduce((max, value) => (Number.isFinite(value) ? Math.max(max, Math.abs(value)) : max), 0) * 1e-6;
  const relative = expected.datatype === 'FP16' ? Math.max(rtol, 2e-3) : rtol;
  for (const [i, wanted] of a.entries()) {
    const got = b[i];
    if (Object.is(wanted, got) || wanted === got || (Number.isNaN(wanted) && Number.isNaN(got))) continue;
    if (!(Math.abs(wanted - got) <= atol + rounding + relative * Math.abs(wanted))) {
      return `${expected.name}[${i}] is ${got}, not ${wanted}`;
    }
  }
  return null;
}

function numbers(tensor) {
  const values = toTypedArray(tensor.datatype, tensor.data);
  return tensor.datatype === 'FP16' ? Float32Array.from(values, halfToNumber) : values;
}

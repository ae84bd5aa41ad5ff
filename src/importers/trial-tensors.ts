/** Made-up inputs for a trial, the same every time, and how far two engines' answers lie apart. */
import {
  bytesPerElement,
  elementCount,
  type Signature,
  type Tensor,
  type TensorSpec,
} from '../lib/tensor.js';
import { halfToNumber } from './half.js';

/** Engines add in different orders; beyond this they compute different things. */
export const MAX_RELATIVE_DIFF = 1e-3;

/**
 * @param batch for a free first dimension
 * @param size for every other free dimension
 */
export function trialInputs(signature: Signature, batch: number, size: number): Tensor[] {
  return signature.inputs.map((spec) => {
    const shape = spec.shape.map((dimension, axis) =>
      dimension !== -1 ? dimension : axis === 0 ? batch : size,
    );
    return { name: spec.name, datatype: spec.datatype, shape, data: trialData(spec, elementCount(shape)) };
  });
}

function trialData(spec: TensorSpec, count: number): Uint8Array {
  switch (spec.datatype) {
    case 'FP32':
      return new Uint8Array(fractions(new Float32Array(count)).buffer);
    case 'FP64':
      return new Uint8Array(fractions(new Float64Array(count)).buffer);
    case 'FP16':
      // 0.5, 0.75 and 1 as bit patterns.
      return new Uint8Array(Uint16Array.from({ length: count }, (_, i) => 0x3800 + (i % 3) * 0x200).buffer);
    case 'BYTES': {
      const element = Buffer.from([1, 0, 0, 0, 0x61]);
      return Buffer.concat(Array.from({ length: count }, () => element));
    }
    default: {
      // 0 and 1 are valid token ids, class numbers and pixels alike.
      const width = bytesPerElement(spec.datatype) ?? 1;
      const data = new Uint8Array(count * width);
      for (let i = 1; i < count; i += 2) data[i * width] = 1;
      return data;
    }
  }
}

/** In [0, 1): in range for images and probabilities, and truncated to 0 where a model takes token ids. */
function fractions<A extends Float32Array | Float64Array>(values: A): A {
  let state = 1;
  for (let i = 0; i < values.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    values[i] = state / 2 ** 32;
  }
  return values;
}

/**
 * Largest difference over all outputs, relative to the largest magnitude in that output; infinite when
 * shapes or datatypes differ or only one side is NaN. Equal infinities and NaNs on both sides agree.
 */
export function agreement(expected: readonly Tensor[], actual: readonly Tensor[]): number {
  if (expected.length !== actual.length) return Infinity;
  return expected.reduce((worst, tensor, i) => Math.max(worst, tensorDifference(tensor, actual[i])), 0);
}

/** Of one tensor; see `agreement`. */
function tensorDifference(expected: Tensor, actual: Tensor | undefined): number {
  if (actual === undefined || expected.datatype !== actual.datatype) return Infinity;
  if (expected.shape.join() !== actual.shape.join()) return Infinity;
  const a = realValues(expected);
  const b = realValues(actual);
  if (a === null || b === null) return Buffer.compare(expected.data, actual.data) === 0 ? 0 : Infinity;
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

/** `null` for datatypes that are compared bit by bit. */
function realValues(tensor: Tensor): Float32Array | Float64Array | null {
  const { buffer } = tensor.data.slice();
  if (tensor.datatype === 'FP32') return new Float32Array(buffer);
  if (tensor.datatype === 'FP64') return new Float64Array(buffer);
  if (tensor.datatype === 'FP16') return Float32Array.from(new Uint16Array(buffer), halfToNumber);
  return null;
}

/**
 * Why requests must not share a run, or `null` when they may. The second condition protects tenants from
 * each other: were rows mixed (a mean over the batch), one caller's answer would depend on another's data.
 * The first row of the wider input is the narrow input, so its answer must be the narrow answer.
 */
export function rowProblem(single: readonly Tensor[], wider: readonly Tensor[] | null): string | null {
  if (wider === null) return 'cannot run on two rows';
  for (const [i, output] of single.entries()) {
    const other = wider[i];
    if (other === undefined || other.shape.length !== output.shape.length)
      return 'gives other tensors for two rows';
    const rows = [output.shape[0], other.shape[0]];
    if (output.shape.length === 0 || rows[0] === rows[1]) {
      // No row of its own per request: the pool never joins requests of such a model.
      continue;
    }
    if (rows[0] !== 1 || rows[1] !== 2) return `gives ${rows[0]} rows for one and ${rows[1]} for two`;
    const firstRow = { ...other, shape: output.shape, data: other.data.subarray(0, other.data.length / 2) };
    if (output.datatype !== 'BYTES' && tensorDifference(output, firstRow) > MAX_RELATIVE_DIFF) {
      return 'mixes the rows of a batch';
    }
  }
  return null;
}

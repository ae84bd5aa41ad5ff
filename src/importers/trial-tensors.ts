/** Made-up inputs for a trial, the same every time, and how far two engines' answers lie apart. */
import {
  bytesPerElement,
  elementCount,
  type Datatype,
  type Signature,
  type Tensor,
  type TensorSpec,
} from '../lib/tensor.js';
import { encodeBytesElements } from '../inference/index.js';
import { refuseImport } from './refused.js';

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
    case 'FP32': {
      // In [0, 1): in range for images and probabilities, and truncated to 0 where a model takes token ids.
      const values = new Float32Array(count);
      let state = 1;
      for (let i = 0; i < count; i++) {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        values[i] = state / 2 ** 32;
      }
      return new Uint8Array(values.buffer);
    }
    case 'INT32':
      // 0 and 1 are valid token ids, class numbers and pixels alike.
      return new Uint8Array(Int32Array.from({ length: count }, (_, i) => i % 2).buffer);
    case 'INT64':
      return new Uint8Array(BigInt64Array.from({ length: count }, (_, i) => BigInt(i % 2)).buffer);
    case 'UINT8':
    case 'BOOL':
      return Uint8Array.from({ length: count }, (_, i) => i % 2);
    case 'BYTES': {
      const element = Buffer.from([1, 0, 0, 0, 0x61]);
      return Buffer.concat(Array.from({ length: count }, () => element));
    }
    default:
      return refuseImport(
        'UNSUPPORTED_TENSOR',
        spec.name,
        `Input "${spec.name}" is ${spec.datatype}, which no engine takes.`,
      );
  }
}

/** A run takes its inputs' memory. */
export function copies(inputs: readonly Tensor[]): Tensor[] {
  return inputs.map((input) => ({ ...input, data: input.data.slice() }));
}

/**
 * As many random rows of the same kind, each unlike the others. Whole numbers are 0 or 1, as above.
 * @param inputs of one row each
 */
export function randomRows(inputs: readonly Tensor[], rows: number, seed: number): Tensor[] {
  let state = seed;
  const next = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  return inputs.map((input) => {
    const shape = [rows, ...input.shape.slice(1)];
    return { ...input, shape, data: randomData(input.datatype, elementCount(shape), next) };
  });
}

function randomData(datatype: Datatype, count: number, next: () => number): Uint8Array {
  const bit = (): number => Math.round(next());
  switch (datatype) {
    case 'FP32':
      return new Uint8Array(Float32Array.from({ length: count }, next).buffer);
    case 'INT32':
      return new Uint8Array(Int32Array.from({ length: count }, bit).buffer);
    case 'INT64':
      return new Uint8Array(BigInt64Array.from({ length: count }, () => BigInt(bit())).buffer);
    case 'BYTES':
      return encodeBytesElements(Array.from({ length: count }, () => Uint8Array.of(0x61 + bit())));
    default:
      return Uint8Array.from({ length: count * (bytesPerElement(datatype) ?? 1) }, bit);
  }
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
  if (expected.datatype !== 'FP32') return Buffer.compare(expected.data, actual.data) === 0 ? 0 : Infinity;
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

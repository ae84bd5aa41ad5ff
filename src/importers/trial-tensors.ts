/** Made-up inputs for a trial, the same every time, and how far two engines' answers lie apart. */
import {
  bytesPerElement,
  elementCount,
  type Datatype,
  type Signature,
  type Tensor,
  type TensorSpec,
} from '../lib/tensor.js';
import { decodeBytesElements, encodeBytesElements } from '../inference/index.js';
import { fromFloat16Bits } from '../lib/float16.js';

/** Engines add in different orders; beyond this they compute different things. */
export const MAX_RELATIVE_DIFF = 1e-3;

const PNG =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk-M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

/**
 * What a text may have to be for a model to run at all, tried in turn; `null`: a letter. Nothing (also an empty
 * tf.Example), a number, JSON, a picture, and a picture in the base64 that TensorFlow reads.
 */
export const TRIAL_TEXTS: readonly (Uint8Array | null)[] = [
  null,
  new Uint8Array(),
  Buffer.from('0'),
  Buffer.from('{}'),
  Buffer.from(PNG, 'base64url'),
  Buffer.from(PNG),
];

/** What whole numbers are made up as. 0 and 1 in turn are valid token ids, class numbers and pixels alike. */
export type TrialPattern = 'ALTERNATING' | 'ONES' | 'ZEROS';

export interface TrialFill {
  readonly pattern: TrialPattern;
  /** One of `TRIAL_TEXTS`. */
  readonly text: Uint8Array | null;
}

export const USUAL_FILL: TrialFill = { pattern: 'ALTERNATING', text: null };

/** @param shapes of the inputs, in their order */
export function trialInputs(
  signature: Signature,
  shapes: readonly (readonly number[])[],
  fill: TrialFill = USUAL_FILL,
): Tensor[] {
  return signature.inputs.map((spec, at) => {
    const shape = shapes[at] ?? [];
    return {
      name: spec.name,
      datatype: spec.datatype,
      shape,
      data: trialData(spec, elementCount(shape), fill),
    };
  });
}

/** A single number of such a name chooses between networks for sound of one rate or another. */
const SAMPLE_RATE_NAME = /^(sr|sample_?rate|sampling_?rate)$/i;
const SAMPLE_RATE = 16_000;

function trialData({ name, datatype }: TensorSpec, count: number, { pattern, text }: TrialFill): Uint8Array {
  if (datatype === 'BYTES' && text !== null)
    return encodeBytesElements(Array.from({ length: count }, () => text));
  if (count === 1 && SAMPLE_RATE_NAME.test(name)) {
    if (datatype === 'INT64') return new Uint8Array(BigInt64Array.of(BigInt(SAMPLE_RATE)).buffer);
    if (datatype === 'INT32') return new Uint8Array(Int32Array.of(SAMPLE_RATE).buffer);
  }
  return madeUp(datatype, count, fractions(1), (i) =>
    pattern === 'ALTERNATING' ? i % 2 : pattern === 'ONES' ? 1 : 0,
  );
}

/** In [0, 1): in range for images and probabilities, and truncated to 0 where a model takes token ids. */
export function fractions(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

function madeUp(
  datatype: Datatype,
  count: number,
  fraction: () => number,
  bit: (at: number) => number,
): Uint8Array {
  switch (datatype) {
    case 'FP32':
      return new Uint8Array(filled(new Float32Array(count), fraction).buffer);
    case 'FP64':
      return new Uint8Array(filled(new Float64Array(count), fraction).buffer);
    case 'FP16':
      // Bit patterns from 0.5 on, below 1.
      return new Uint8Array(
        filled(new Uint16Array(count), () => 0x3800 + Math.floor(fraction() * 1024)).buffer,
      );
    case 'BYTES':
      return encodeBytesElements(Array.from({ length: count }, (_, i) => Uint8Array.of(0x61 + bit(i))));
    default: {
      const width = bytesPerElement(datatype) ?? 1;
      const data = new Uint8Array(count * width);
      for (let i = 0; i < count; i++) data[i * width] = bit(i);
      return data;
    }
  }
}

function filled<A extends Float32Array | Float64Array | Uint16Array>(values: A, next: () => number): A {
  for (let i = 0; i < values.length; i++) values[i] = next();
  return values;
}

/** The same elements in another shape, from the beginning as often as needed; unchanged in its own. */
export function resized(tensor: Tensor, shape: readonly number[]): Tensor {
  const count = elementCount(shape);
  const held = elementCount(tensor.shape);
  if (shape.join() === tensor.shape.join()) return tensor;
  const width = bytesPerElement(tensor.datatype);
  if (width === null) {
    const elements = decodeBytesElements(tensor.data);
    const repeated = Array.from({ length: count }, (_, i) => elements[i % held] ?? new Uint8Array());
    return { ...tensor, shape, data: encodeBytesElements(repeated) };
  }
  const data = new Uint8Array(count * width);
  for (let at = 0; held > 0 && at < data.length; at += tensor.data.length) {
    data.set(tensor.data.subarray(0, data.length - at), at);
  }
  return { ...tensor, shape, data };
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
  const next = fractions(seed);
  return inputs.map((input) => {
    const shape = [rows, ...input.shape.slice(1)];
    // A text that had to be of some kind stays what it is.
    if (input.datatype === 'BYTES' && !isLetters(input))
      return { ...input, shape, data: repeated(input.data, rows) };
    const data = madeUp(input.datatype, elementCount(shape), next, () => Math.round(next()));
    return { ...input, shape, data };
  });
}

const LETTER_BYTES = 5;

function isLetters({ shape, data }: Tensor): boolean {
  return data.length === elementCount(shape) * LETTER_BYTES && data[0] === 1;
}

function repeated(data: Uint8Array, times: number): Uint8Array {
  return new Uint8Array(Buffer.concat(Array.from({ length: times }, () => data)));
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
    if (Number.isFinite(left)) magnitude = Math.max(magnitude, Math.abs(left));
    if (Object.is(left, right) || left === right) continue;
    const difference = Math.abs(left - right);
    if (!Number.isFinite(difference)) return Infinity;
    worst = Math.max(worst, difference);
  }
  return worst === 0 ? 0 : worst / Math.max(magnitude, 1e-6);
}

/** `null` for datatypes that are compared bit by bit. */
function realValues(tensor: Tensor): Float32Array | Float64Array | null {
  const { buffer } = tensor.data.slice();
  if (tensor.datatype === 'FP32') return new Float32Array(buffer);
  if (tensor.datatype === 'FP64') return new Float64Array(buffer);
  if (tensor.datatype === 'FP16') return Float32Array.from(new Uint16Array(buffer), fromFloat16Bits);
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
    if (output.shape.slice(1).join() !== other.shape.slice(1).join()) return 'gives other rows for two rows';
    const firstRow = { ...other, shape: output.shape, data: other.data.subarray(0, other.data.length / 2) };
    if (output.datatype !== 'BYTES' && tensorDifference(output, firstRow) > MAX_RELATIVE_DIFF) {
      return 'mixes the rows of a batch';
    }
  }
  return null;
}

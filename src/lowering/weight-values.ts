/**
 * Weights as TensorFlow.js stores them (`weightSpecs` and one block of bytes) into the values of constants: unpacked
 * and in the type that the graph declares.
 */
import { fromFloat16Bits } from '../lib/float16.js';
import type { Dtype } from './graph.js';

/** As tfjs names it. */
export interface StoredWeight {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: 'float32' | 'int32' | 'bool' | 'string' | 'complex64';
  readonly quantization?: {
    readonly dtype: 'uint8' | 'uint16' | 'float16';
    readonly scale?: number;
    readonly min?: number;
  };
}

/** Elements as they lie in memory, little-endian, or strings. */
export type WeightValue = Uint8Array | readonly Uint8Array[];

const PACKED_BYTES = { uint8: 1, uint16: 2, float16: 2 } as const;
const ELEMENT_BYTES = { float32: 4, int32: 4, bool: 1, complex64: 8 } as const;

/** Bytes that a weight takes from `start` on. */
export function storedBytes(spec: StoredWeight, block: Uint8Array, start: number): number {
  const count = spec.shape.reduce((product, size) => product * size, 1);
  if (spec.dtype !== 'string') {
    return count * (spec.quantization ? PACKED_BYTES[spec.quantization.dtype] : ELEMENT_BYTES[spec.dtype]);
  }
  // Strings lie with their lengths before them, 4 bytes each.
  const view = new DataView(block.buffer, block.byteOffset, block.byteLength);
  let at = start;
  for (let i = 0; i < count; i++) at += 4 + view.getUint32(at, true);
  return at - start;
}

/** `null` when a weight of this kind cannot become the type. */
export function weightValue(spec: StoredWeight, bytes: Uint8Array, dtype: Dtype): WeightValue | null {
  if (spec.dtype === 'string') return dtype === 'string' ? stringsIn(bytes) : null;
  if (spec.quantization === undefined && spec.dtype === dtype) return bytes;
  const numbers = numbersIn(spec, bytes);
  switch (dtype) {
    case 'float32':
      return bytesOf(Float32Array.from(numbers));
    case 'float64':
      return bytesOf(Float64Array.from(numbers));
    case 'int32':
      return bytesOf(Int32Array.from(numbers));
    case 'int64':
      return bytesOf(BigInt64Array.from(numbers, (value) => BigInt(Math.round(value))));
    case 'int16':
      return bytesOf(Int16Array.from(numbers));
    case 'int8':
      return bytesOf(Int8Array.from(numbers));
    case 'uint8':
    case 'bool':
      return Uint8Array.from(numbers);
    default:
      return null;
  }
}

function bytesOf(values: ArrayBufferView): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

function stringsIn(bytes: Uint8Array): readonly Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const strings: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = view.getUint32(at, true);
    strings.push(bytes.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return strings;
}

/**
 * Quantised weights are `value * scale + min`, rounded where the weight is an integer; so does TensorFlow.js
 * (`tfjs-core/src/io/io_utils.ts`). Without the rounding, paddings and shapes come out wrong by one.
 */
function numbersIn(spec: StoredWeight, bytes: Uint8Array): Float32Array | Int32Array | Uint8Array {
  const { quantization } = spec;
  // A copy, from the start of a buffer: a view of wider elements needs one. (A Buffer.s own `slice` is none.)
  const own = new Uint8Array(bytes);
  if (quantization === undefined) {
    if (spec.dtype === 'float32') return new Float32Array(own.buffer);
    return spec.dtype === 'int32' ? new Int32Array(own.buffer) : own;
  }
  if (quantization.dtype === 'float16')
    return Float32Array.from(new Uint16Array(own.buffer), fromFloat16Bits);
  const { scale = 1, min = 0 } = quantization;
  const packed = quantization.dtype === 'uint8' ? own : new Uint16Array(own.buffer);
  if (spec.dtype === 'int32') return Int32Array.from(packed, (value) => Math.round(value * scale + min));
  return Float32Array.from(packed, (value) => value * scale + min);
}

/** Elements of tensors as numbers and back. Pure. */
import { fromFloat16Bits, toFloat16Bits } from '../../lib/float16.js';
import { bytesPerElement, type Datatype } from '../../lib/tensor.js';

type Reader = (view: DataView, at: number) => number;
type Writer = (view: DataView, at: number, value: number) => void;

const READERS: Readonly<Record<Exclude<Datatype, 'BYTES'>, Reader>> = {
  BOOL: (view, at) => (view.getUint8(at) === 0 ? 0 : 1),
  UINT8: (view, at) => view.getUint8(at),
  INT8: (view, at) => view.getInt8(at),
  UINT16: (view, at) => view.getUint16(at, true),
  INT16: (view, at) => view.getInt16(at, true),
  UINT32: (view, at) => view.getUint32(at, true),
  INT32: (view, at) => view.getInt32(at, true),
  UINT64: (view, at) => Number(view.getBigUint64(at, true)),
  INT64: (view, at) => Number(view.getBigInt64(at, true)),
  FP16: (view, at) => fromFloat16Bits(view.getUint16(at, true)),
  FP32: (view, at) => view.getFloat32(at, true),
  FP64: (view, at) => view.getFloat64(at, true),
};

const WRITERS: Readonly<Record<Exclude<Datatype, 'BYTES'>, Writer>> = {
  BOOL: (view, at, value) => view.setUint8(at, value),
  UINT8: (view, at, value) => view.setUint8(at, value),
  INT8: (view, at, value) => view.setInt8(at, value),
  UINT16: (view, at, value) => view.setUint16(at, value, true),
  INT16: (view, at, value) => view.setInt16(at, value, true),
  UINT32: (view, at, value) => view.setUint32(at, value, true),
  INT32: (view, at, value) => view.setInt32(at, value, true),
  UINT64: (view, at, value) => view.setBigUint64(at, BigInt(value), true),
  INT64: (view, at, value) => view.setBigInt64(at, BigInt(value), true),
  FP16: (view, at, value) => view.setUint16(at, toFloat16Bits(value), true),
  FP32: (view, at, value) => view.setFloat32(at, value, true),
  FP64: (view, at, value) => view.setFloat64(at, value, true),
};

/** Least and most of each integer type; numbers between are whole to a double up to 2^53. */
const RANGES: Partial<Readonly<Record<Datatype, readonly [number, number]>>> = {
  BOOL: [0, 1],
  UINT8: [0, 255],
  INT8: [-128, 127],
  UINT16: [0, 65_535],
  INT16: [-32_768, 32_767],
  UINT32: [0, 2 ** 32 - 1],
  INT32: [-(2 ** 31), 2 ** 31 - 1],
  UINT64: [0, Number.MAX_SAFE_INTEGER],
  INT64: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
};

export function numbersOf(data: Uint8Array, datatype: Exclude<Datatype, 'BYTES'>): Float64Array {
  const size = bytesPerElement(datatype) ?? 1;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const read = READERS[datatype];
  const values = new Float64Array(data.byteLength / size);
  for (let index = 0; index < values.length; index++) values[index] = read(view, index * size);
  return values;
}

/** The bytes, or the index of the first number that the datatype cannot hold. */
export function bytesOf(
  values: Float64Array,
  datatype: Exclude<Datatype, 'BYTES'>,
): Uint8Array | { readonly badIndex: number } {
  const range = RANGES[datatype];
  if (range !== undefined) {
    const [least, most] = range;
    const badIndex = values.findIndex(
      (value) => !(Number.isInteger(value) && value >= least && value <= most),
    );
    if (badIndex >= 0) return { badIndex };
  }
  const size = bytesPerElement(datatype) ?? 1;
  const bytes = new Uint8Array(values.length * size);
  const view = new DataView(bytes.buffer);
  const write = WRITERS[datatype];
  for (let index = 0; index < values.length; index++) write(view, index * size, values[index] as number);
  return bytes;
}

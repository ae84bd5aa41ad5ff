/** TensorFlow's element types by number: what they are called here and how many bytes an element takes. */
import type { Datatype } from '../lib/tensor.js';

interface ElementType {
  readonly name: string;
  /** `null` where elements vary. */
  readonly bytes: number | null;
  /** What callers send and get; `null` where the API has no name for it. */
  readonly datatype: Datatype | null;
}

const type = (name: string, bytes: number | null, datatype: Datatype | null): ElementType => ({
  name,
  bytes,
  datatype,
});

export const DT = Object.freeze({
  FLOAT: 1,
  DOUBLE: 2,
  INT32: 3,
  UINT8: 4,
  INT16: 5,
  INT8: 6,
  STRING: 7,
  INT64: 9,
  BOOL: 10,
  BFLOAT16: 14,
  UINT16: 17,
  HALF: 19,
  RESOURCE: 20,
  UINT32: 22,
  UINT64: 23,
});

export const ELEMENT_TYPES: ReadonlyMap<number, ElementType> = new Map([
  [DT.FLOAT, type('float32', 4, 'FP32')],
  [DT.DOUBLE, type('float64', 8, 'FP64')],
  [DT.INT32, type('int32', 4, 'INT32')],
  [DT.UINT8, type('uint8', 1, 'UINT8')],
  [DT.INT16, type('int16', 2, 'INT16')],
  [DT.INT8, type('int8', 1, 'INT8')],
  [DT.STRING, type('string', null, 'BYTES')],
  [8, type('complex64', 8, null)],
  [DT.INT64, type('int64', 8, 'INT64')],
  [DT.BOOL, type('bool', 1, 'BOOL')],
  // Of the quantised types, qint8, quint8 and qint32: inside a graph only.
  [11, type('qint8', 1, null)],
  [12, type('quint8', 1, null)],
  [13, type('qint32', 4, null)],
  // The API has no name for it; every bfloat16 is a float32.
  [DT.BFLOAT16, type('bfloat16', 2, 'FP32')],
  [DT.UINT16, type('uint16', 2, 'UINT16')],
  [18, type('complex128', 16, null)],
  [DT.HALF, type('float16', 2, 'FP16')],
  [DT.UINT32, type('uint32', 4, 'UINT32')],
  [DT.UINT64, type('uint64', 8, 'UINT64')],
]);

/** The type of a TF1 variable itself, where a tensor of it is meant, counts from here. */
const REFERENCES_FROM = 100;

export function plainType(dtype: number): number {
  return dtype > REFERENCES_FROM ? dtype - REFERENCES_FROM : dtype;
}

/** For messages. */
export function typeName(dtype: number): string {
  return ELEMENT_TYPES.get(dtype)?.name ?? `TensorFlow's type ${dtype}`;
}

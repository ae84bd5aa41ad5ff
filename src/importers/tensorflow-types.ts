/** TensorFlow's element types by number: what they are called here and how many bytes an element takes. */
import type { Datatype } from '../lib/tensor.js';

interface ElementType {
  readonly name: string;
  /** `null` where elements vary. */
  readonly bytes: number | null;
  /** What callers send or get; `null` where the engine's library cannot carry it across. */
  readonly input: Datatype | null;
  readonly output: Datatype | null;
}

const both = (name: string, bytes: number | null, datatype: Datatype): ElementType => ({
  name,
  bytes,
  input: datatype,
  output: datatype,
});
const inside = (name: string, bytes: number | null): ElementType => ({
  name,
  bytes,
  input: null,
  output: null,
});

export const ELEMENT_TYPES: ReadonlyMap<number, ElementType> = new Map([
  [1, both('float32', 4, 'FP32')],
  [2, inside('float64', 8)],
  [3, both('int32', 4, 'INT32')],
  [4, { name: 'uint8', bytes: 1, input: 'UINT8', output: null }],
  [5, inside('int16', 2)],
  [6, inside('int8', 1)],
  [7, both('string', null, 'BYTES')],
  [8, inside('complex64', 8)],
  [9, both('int64', 8, 'INT64')],
  [10, both('bool', 1, 'BOOL')],
  [14, inside('bfloat16', 2)],
  [17, inside('uint16', 2)],
  [18, inside('complex128', 16)],
  [19, inside('float16', 2)],
  [22, inside('uint32', 4)],
  [23, inside('uint64', 8)],
]);

export const DT_STRING = 7;

/** For messages. */
export function typeName(dtype: number): string {
  return ELEMENT_TYPES.get(dtype)?.name ?? `TensorFlow's type ${dtype}`;
}

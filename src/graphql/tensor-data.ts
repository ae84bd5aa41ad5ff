/**
 * Output tensors as the scalar TensorData: nested JSON lists or base64. JSON cannot write NaN, infinities and
 * integers beyond 2^53 as numbers: they become strings, which inputs accept too, so what was read can be sent back.
 */
import { fromFloat16Bits } from '../lib/float16.js';
import { elementCount, type Datatype, type Tensor } from '../lib/tensor.js';

export type TensorEncoding = 'JSON' | 'BASE64';

export interface EncodedTensor {
  readonly name: string;
  readonly datatype: Datatype;
  readonly shape: readonly number[];
  readonly data: unknown;
  /** Elements that are NaN or infinite; 0 for datatypes that have none. */
  readonly nonFiniteCount: number;
}

export function encodeTensor(tensor: Tensor, encoding: TensorEncoding): EncodedTensor {
  const { name, datatype, shape } = tensor;
  const values = datatype === 'BYTES' ? null : numbersOf(tensor);
  const nonFiniteCount = values === null ? 0 : countNonFinite(values);
  const data = encoding === 'BASE64' ? base64Of(tensor.data) : jsonOf(tensor, values, nonFiniteCount > 0);
  return { name, datatype, shape, data, nonFiniteCount };
}

type Numbers =
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Float32Array
  | Float64Array;

/** A typed view of the elements; a copy only where they do not lie aligned. FP16 is widened. */
function numbersOf({ datatype, data }: Tensor): Numbers {
  const isAligned = data.byteOffset % 8 === 0;
  const bytes = isAligned ? data : Uint8Array.from(data);
  const { buffer, byteOffset, byteLength } = bytes;
  switch (datatype) {
    case 'BOOL':
    case 'UINT8':
      return new Uint8Array(buffer, byteOffset, byteLength);
    case 'UINT16':
      return new Uint16Array(buffer, byteOffset, byteLength / 2);
    case 'UINT32':
      return new Uint32Array(buffer, byteOffset, byteLength / 4);
    case 'UINT64':
      return new BigUint64Array(buffer, byteOffset, byteLength / 8);
    case 'INT8':
      return new Int8Array(buffer, byteOffset, byteLength);
    case 'INT16':
      return new Int16Array(buffer, byteOffset, byteLength / 2);
    case 'INT32':
      return new Int32Array(buffer, byteOffset, byteLength / 4);
    case 'INT64':
      return new BigInt64Array(buffer, byteOffset, byteLength / 8);
    case 'FP16':
      return Float32Array.from(new Uint16Array(buffer, byteOffset, byteLength / 2), fromFloat16Bits);
    case 'FP32':
      return new Float32Array(buffer, byteOffset, byteLength / 4);
    case 'FP64':
      return new Float64Array(buffer, byteOffset, byteLength / 8);
    case 'BYTES':
      throw new Error('The elements of a BYTES tensor are not numbers.');
  }
}

function countNonFinite(values: Numbers): number {
  if (!(values instanceof Float32Array || values instanceof Float64Array)) return 0;
  let count = 0;
  for (const value of values) if (!Number.isFinite(value)) count += 1;
  return count;
}

function jsonOf(tensor: Tensor, values: Numbers | null, hasNonFinite: boolean): unknown {
  const { datatype, shape } = tensor;
  const flat = values === null ? textsOf(tensor) : elementsOf(datatype, values, hasNonFinite);
  // A bare string would read as base64: a scalar of BYTES keeps its list.
  if (shape.length === 0) return values === null ? flat : flat[0];
  return nest(flat, shape, 0, 0);
}

function elementsOf(datatype: Datatype, values: Numbers, hasNonFinite: boolean): readonly unknown[] {
  if (datatype === 'BOOL') return Array.from(values as Uint8Array, (value) => value !== 0);
  if (values instanceof BigInt64Array || values instanceof BigUint64Array) {
    return Array.from<bigint, unknown>(values, (value) => {
      const number = Number(value);
      return Number.isSafeInteger(number) ? number : value.toString();
    });
  }
  const numbers: readonly number[] = Array.from(values);
  return hasNonFinite ? numbers.map((value) => (Number.isFinite(value) ? value : String(value))) : numbers;
}

/** Bytes that are no UTF-8 show as U+FFFD here; base64 carries them as they are. */
function textsOf({ data, shape }: Tensor): readonly string[] {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const texts: string[] = [];
  const count = elementCount(shape);
  for (let at = 0; texts.length < count;) {
    const end = at + 4 + bytes.readUInt32LE(at);
    texts.push(bytes.toString('utf8', at + 4, end));
    at = end;
  }
  return texts;
}

/** Lists nested like the shape, cut from the flat elements from `at` on. */
function nest(
  flat: readonly unknown[],
  shape: readonly number[],
  depth: number,
  at: number,
): readonly unknown[] {
  const length = shape[depth] as number;
  if (depth === shape.length - 1) return shape.length === 1 ? flat : flat.slice(at, at + length);
  const stride = elementCount(shape.slice(depth + 1));
  return Array.from({ length }, (_, i) => nest(flat, shape, depth + 1, at + i * stride));
}

function base64Of({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('base64');
}

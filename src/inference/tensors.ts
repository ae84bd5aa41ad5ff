/**
 * Tensor bytes as typed arrays and back, and joining and cutting on the batch axis. All of it assumes a
 * little-endian machine, as the tensor format does; Node runs on no other.
 */
import { bytesPerElement, elementCount, type Datatype, type Tensor } from '../lib/tensor.js';

/** The typed array that holds one datatype in memory. BYTES has none: its elements vary in length. */
export interface TypedArrays {
  readonly BOOL: Uint8Array;
  readonly UINT8: Uint8Array;
  readonly UINT16: Uint16Array;
  readonly UINT32: Uint32Array;
  readonly UINT64: BigUint64Array;
  readonly INT8: Int8Array;
  readonly INT16: Int16Array;
  readonly INT32: Int32Array;
  readonly INT64: BigInt64Array;
  /** Node 20 has no Float16Array: the raw 16-bit patterns. */
  readonly FP16: Uint16Array;
  readonly FP32: Float32Array;
  readonly FP64: Float64Array;
}

type Viewer<T> = new (buffer: ArrayBufferLike, byteOffset: number, length: number) => T;

const VIEWERS: { readonly [D in keyof TypedArrays]: Viewer<TypedArrays[D]> } = {
  BOOL: Uint8Array,
  UINT8: Uint8Array,
  UINT16: Uint16Array,
  UINT32: Uint32Array,
  UINT64: BigUint64Array,
  INT8: Int8Array,
  INT16: Int16Array,
  INT32: Int32Array,
  INT64: BigInt64Array,
  FP16: Uint16Array,
  FP32: Float32Array,
  FP64: Float64Array,
};

/**
 * The bytes as a typed array: a view where they lie, or a copy when they do not start on a multiple of
 * the element's size (typed arrays cannot).
 * @throws RangeError when the bytes are not a whole number of elements
 */
export function toTypedArray<D extends keyof TypedArrays>(datatype: D, data: Uint8Array): TypedArrays[D] {
  const width = bytesPerElement(datatype) ?? 1;
  if (data.byteLength % width !== 0) {
    throw new RangeError(`${data.byteLength} bytes are not a whole number of ${datatype} elements.`);
  }
  const aligned = data.byteOffset % width === 0 ? data : new Uint8Array(data);
  return new VIEWERS[datatype](aligned.buffer, aligned.byteOffset, aligned.byteLength / width);
}

/** The memory of a typed array as bytes; a view, not a copy. */
export function toBytes(array: ArrayBufferView): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

const LENGTH_BYTES = 4;

/** Writes BYTES elements: for each, its length as uint32 little-endian, then the element. */
export function encodeBytesElements(elements: readonly Uint8Array[]): Uint8Array {
  const total = elements.reduce((sum, element) => sum + LENGTH_BYTES + element.byteLength, 0);
  const encoded = new Uint8Array(total);
  const view = new DataView(encoded.buffer);
  let offset = 0;
  for (const element of elements) {
    view.setUint32(offset, element.byteLength, true);
    encoded.set(element, offset + LENGTH_BYTES);
    offset += LENGTH_BYTES + element.byteLength;
  }
  return encoded;
}

/**
 * Reads BYTES elements; each is a view on `data`.
 * @throws RangeError when a length points past the end
 */
export function decodeBytesElements(data: Uint8Array): Uint8Array[] {
  const elements: Uint8Array[] = [];
  for (let offset = 0; offset < data.byteLength;) {
    const end = endOfElement(data, offset);
    elements.push(data.subarray(offset + LENGTH_BYTES, end));
    offset = end;
  }
  return elements;
}

function endOfElement(data: Uint8Array, offset: number): number {
  const start = offset + LENGTH_BYTES;
  if (start > data.byteLength) throw new RangeError('A BYTES tensor is cut short inside a length.');
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const end = start + view.getUint32(offset, true);
  if (end > data.byteLength) throw new RangeError('A BYTES tensor is cut short inside an element.');
  return end;
}

/**
 * Joins tensors on their first axis, in order. All must agree in name, datatype and the other dimensions.
 * @throws RangeError when they do not, or when there are none
 */
export function concatOnBatchAxis(tensors: readonly Tensor[]): Tensor {
  const [first] = tensors;
  if (first === undefined) throw new RangeError('There is nothing to join.');
  const rowShape = first.shape.slice(1);
  let rows = 0;
  let bytes = 0;
  for (const tensor of tensors) {
    const [batch, ...rest] = tensor.shape;
    if (
      batch === undefined ||
      tensor.name !== first.name ||
      tensor.datatype !== first.datatype ||
      !sameShape(rest, rowShape)
    ) {
      throw new RangeError(
        `Tensor ${tensor.name} ${tensor.datatype} [${tensor.shape.join(', ')}] cannot be joined.`,
      );
    }
    rows += batch;
    bytes += tensor.data.byteLength;
  }
  const data = new Uint8Array(bytes);
  let offset = 0;
  for (const tensor of tensors) {
    data.set(tensor.data, offset);
    offset += tensor.data.byteLength;
  }
  return { name: first.name, datatype: first.datatype, shape: [rows, ...rowShape], data };
}

/**
 * Cuts a tensor on its first axis into parts of the given numbers of rows; each is a view on its data.
 * @throws RangeError when the rows do not add up to the first dimension
 */
export function splitOnBatchAxis(tensor: Tensor, rowsPerPart: readonly number[]): Tensor[] {
  const [batch, ...rowShape] = tensor.shape;
  const rows = rowsPerPart.reduce((sum, part) => sum + part, 0);
  if (batch === undefined || rows !== batch) {
    throw new RangeError(`Parts of ${rows} rows in all cannot be cut from a tensor of ${batch ?? 0} rows.`);
  }
  const elementsPerRow = elementCount(rowShape);
  let offset = 0;
  return rowsPerPart.map((part) => {
    const start = offset;
    offset = endOfElements(tensor.datatype, tensor.data, start, part * elementsPerRow);
    return {
      name: tensor.name,
      datatype: tensor.datatype,
      shape: [part, ...rowShape],
      data: tensor.data.subarray(start, offset),
    };
  });
}

function endOfElements(datatype: Datatype, data: Uint8Array, start: number, count: number): number {
  const width = bytesPerElement(datatype);
  if (width !== null) return start + count * width;
  let offset = start;
  for (let element = 0; element < count; element++) offset = endOfElement(data, offset);
  return offset;
}

function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((dimension, axis) => dimension === b[axis]);
}

/**
 * The bytes in an ArrayBuffer of their own, fit to be transferred to another thread. Copies unless the
 * view covers its buffer: transferring detaches the whole buffer, and small Buffers share one.
 */
export function ownBuffer(data: Uint8Array): ArrayBuffer {
  const { buffer } = data;
  const covers = data.byteOffset === 0 && data.byteLength === buffer.byteLength;
  return covers && buffer instanceof ArrayBuffer ? buffer : new Uint8Array(data).buffer;
}

/** The bytes copied into an ArrayBuffer of their own: the caller's stay usable after the transfer. */
export function copiedBuffer(data: Uint8Array): ArrayBuffer {
  return new Uint8Array(data).buffer;
}

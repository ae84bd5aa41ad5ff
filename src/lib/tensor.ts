/**
 * Tensors and signatures in the words of the Open Inference Protocol v2 (`name, datatype, shape, data`).
 * Shared by the doors (encode, decode), the domain (check), the importers (read) and the pool (run).
 */
export const DATATYPES = [
  'BOOL',
  'UINT8',
  'UINT16',
  'UINT32',
  'UINT64',
  'INT8',
  'INT16',
  'INT32',
  'INT64',
  'FP16',
  'FP32',
  'FP64',
  'BYTES',
] as const;

export type Datatype = (typeof DATATYPES)[number];

/** One named input or output of a model. In `shape`, -1 is a dimension that the caller chooses. */
export interface TensorSpec {
  readonly name: string;
  readonly datatype: Datatype;
  readonly shape: readonly number[];
}

export interface Signature {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
}

/** What the one signature of a model is called in formats that have no name for it, and in most that do. */
export const DEFAULT_SIGNATURE = 'serving_default';

/** One way to call a model. */
export interface NamedSignature {
  readonly name: string;
  readonly signature: Signature;
  /** Requests that name it may share a run. */
  readonly batchable: boolean;
  /** Of one row in the trial; absent for the first, whose figure is its engine's, and where nobody has looked. */
  readonly computeMs?: number | undefined;
}

/**
 * A concrete tensor. `data` is row-major little-endian bytes; a BYTES element is a uint32 length
 * followed by that many bytes, as the protocol's binary extension writes it.
 */
export interface Tensor {
  readonly name: string;
  readonly datatype: Datatype;
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

const BYTES_PER_ELEMENT: Readonly<Record<Exclude<Datatype, 'BYTES'>, number>> = {
  BOOL: 1,
  UINT8: 1,
  UINT16: 2,
  UINT32: 4,
  UINT64: 8,
  INT8: 1,
  INT16: 2,
  INT32: 4,
  INT64: 8,
  FP16: 2,
  FP32: 4,
  FP64: 8,
};

/** Bytes that one element takes, or `null` for BYTES, whose elements vary. */
export function bytesPerElement(datatype: Datatype): number | null {
  return datatype === 'BYTES' ? null : BYTES_PER_ELEMENT[datatype];
}

/** Product of the dimensions; 1 for a scalar. Dimensions must be concrete. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, dimension) => product * dimension, 1);
}

/** True when every input and output has a free first dimension, so that requests can share a run. */
export function hasBatchDimension(signature: Signature): boolean {
  return [...signature.inputs, ...signature.outputs].every((spec) => spec.shape[0] === -1);
}

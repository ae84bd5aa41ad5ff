/**
 * Tensors as tfjs-node's binding takes and gives them. It knows six types; the others cross as one of these, and the
 * graph that the importer writes turns them back (`saved-model-borders.ts`): no bit is lost on the way.
 */
import type { Datatype, Tensor, TensorSpec } from '../../../lib/tensor.js';
import { decodeBytesElements, encodeBytesElements, toBytes, toTypedArray } from '../../tensors.js';
import type { BindingValues, MadeTensor } from './tensorflow-binding.js';

/** TensorFlow's numbers. */
const [FLOAT, INT32, UINT8, STRING, INT64, BOOL] = [1, 3, 4, 7, 9, 10] as const;

/** As what a datatype goes in and comes out. */
const CROSSES: { readonly [D in Datatype]: { readonly in: number; readonly out: number } } = {
  BOOL: { in: BOOL, out: BOOL },
  // The binding takes bytes and does not give them.
  UINT8: { in: UINT8, out: INT32 },
  UINT16: { in: INT32, out: INT32 },
  UINT32: { in: INT32, out: INT32 },
  UINT64: { in: INT64, out: INT64 },
  INT8: { in: INT32, out: INT32 },
  INT16: { in: INT32, out: INT32 },
  INT32: { in: INT32, out: INT32 },
  INT64: { in: INT64, out: INT64 },
  // Its 16 bits, as a number.
  FP16: { in: INT32, out: INT32 },
  FP32: { in: FLOAT, out: FLOAT },
  FP64: { in: INT64, out: INT64 },
  BYTES: { in: STRING, out: STRING },
};

export function toBinding(
  tensor: Tensor,
  spec: TensorSpec,
): { readonly dtype: number; readonly values: BindingValues } {
  if (tensor.datatype !== spec.datatype) {
    throw new Error(`Input ${spec.name} came as ${tensor.datatype}; the signature says ${spec.datatype}.`);
  }
  return { dtype: CROSSES[spec.datatype].in, values: valuesOf(tensor) };
}

function valuesOf({ datatype, data }: Tensor): BindingValues {
  switch (datatype) {
    case 'FP32':
      return toTypedArray('FP32', data);
    // The binding takes 64 bits as pairs of 32-bit integers: the same bytes.
    case 'INT32':
    case 'UINT32':
    case 'INT64':
    case 'UINT64':
    case 'FP64':
      return toTypedArray('INT32', data);
    case 'INT8':
    case 'INT16':
    case 'UINT16':
    case 'FP16':
      return Int32Array.from(toTypedArray(datatype, data));
    case 'BYTES':
      return decodeBytesElements(data);
    default:
      return toTypedArray('UINT8', data);
  }
}

/** @throws when the graph gave another type than its signature says */
export function fromBinding(
  values: ArrayBufferView | readonly Uint8Array[],
  made: MadeTensor,
  spec: TensorSpec,
): Tensor {
  if (made.dtype !== CROSSES[spec.datatype].out) {
    throw new Error(
      `Output ${spec.name} came as TensorFlow's type ${made.dtype}; the signature says ${spec.datatype}.`,
    );
  }
  const data = isElements(values) ? encodeBytesElements(values) : toBytes(narrowed(values, spec.datatype));
  return { name: spec.name, datatype: spec.datatype, shape: made.shape, data };
}

function narrowed(values: ArrayBufferView, datatype: Datatype): ArrayBufferView {
  switch (datatype) {
    case 'UINT8':
      return Uint8Array.from(values as Int32Array);
    case 'INT8':
      return Int8Array.from(values as Int32Array);
    case 'INT16':
      return Int16Array.from(values as Int32Array);
    case 'UINT16':
    case 'FP16':
      return Uint16Array.from(values as Int32Array);
    default:
      return values;
  }
}

function isElements(values: ArrayBufferView | readonly Uint8Array[]): values is readonly Uint8Array[] {
  return Array.isArray(values);
}

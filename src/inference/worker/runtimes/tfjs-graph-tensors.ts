/** Tensors as tfjs-node's binding takes and gives them. */
import type { Datatype, Signature, Tensor, TensorSpec } from '../../../lib/tensor.js';
import { decodeBytesElements, encodeBytesElements, toBytes, toTypedArray } from '../../tensors.js';
import { ModelLoadError } from './runtime.js';
import type { BindingValues, MadeTensor } from './tensorflow-binding.js';

/** TensorFlow's numbers for what the binding takes, and whether it gives it too. */
const DTYPES: { readonly [D in Datatype]?: { readonly number: number; readonly comesOut: boolean } } = {
  FP32: { number: 1, comesOut: true },
  INT32: { number: 3, comesOut: true },
  UINT8: { number: 4, comesOut: false },
  BYTES: { number: 7, comesOut: true },
  INT64: { number: 9, comesOut: true },
  BOOL: { number: 10, comesOut: true },
};

/** @throws ModelLoadError naming the tensor that the binding cannot carry */
export function checkDatatypes(signature: Signature): void {
  for (const spec of signature.inputs) {
    if (DTYPES[spec.datatype] === undefined) throw uncarried('Input', spec, 'takes');
  }
  for (const spec of signature.outputs) {
    if (DTYPES[spec.datatype]?.comesOut !== true) throw uncarried('Output', spec, 'gives');
  }
}

function uncarried(side: string, spec: TensorSpec, verb: 'takes' | 'gives'): ModelLoadError {
  const known = Object.entries(DTYPES)
    .filter(([, { comesOut }]) => verb === 'takes' || comesOut)
    .map(([name]) => name);
  return new ModelLoadError(
    `${side} ${spec.name} is ${spec.datatype}; tfjs-graph ${verb} ${known.join(', ')}.`,
  );
}

export function toBinding(
  tensor: Tensor,
  spec: TensorSpec,
): { readonly dtype: number; readonly values: BindingValues } {
  const dtype = DTYPES[spec.datatype]?.number;
  if (dtype === undefined || tensor.datatype !== spec.datatype) {
    throw new Error(`Input ${spec.name} came as ${tensor.datatype}; the signature says ${spec.datatype}.`);
  }
  return { dtype, values: valuesOf(tensor) };
}

function valuesOf({ datatype, data }: Tensor): BindingValues {
  switch (datatype) {
    case 'FP32':
      return toTypedArray('FP32', data);
    case 'INT32':
      return toTypedArray('INT32', data);
    // The binding takes 64-bit integers as pairs of 32-bit ones: the same bytes.
    case 'INT64':
      return toTypedArray('INT32', data);
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
  if (made.dtype !== DTYPES[spec.datatype]?.number) {
    throw new Error(
      `Output ${spec.name} came as TensorFlow's type ${made.dtype}; the signature says ${spec.datatype}.`,
    );
  }
  const data = isElements(values) ? encodeBytesElements(values) : toBytes(values);
  return { name: spec.name, datatype: spec.datatype, shape: made.shape, data };
}

function isElements(values: ArrayBufferView | readonly Uint8Array[]): values is readonly Uint8Array[] {
  return Array.isArray(values);
}

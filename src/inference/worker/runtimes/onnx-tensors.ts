/** Tensors in ONNX Runtime's form and back. */
import type { Tensor as OrtTensor } from 'onnxruntime-common';
import type { Datatype, Tensor, TensorSpec } from '../../../lib/tensor.js';
import { decodeBytesElements, encodeBytesElements, toBytes, toTypedArray } from '../../tensors.js';

export type { OrtTensor };

type OrtType = OrtTensor['type'];

export type OrtTensorClass = new (
  type: OrtType,
  data: ArrayBufferView | readonly string[],
  dims: readonly number[],
) => OrtTensor;

const ORT_TYPES: { readonly [D in Datatype]: OrtType } = {
  BOOL: 'bool',
  UINT8: 'uint8',
  UINT16: 'uint16',
  UINT32: 'uint32',
  UINT64: 'uint64',
  INT8: 'int8',
  INT16: 'int16',
  INT32: 'int32',
  INT64: 'int64',
  // As raw 16-bit patterns: Node 20 has no Float16Array.
  FP16: 'float16',
  FP32: 'float32',
  FP64: 'float64',
  BYTES: 'string',
};

const DATATYPES = new Map(
  Object.entries(ORT_TYPES).map(([datatype, type]): [string, Datatype] => [type, datatype as Datatype]),
);

/** A view of the given bytes, no copy (except of strings, and of bytes that are not aligned). */
export function toOrt(
  OrtTensorOf: OrtTensorClass,
  tensor: Tensor | undefined,
  spec: TensorSpec | undefined,
): OrtTensor {
  if (tensor === undefined || spec === undefined)
    throw new Error(`Input ${spec?.name ?? tensor?.name} is missing.`);
  const { datatype, data, shape } = tensor;
  if (datatype !== spec.datatype) {
    throw new Error(`Input ${spec.name} is ${datatype}; the model takes ${spec.datatype}.`);
  }
  const type = ORT_TYPES[datatype];
  if (datatype === 'BYTES') return new OrtTensorOf(type, textsOf(data, spec.name), shape);
  return new OrtTensorOf(type, toTypedArray(datatype, data), shape);
}

/** The output has a buffer of its own: the runtime's binding copies it out. */
export function fromOrt(tensor: OrtTensor | undefined, name: string): Tensor {
  if (tensor === undefined) throw new Error(`The model gave no output ${name}.`);
  const datatype = DATATYPES.get(tensor.type);
  if (datatype === undefined) {
    throw new Error(`Output ${name} came as ${tensor.type}, which has no name in the API.`);
  }
  const values: unknown = tensor.data;
  const data = ArrayBuffer.isView(values)
    ? toBytes(values)
    : encodeBytesElements((values as readonly string[]).map((text) => Buffer.from(text, 'utf8')));
  return { name, datatype, shape: [...tensor.dims], data };
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The binding passes strings on as C strings in UTF-8: what would be lost on the way is refused. */
function textsOf(data: Uint8Array, name: string): string[] {
  return decodeBytesElements(data).map((element, at) => {
    let text: string;
    try {
      text = UTF8.decode(element);
    } catch {
      throw new Error(`Element ${at} of input ${name} is not UTF-8 text, which the onnx engine needs.`);
    }
    if (text.includes('\0')) {
      throw new Error(
        `Element ${at} of input ${name} holds a zero byte, at which the onnx engine would end it.`,
      );
    }
    return text;
  });
}

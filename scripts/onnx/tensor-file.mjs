// Tensors as the ONNX backend tests keep them (`input_0.pb`, `output_0.pb`): one TensorProto each, read with the
// importer's own reader. A sequence, a map or an optional comes out as `null`: callers of Souk exchange tensors.
import { readFileSync } from 'node:fs';
import { decodeMessage, bytesField, intOf, readVarints, textField } from '../../dist/importers/onnx-wire.js';
import { ONNX_TYPES } from '../../dist/importers/onnx-schema.js';
import { datatypeOf } from '../../dist/importers/onnx-tensors.js';
import { encodeBytesElements } from '../../dist/inference/tensors.js';

const WIDTHS = { UINT16: 2, UINT32: 4, UINT64: 8, INT16: 2, INT32: 4, INT64: 8, FP16: 2, FP32: 4, FP64: 8 };

/** `{name, datatype, shape, data}`, or `null` when the file holds no tensor that callers can exchange. */
export function readTensorFile(path) {
  let message;
  try {
    message = decodeMessage(readFileSync(path), ONNX_TYPES, 'TensorProto', 'tensor file');
  } catch (error) {
    if (error.refusal === undefined) throw error;
    return null;
  }
  const datatype = datatypeOf(intOf(message, 'data_type'));
  if (datatype === null) return null;
  const shape = readVarints(bytesField(message, 'dims') ?? Buffer.alloc(0)).map(Number);
  return { name: textField(message, 'name'), datatype, shape, data: dataOf(message, datatype) };
}

function dataOf(message, datatype) {
  if (datatype === 'BYTES') return encodeBytesElements(message.fields.get('string_data') ?? []);
  const raw =
    bytesField(message, 'raw_data') ??
    bytesField(message, 'float_data') ??
    bytesField(message, 'double_data');
  if (raw !== null) return new Uint8Array(raw);
  const packed = ['int32_data', 'int64_data', 'uint64_data']
    .map((field) => bytesField(message, field))
    .find(Boolean);
  const numbers = readVarints(packed ?? Buffer.alloc(0));
  const width = WIDTHS[datatype] ?? 1;
  const bytes = Buffer.alloc(numbers.length * 8);
  for (const [i, number] of numbers.entries()) bytes.writeBigInt64LE(BigInt.asIntN(64, number), i * 8);
  const data = Buffer.alloc(numbers.length * width);
  for (let i = 0; i < numbers.length; i++) bytes.copy(data, i * width, i * 8, i * 8 + width);
  return new Uint8Array(data);
}

/** Tensors and types in an ONNX file: what they may be, and that they hold exactly what they say. */
import type { Datatype } from '../lib/tensor.js';
import { IMPORT_LIMITS } from './limits.js';
import {
  bytesField,
  countVarints,
  intOf,
  messageField,
  messageList,
  readVarints,
  textField,
  type Message,
} from './onnx-wire.js';
import { refuseImport } from './refused.js';

interface ElementType {
  readonly name: string;
  readonly bits: number;
  /** The field that holds values which are not in `raw_data`. */
  readonly field: 'float_data' | 'int32_data' | 'int64_data' | 'double_data' | 'uint64_data' | 'string_data';
  /** `null`: inside a graph only, callers cannot send it. */
  readonly datatype: Datatype | null;
}

const row = (
  name: string,
  bits: number,
  field: ElementType['field'],
  datatype: Datatype | null = null,
): ElementType => ({ name, bits, field, datatype });

const ELEMENT_TYPES: ReadonlyMap<number, ElementType> = new Map([
  [1, row('float', 32, 'float_data', 'FP32')],
  [2, row('uint8', 8, 'int32_data', 'UINT8')],
  [3, row('int8', 8, 'int32_data', 'INT8')],
  [4, row('uint16', 16, 'int32_data', 'UINT16')],
  [5, row('int16', 16, 'int32_data', 'INT16')],
  [6, row('int32', 32, 'int32_data', 'INT32')],
  [7, row('int64', 64, 'int64_data', 'INT64')],
  [8, row('string', 0, 'string_data', 'BYTES')],
  [9, row('bool', 8, 'int32_data', 'BOOL')],
  [10, row('float16', 16, 'int32_data', 'FP16')],
  [11, row('double', 64, 'double_data', 'FP64')],
  [12, row('uint32', 32, 'uint64_data', 'UINT32')],
  [13, row('uint64', 64, 'uint64_data', 'UINT64')],
  [16, row('bfloat16', 16, 'int32_data')],
  [17, row('float8e4m3fn', 8, 'int32_data')],
  [18, row('float8e4m3fnuz', 8, 'int32_data')],
  [19, row('float8e5m2', 8, 'int32_data')],
  [20, row('float8e5m2fnuz', 8, 'int32_data')],
  [21, row('uint4', 4, 'int32_data')],
  [22, row('int4', 4, 'int32_data')],
  [23, row('float4e2m1', 4, 'int32_data')],
  [24, row('float8e8m0', 8, 'int32_data')],
  [25, row('uint2', 2, 'int32_data')],
  [26, row('int2', 2, 'int32_data')],
]);
const DATA_FIELDS = [
  'raw_data',
  'float_data',
  'int32_data',
  'int64_data',
  'double_data',
  'uint64_data',
] as const;

/** As the Open Inference Protocol names it, or `null` when callers cannot send or receive it. */
export function datatypeOf(elementType: bigint): Datatype | null {
  return ELEMENT_TYPES.get(Number(elementType))?.datatype ?? null;
}

/** For messages: `bfloat16`, or the number of a type that has no name here. */
export function elementTypeName(elementType: bigint): string {
  return ELEMENT_TYPES.get(Number(elementType))?.name ?? `type ${elementType}`;
}

export interface TensorFacts {
  readonly elements: number;
  readonly dims: readonly number[];
}

/**
 * Checks one TensorProto, wherever it stands: values inside the file, as many as its shape says, in one place.
 * @throws Refused naming the tensor
 */
export function checkTensor(tensor: Message, fallbackName: string): TensorFacts {
  const name = textField(tensor, 'name') || fallbackName;
  const external = messageList(tensor, 'external_data');
  if (external.length > 0 || intOf(tensor, 'data_location') !== 0n) {
    const location = external.find((entry) => textField(entry, 'key') === 'location');
    const where = location === undefined ? '' : ` ("${textField(location, 'value')}")`;
    refuseImport(
      'UNSUPPORTED_TENSOR',
      name,
      `The tensor "${name}" keeps its values in another file${where}. Save the model with all weights inside: ` +
        'onnx.save(model, path, save_as_external_data=False).',
    );
  }
  const type = ELEMENT_TYPES.get(Number(intOf(tensor, 'data_type')));
  if (type === undefined || tensor.fields.has('segment')) {
    return refuseImport(
      'UNSUPPORTED_TENSOR',
      name,
      `The tensor "${name}" has the element type ${intOf(tensor, 'data_type')} or is cut into segments; no engine takes that.`,
    );
  }
  const dims = dimensionsOf(tensor, name);
  const elements = dims.reduce((product, dimension) => product * dimension, 1);
  if (elements * Math.max(8, type.bits) > IMPORT_LIMITS.maxWeightBytes * 8) {
    refuseImport(
      'LIMIT_EXCEEDED',
      name,
      `The tensor "${name}" has ${elements} elements, more than a model may have.`,
    );
  }
  checkValues(tensor, name, type, elements);
  return { elements, dims };
}

/** Bytes that the tensor's values take in `raw_data`, by its shape. @throws Refused when they cannot be there */
export function rawByteLength(tensor: Message, name: string): number {
  const type = ELEMENT_TYPES.get(Number(intOf(tensor, 'data_type')));
  if (type === undefined || type.bits === 0 || tensor.fields.has('segment')) {
    return refuseImport(
      'UNSUPPORTED_TENSOR',
      name,
      `The tensor "${name}" is ${elementTypeName(intOf(tensor, 'data_type'))}; such values cannot be in a data file.`,
    );
  }
  const elements = dimensionsOf(tensor, name).reduce((product, dimension) => product * dimension, 1);
  return Math.ceil((elements * type.bits) / 8);
}

function dimensionsOf(tensor: Message, name: string): number[] {
  const packed = bytesField(tensor, 'dims') ?? Buffer.alloc(0);
  const rank = countVarints(packed);
  if (rank > IMPORT_LIMITS.maxRank) {
    refuseImport(
      'LIMIT_EXCEEDED',
      name,
      `The tensor "${name}" has ${rank} dimensions; ${IMPORT_LIMITS.maxRank} are accepted.`,
    );
  }
  return readVarints(packed).map((dimension) => {
    if (dimension < 0n || dimension >= 2n ** 40n) {
      refuseImport('CORRUPT_ARTIFACT', name, `The tensor "${name}" has a dimension of ${dimension}.`);
    }
    return Number(dimension);
  });
}

function checkValues(tensor: Message, name: string, type: ElementType, elements: number): void {
  const strings = tensor.fields.get('string_data');
  const filled = DATA_FIELDS.filter((field) => (bytesField(tensor, field)?.length ?? 0) > 0);
  const textCount = Array.isArray(strings) ? strings.length : 0;
  if (filled.length + (textCount > 0 ? 1 : 0) > 1) {
    refuseImport('CORRUPT_ARTIFACT', name, `The tensor "${name}" has values in two places.`);
  }
  const [field] = filled;
  const bytes = field === undefined ? null : bytesField(tensor, field);
  // Of less than a byte: several in one byte, in a byte field and in a list of numbers alike.
  const perByte = type.bits > 0 && type.bits < 8 ? 8 / type.bits : 1;
  const wanted = Math.ceil(elements / perByte);
  let found = textCount;
  if (bytes !== null && field === 'raw_data' && type.bits > 0) {
    found = bytes.length / Math.max(1, type.bits / 8);
  } else if (bytes !== null && field === type.field) {
    found =
      field === 'float_data'
        ? bytes.length / 4
        : field === 'double_data'
          ? bytes.length / 8
          : countVarints(bytes);
  } else if (bytes !== null || (textCount > 0 && type.field !== 'string_data')) {
    refuseImport('CORRUPT_ARTIFACT', name, `The tensor "${name}" is ${type.name} but has other values.`);
  }
  if (found !== wanted) {
    refuseImport(
      'CORRUPT_ARTIFACT',
      name,
      `The tensor "${name}" has values for ${found} elements; its shape says ${elements}.`,
    );
  }
}

/** The values of a short int64 tensor (a shape), or `null` when it is something else. */
export function smallIntegers(tensor: Message): readonly bigint[] | null {
  if (intOf(tensor, 'data_type') !== 7n) return null;
  const raw = bytesField(tensor, 'raw_data');
  if (raw !== null && raw.length > 0) {
    if (raw.length > 1024) return null;
    return Array.from({ length: Math.floor(raw.length / 8) }, (_, at) => raw.readBigInt64LE(at * 8));
  }
  const packed = bytesField(tensor, 'int64_data');
  return packed === null || packed.length > 1024 ? null : readVarints(packed);
}

/** Sizes of a tensor type, -1 for a free one; `null` when the rank is not said. @throws Refused */
export function shapeOfType(tensorType: Message, name: string): number[] | null {
  const shape = messageField(tensorType, 'shape');
  if (shape === null) return null;
  return messageList(shape, 'dim').map((dimension) => {
    if (!dimension.fields.has('dim_value')) return -1;
    const value = intOf(dimension, 'dim_value');
    // Old exporters write -1 for a free one.
    if (value === -1n) return -1;
    if (value < 0n || value >= 2n ** 31n) {
      refuseImport(
        'CORRUPT_ARTIFACT',
        name,
        `The tensor "${name}" is declared with a dimension of ${value}.`,
      );
    }
    return Number(value);
  });
}

/** What the file calls each free dimension of a tensor type. */
export function dimensionNamesOf(tensorType: Message): (string | null)[] {
  const shape = messageField(tensorType, 'shape');
  const dimensions = shape === null ? [] : messageList(shape, 'dim');
  return dimensions.map((dimension) => textField(dimension, 'dim_param') || null);
}

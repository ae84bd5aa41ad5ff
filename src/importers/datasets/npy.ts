/**
 * NumPy's array files (`.npy` 1.0, 2.0, 3.0; the format is NEP 1). Only the header is interpreted, and only as the
 * three-key dictionary that NumPy writes: an array of objects is a Python pickle, a program, and is never loaded.
 */
import { elementCount, type Datatype } from '../../lib/tensor.js';
import type { ByteSource } from '../byte-source.js';
import { refuseImport } from '../refused.js';
import { DATASET_LIMITS } from './limits.js';

export interface NpyHeader {
  /** `null` for texts: `U` (UCS-4) or `S` (bytes). */
  readonly datatype: Datatype | null;
  readonly kind: 'b' | 'i' | 'u' | 'f' | 'U' | 'S';
  /** Bytes of one element in the file. */
  readonly itemBytes: number;
  readonly isBigEndian: boolean;
  readonly isFortranOrder: boolean;
  readonly shape: readonly number[];
  /** Where the elements begin. */
  readonly at: number;
}

const DATATYPES: Readonly<Record<string, Datatype>> = {
  b1: 'BOOL',
  i1: 'INT8',
  i2: 'INT16',
  i4: 'INT32',
  i8: 'INT64',
  u1: 'UINT8',
  u2: 'UINT16',
  u4: 'UINT32',
  u8: 'UINT64',
  f2: 'FP16',
  f4: 'FP32',
  f8: 'FP64',
};

const HEADER =
  /^\{\s*'descr':\s*(?<descr>'[^']*'|\[[^\0]*?\])\s*,\s*'fortran_order':\s*(?<fortran>True|False)\s*,\s*'shape':\s*\((?<shape>[\d\s,L]*)\)\s*,?\s*\}\s*$/;
const DESCRIPTION = /^'(?<order>[<>|=])(?<kind>[a-zA-Z])(?<size>\d{0,9})(\[.*\])?'$/;

/** @param name of the array, for messages. @throws Refused before anything of the array's size is allocated */
export function readNpyHeader(source: ByteSource, name: string): NpyHeader {
  const corrupt = (what: string): never =>
    refuseImport('CORRUPT_ARTIFACT', name, `The array "${name}" cannot be read: ${what}.`);
  const start = source.read(0, 12);
  if (start.length < 10 || start.toString('latin1', 0, 6) !== '\x93NUMPY')
    return corrupt('it is no .npy file');
  const major = start[6] ?? 0;
  if (major < 1 || major > 3) return corrupt(`its format has version ${major}; 1 to 3 are read`);
  const prefix = major === 1 ? 10 : 12;
  if (start.length < prefix) return corrupt('it ends within its header');
  const length = major === 1 ? start.readUInt16LE(8) : start.readUInt32LE(8);
  if (length > DATASET_LIMITS.maxNpyHeaderBytes || prefix + length > source.size) {
    return corrupt(`its header says that it has ${length} bytes`);
  }
  const text = source.read(prefix, length).toString(major === 3 ? 'utf8' : 'latin1');
  const { descr = '', fortran, shape: dimensions } = HEADER.exec(text)?.groups ?? {};
  if (dimensions === undefined) return corrupt('its header is not the dictionary that NumPy writes');
  if (descr.startsWith('[')) refuseKind(name, 'has several fields (a structured array)');
  const { order, kind = '', size = '' } = DESCRIPTION.exec(descr)?.groups ?? {};
  const element = elementOf(name, kind, Number(size), descr);
  const shape = dimensions
    .split(',')
    .map((part) => part.trim().replace(/L$/, ''))
    .filter((part) => part !== '')
    .map(Number);
  const header = {
    ...element,
    isBigEndian: order === '>',
    isFortranOrder: fortran === 'True',
    shape,
    at: prefix + length,
  };
  checkSize(header, source.size, name);
  return header;
}

function elementOf(name: string, kind: string, size: number, descr: string) {
  if (kind === 'O') {
    refuseKind(name, 'holds Python objects, kept as a pickle: a program, which is never loaded');
  }
  const datatype = DATATYPES[`${kind}${size}`];
  if (datatype !== undefined) return { datatype, kind: kind as NpyHeader['kind'], itemBytes: size };
  if (kind === 'U' || kind === 'S') {
    const itemBytes = kind === 'U' ? size * 4 : size;
    if (itemBytes <= DATASET_LIMITS.maxTextBytes) return { datatype: null, kind, itemBytes } as const;
    return refuseImport('LIMIT_EXCEEDED', name, `The texts of "${name}" have ${size} characters each.`);
  }
  return refuseKind(name, `has elements of the type ${descr}, which is not read`);
}

function refuseKind(name: string, what: string): never {
  return refuseImport(
    'UNSUPPORTED_TENSOR',
    name,
    `The array "${name}" ${what}. Save it as numbers, booleans or fixed-length texts.`,
  );
}

function checkSize(
  { shape, itemBytes, at }: Omit<NpyHeader, 'datatype' | 'kind'>,
  size: number,
  name: string,
): void {
  const bytes = elementCount(shape) * itemBytes;
  if (shape.length > 8)
    refuseImport('LIMIT_EXCEEDED', name, `The array "${name}" has ${shape.length} dimensions.`);
  if (!(bytes <= DATASET_LIMITS.maxBytes) || !shape.every((one) => one <= 2 ** 31)) {
    refuseImport(
      'LIMIT_EXCEEDED',
      name,
      `The array "${name}" says that it has the shape [${shape.join(', ')}]; a dataset has at most ${DATASET_LIMITS.maxBytes} bytes.`,
    );
  }
  if (at + bytes !== size) {
    refuseImport(
      'CORRUPT_ARTIFACT',
      name,
      `The array "${name}" has ${size - at} bytes of elements; its shape [${shape.join(', ')}] needs ${bytes}.`,
    );
  }
}

/** The elements as row-major little-endian bytes. Not for texts. */
export function readNpyElements(source: ByteSource, header: NpyHeader): Uint8Array {
  const { itemBytes, shape, at, isBigEndian, isFortranOrder } = header;
  const bytes = source.read(at, elementCount(shape) * itemBytes);
  if (isBigEndian) swapInPlace(bytes, itemBytes);
  return isFortranOrder && shape.length > 1 ? toRowMajor(bytes, shape, itemBytes) : bytes;
}

/** The texts of a `U` or `S` array in row-major order, without the NULs that fill them up. */
export function readNpyTexts(source: ByteSource, header: NpyHeader, name: string): string[] {
  const { itemBytes, shape, kind } = header;
  const bytes = Buffer.from(readTextBytes(source, header));
  return Array.from({ length: elementCount(shape) }, (_, index) => {
    const item = bytes.subarray(index * itemBytes, (index + 1) * itemBytes);
    return kind === 'U' ? fromUcs4(item, name) : item.toString('utf8').replace(/\0+$/, '');
  });
}

function readTextBytes(source: ByteSource, header: NpyHeader): Uint8Array {
  const { itemBytes, shape, at, isBigEndian, isFortranOrder, kind } = header;
  const bytes = source.read(at, elementCount(shape) * itemBytes);
  if (isBigEndian && kind === 'U') swapInPlace(bytes, 4);
  return isFortranOrder && shape.length > 1 ? toRowMajor(bytes, shape, itemBytes) : bytes;
}

function fromUcs4(item: Buffer, name: string): string {
  let text = '';
  for (let at = 0; at < item.length; at += 4) {
    const point = item.readUInt32LE(at);
    if (point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) {
      refuseImport('CORRUPT_ARTIFACT', name, `The array "${name}" holds a text that is no Unicode.`);
    }
    text += String.fromCodePoint(point);
  }
  return text.replace(/\0+$/, '');
}

function swapInPlace(bytes: Buffer, itemBytes: number): void {
  if (itemBytes === 2) bytes.swap16();
  else if (itemBytes === 4) bytes.swap32();
  else if (itemBytes === 8) bytes.swap64();
}

/** Column-major (the first index runs fastest) to row-major (the last does). */
export function toRowMajor(bytes: Uint8Array, shape: readonly number[], itemBytes: number): Uint8Array {
  const strides = shape.map((_, axis) => elementCount(shape.slice(0, axis)) * itemBytes);
  const index = shape.map(() => 0);
  const result = new Uint8Array(bytes.length);
  let from = 0;
  for (let to = 0; to < bytes.length; to += itemBytes) {
    for (let byte = 0; byte < itemBytes; byte++) result[to + byte] = bytes[from + byte] as number;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const next = (index[axis] as number) + 1;
      from += strides[axis] as number;
      if (next < (shape[axis] as number)) {
        index[axis] = next;
        break;
      }
      from -= next * (strides[axis] as number);
      index[axis] = 0;
    }
  }
  return result;
}

/** TensorData as it came (JSON or base64) into row-major little-endian bytes. Pure. */
import { base64Length, DecodedBase64 } from './decoded-base64.js';
import { invalidInput } from './invalid-input.js';
import { ok, refuse, type Refusal, type Result } from './result.js';
import { bytesPerElement, elementCount, type Datatype } from './tensor.js';
import { createElementWriter, expectedElement, isIntegerText, isNonFiniteText } from './write-elements.js';

/** No tensor that an engine takes has more dimensions. */
export const MAX_RANK = 8;

export type InvalidTensor = Refusal<'INVALID_INPUT'>;

/** Whether it is base64, not JSON elements. */
export function isBase64(data: unknown, datatype: Datatype): data is string | DecodedBase64 {
  return data instanceof DecodedBase64 || (typeof data === 'string' && !isScalarText(data, datatype));
}

/** Whether the text is an element of its own, not base64: a scalar as `tensor-data.ts` writes it. */
function isScalarText(data: string, datatype: Datatype): boolean {
  // No base64 of a scalar looks like these: the three words and decimal numbers decode to another length.
  if (datatype === 'FP16' || datatype === 'FP32' || datatype === 'FP64') return isNonFiniteText(data);
  return (datatype === 'INT64' || datatype === 'UINT64') && isIntegerText(data);
}

/**
 * Lengths of the lists along the first elements: the shape, if nothing is ragged. Stops at `MAX_RANK`, so JSON nested
 * ten thousand deep costs no more than a flat list.
 */
export function nestingOf(data: unknown): number[] {
  const lengths: number[] = [];
  for (let at = data; Array.isArray(at) && lengths.length <= MAX_RANK; at = at[0]) lengths.push(at.length);
  return lengths;
}

/**
 * JSON elements into bytes. `lists` is what `nestingOf` found: the shape itself, or one length for a flat list;
 * empty for a bare scalar.
 * @param path of the tensor's data, for the message
 */
export function readJson(
  data: unknown,
  datatype: Datatype,
  lists: readonly number[],
  path: readonly string[],
): Result<Uint8Array, InvalidTensor> {
  // A scalar is a list of one to the writers.
  const rows = lists.length === 0 ? [data] : data;
  const lengths = lists.length === 0 ? [1] : lists;
  const count = elementCount(lengths);
  const sink = datatype === 'BYTES' ? createTextWriter() : createElementWriter(datatype, count);
  let at = 0;

  // Visits lists only; its depth is bounded by the rank. Good elements cost no path: indices are put together on
  // the way out of a mistake.
  function walk(value: unknown, depth: number): Mistake | null {
    const length = lengths[depth] as number;
    if (!Array.isArray(value) || value.length !== length) {
      const found = Array.isArray(value) ? `a list of ${value.length}` : kindOf(value);
      return {
        indices: [],
        message: `The lists are ragged: expected a list of ${length} here, found ${found}.`,
      };
    }
    const list: readonly unknown[] = value;
    if (depth === lengths.length - 1) {
      const wrong = sink.writeRow(list, at);
      at += length;
      if (wrong < 0) return null;
      const message = `Expected ${expectedElement(datatype)}; found ${kindOf(list[wrong])}.`;
      return { indices: lists.length === 0 ? [] : [wrong], message };
    }
    for (let i = 0; i < length; i++) {
      const mistake = walk(list[i], depth + 1);
      if (mistake !== null) return { ...mistake, indices: [i, ...mistake.indices] };
    }
    return null;
  }

  const mistake = walk(rows, 0);
  if (mistake === null) return ok(sink.bytes);
  return refuse(invalidInput([...path, ...mistake.indices.map(String)], mistake.message));
}

interface Mistake {
  /** Where in the nested lists. */
  readonly indices: readonly number[];
  readonly message: string;
}

/** Base64 of exactly `count` elements into bytes. */
export function readBase64(
  base64: string | DecodedBase64,
  datatype: Datatype,
  count: number,
  path: readonly string[],
): Result<Uint8Array, InvalidTensor> {
  const size = bytesPerElement(datatype);
  const length =
    typeof base64 === 'string'
      ? base64Length(base64.length, (padding) => base64.endsWith(padding))
      : base64.bytes.length;
  if (length === null) return refuse(notBase64(path));
  if (size !== null && length !== count * size) {
    return refuse(
      invalidInput(
        path,
        `The base64 holds ${length} bytes; ${count} elements of ${datatype} are ${count * size} bytes.`,
      ),
    );
  }
  const bytes = typeof base64 === 'string' ? decode(base64, length) : base64.bytes;
  if (bytes === null) return refuse(notBase64(path));
  if (datatype === 'BOOL' && bytes.some((byte) => byte > 1)) {
    return refuse(invalidInput(path, 'A BOOL element is one byte, 0 or 1.'));
  }
  if (datatype === 'BYTES' && !holdsElements(bytes, count)) {
    return refuse(
      invalidInput(
        path,
        `The base64 does not hold ${count} BYTES elements, each a little-endian uint32 length and its bytes.`,
      ),
    );
  }
  return ok(bytes);
}

/** `null` when it is no base64 from end to end. */
function decode(text: string, length: number): Uint8Array | null {
  // `write` passes over what is no base64, so that the result then is too short. Not from Node's pool:
  // the bytes are handed to the engine, which views them as wider elements.
  const bytes = new Uint8Array(length);
  return Buffer.from(bytes.buffer).write(text, 'base64') === length ? bytes : null;
}

function notBase64(path: readonly string[]): InvalidTensor {
  return invalidInput(path, 'The text is not valid base64 (standard alphabet, padded, no line breaks).');
}

function holdsElements(bytes: Uint8Array, count: number): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  for (let i = 0; i < count; i++) {
    if (at + 4 > bytes.length) return false;
    at += 4 + view.getUint32(at, true);
  }
  return at === bytes.length;
}

function createTextWriter() {
  const parts: Buffer[] = [];
  return {
    get bytes(): Uint8Array {
      const total = parts.reduce((sum, part) => sum + part.length, 0);
      const bytes = new Uint8Array(total);
      let at = 0;
      for (const part of parts) {
        bytes.set(part, at);
        at += part.length;
      }
      return bytes;
    },
    writeRow(row: readonly unknown[]): number {
      for (let i = 0; i < row.length; i++) {
        const value = row[i];
        if (typeof value !== 'string') return i;
        const length = Buffer.byteLength(value, 'utf8');
        const part = Buffer.allocUnsafe(4 + length);
        part.writeUInt32LE(length, 0);
        part.write(value, 4, 'utf8');
        parts.push(part);
      }
      return -1;
    },
  };
}

const MAX_QUOTED = 40;

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  if (typeof value === 'string')
    return JSON.stringify(value.length > MAX_QUOTED ? `${value.slice(0, MAX_QUOTED)}…` : value);
  if (typeof value === 'object') return Array.isArray(value) ? 'a list' : 'an object';
  return String(value);
}

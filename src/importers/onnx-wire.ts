/**
 * Reads and writes protobuf messages by a table of the fields that we know, strictly: what two parsers could
 * understand differently is refused (unknown fields, a single field twice, a wrong wire type, a varint or a text
 * that is not in shortest form). What is read is written again in one form only, so the engine sees exactly the
 * message that was checked. Byte fields stay views of the file, and lists of numbers stay packed bytes: no object
 * per weight, whatever the file says.
 */
import { refuseImport } from './refused.js';

/** `drop`: read over and not written again. A message name: a message of that type. */
export type FieldKind =
  'int' | 'fixed32' | 'fixed64' | 'bytes' | 'text' | 'drop' | { readonly message: string };

export interface Field {
  readonly name: string;
  readonly kind: FieldKind;
  readonly isRepeated: boolean;
}

/** Fields by number. */
export type MessageType = ReadonlyMap<number, Field>;
export type MessageTypes = Readonly<Record<string, MessageType>>;

/** Repeated numbers are one packed Buffer; other repeated fields are lists. */
export type FieldValue = bigint | string | Buffer | Message | readonly (string | Buffer | Message)[];

export interface Message {
  readonly type: string;
  readonly fields: ReadonlyMap<string, FieldValue>;
}

const VARINT = 0;
const FIXED64 = 1;
const LENGTH = 2;
const FIXED32 = 5;
const MAX_DEPTH = 64;
const PIECE_BYTES = 2 ** 20;
/** Messages and single fields in one file; lists of numbers do not count, the file's size bounds them. */
const MAX_FIELDS = 4_000_000;

interface Cursor {
  readonly bytes: Buffer;
  readonly end: number;
  at: number;
}

/**
 * @param what the file's kind in messages, e.g. `ONNX file`
 * @throws Refused with CORRUPT_ARTIFACT or LIMIT_EXCEEDED
 */
export function decodeMessage(bytes: Buffer, types: MessageTypes, root: string, what: string): Message {
  let fieldsLeft = MAX_FIELDS;

  const corrupt = (detail: string): never =>
    refuseImport('CORRUPT_ARTIFACT', null, `The ${what} is damaged: ${detail}`);

  const varint = (cursor: Cursor): bigint => {
    const first = cursor.bytes[cursor.at];
    if (cursor.at < cursor.end && first !== undefined && first < 0x80) {
      cursor.at++;
      return BigInt(first);
    }
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = cursor.at < cursor.end ? cursor.bytes[cursor.at] : undefined;
      if (byte === undefined) return corrupt(`it ends inside a number, at byte ${cursor.at}.`);
      cursor.at++;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) {
        const isShortest = byte !== 0 || shift === 0n;
        if (!isShortest || value >= 1n << 64n) corrupt(`it has an overlong number before byte ${cursor.at}.`);
        return value;
      }
    }
    return corrupt(`it has an endless number before byte ${cursor.at}.`);
  };

  const take = (cursor: Cursor, length: number): Buffer => {
    if (length > cursor.end - cursor.at) {
      corrupt(`a field of ${length} bytes at byte ${cursor.at} reaches past the end of what holds it.`);
    }
    const part = cursor.bytes.subarray(cursor.at, cursor.at + length);
    cursor.at += length;
    return part;
  };

  const takeCounted = (cursor: Cursor): Buffer => take(cursor, Number(varint(cursor)));

  const scalar = (cursor: Cursor, kind: FieldKind, name: string): bigint | Buffer => {
    if (kind === 'int') return BigInt.asIntN(64, varint(cursor));
    if (kind === 'fixed32' || kind === 'fixed64') return take(cursor, kind === 'fixed32' ? 4 : 8);
    return corrupt(`the field ${name} is no number.`);
  };

  /** One number of a list, as its bytes stand in the file. */
  const rawNumber = (cursor: Cursor, kind: FieldKind): Buffer => {
    const from = cursor.at;
    scalar(cursor, kind, '');
    return cursor.bytes.subarray(from, cursor.at);
  };

  const checkPacked = (part: Buffer, kind: FieldKind, name: string): void => {
    const width = kind === 'fixed32' ? 4 : kind === 'fixed64' ? 8 : 1;
    if (part.length % width !== 0) corrupt(`the list ${name} has ${part.length} bytes.`);
    if (kind === 'int' && part.length > 0 && (part[part.length - 1] ?? 0) >= 0x80) {
      corrupt(`the list ${name} ends inside a number.`);
    }
  };

  const skip = (cursor: Cursor, wire: number): void => {
    if (wire === VARINT) varint(cursor);
    else if (wire === LENGTH) takeCounted(cursor);
    else take(cursor, wire === FIXED64 ? 8 : 4);
  };

  const read = (part: Buffer, type: string, depth: number): Message => {
    if (depth > MAX_DEPTH) {
      refuseImport(
        'LIMIT_EXCEEDED',
        null,
        `The ${what} nests more than ${MAX_DEPTH} messages in each other.`,
      );
    }
    const known = types[type] ?? corrupt(`it has a ${type}.`);
    const fields = new Map<string, FieldValue>();
    const lists = new Map<string, (string | Buffer | Message)[]>();
    const numbers = new Map<string, Growing>();
    const cursor: Cursor = { bytes: part, end: part.length, at: 0 };
    while (cursor.at < cursor.end) {
      const tag = Number(varint(cursor));
      const wire = tag & 7;
      const number = Math.floor(tag / 8);
      if (![VARINT, FIXED64, LENGTH, FIXED32].includes(wire) || number === 0 || number >= 2 ** 29) {
        corrupt(`a ${type} has a field of no known wire type.`);
      }
      const field = known.get(number);
      if (field === undefined) {
        return refuseImport(
          'UNSUPPORTED_FORMAT',
          `${type}.${number}`,
          `The ${what} has the field ${number} in a ${type}, which Souk does not know; it may come from a newer ` +
            'version of the format. Export the model with an older opset.',
        );
      }
      const { kind, name } = field;
      if (kind === 'drop') {
        skip(cursor, wire);
        continue;
      }
      const isNumber = kind === 'int' || kind === 'fixed32' || kind === 'fixed64';
      const expected = !isNumber ? LENGTH : kind === 'int' ? VARINT : kind === 'fixed32' ? FIXED32 : FIXED64;
      if (wire !== expected && !(isNumber && field.isRepeated && wire === LENGTH)) {
        corrupt(`the field ${name} of a ${type} has the wire type ${wire}.`);
      }
      if (isNumber && field.isRepeated) {
        const list = numbers.get(name) ?? growing();
        numbers.set(name, list);
        const more = wire === LENGTH ? takeCounted(cursor) : rawNumber(cursor, kind);
        checkPacked(more, kind, name);
        list.append(more);
        continue;
      }
      if (--fieldsLeft < 0) {
        refuseImport('LIMIT_EXCEEDED', null, `The ${what} has more than ${MAX_FIELDS} fields.`);
      }
      let value: bigint | string | Buffer | Message;
      if (isNumber) value = scalar(cursor, kind, name);
      else {
        const bytesOf = takeCounted(cursor);
        if (kind === 'bytes') value = bytesOf;
        else if (kind === 'text')
          value = textOf(bytesOf) ?? corrupt(`the field ${name} of a ${type} is no UTF-8.`);
        else value = read(bytesOf, kind.message, depth + 1);
      }
      if (field.isRepeated && typeof value !== 'bigint') {
        const list = lists.get(name);
        if (list === undefined) lists.set(name, [value]);
        else list.push(value);
      } else {
        if (fields.has(name)) corrupt(`a ${type} has the field ${name} twice.`);
        fields.set(name, value);
      }
    }
    for (const [name, list] of lists) fields.set(name, list);
    for (const [name, list] of numbers) fields.set(name, list.bytes());
    return { type, fields };
  };

  return read(bytes, root, 0);
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function textOf(bytes: Buffer): string | null {
  try {
    return UTF8.decode(bytes);
  } catch {
    // Not UTF-8: the caller names the field.
    return null;
  }
}

interface Growing {
  append(part: Buffer): void;
  bytes(): Buffer;
}

/** Old exporters write one field for each number of a list: millions for a forest, so no object for each. */
function growing(): Growing {
  let buffer: Buffer = Buffer.alloc(0);
  let length = 0;
  let isView = true;
  return {
    append(part) {
      if (length === 0) {
        buffer = part;
        length = part.length;
        return;
      }
      if (isView || length + part.length > buffer.length) {
        const larger = Buffer.allocUnsafe(Math.max(64, 2 * (length + part.length)));
        buffer.copy(larger, 0, 0, length);
        buffer = larger;
        isView = false;
      }
      part.copy(buffer, length);
      length += part.length;
    },
    bytes: () => buffer.subarray(0, length),
  };
}

/**
 * The message in its one form: known fields in the order of their numbers, lists of numbers packed. In pieces,
 * because weights are not to be in memory twice; small parts are put together.
 */
export function encodeMessage(
  message: Message,
  types: MessageTypes,
): { readonly byteLength: number; read(): Iterable<Buffer> } {
  const { parts, length } = encodeParts(message, types);
  return { byteLength: length, read: () => inPieces(parts) };
}

function* inPieces(parts: readonly Buffer[]): Generator<Buffer> {
  let small: Buffer[] = [];
  let size = 0;
  for (const part of parts) {
    if (size + part.length > PIECE_BYTES && small.length > 0) {
      yield Buffer.concat(small, size);
      small = [];
      size = 0;
    }
    if (part.length >= PIECE_BYTES) {
      yield part;
      continue;
    }
    small.push(part);
    size += part.length;
  }
  if (small.length > 0) yield Buffer.concat(small, size);
}

interface Parts {
  readonly parts: Buffer[];
  readonly length: number;
}

function encodeParts(message: Message, types: MessageTypes): Parts {
  const parts: Buffer[] = [];
  let length = 0;
  const push = (part: Buffer): void => {
    parts.push(part);
    length += part.length;
  };
  const pushCounted = (number: number, inner: Parts): void => {
    push(varintBytes(BigInt(number * 8 + LENGTH)));
    push(varintBytes(BigInt(inner.length)));
    for (const part of inner.parts) push(part);
  };
  const pushOne = (number: number, kind: FieldKind, value: bigint | string | Buffer | Message): void => {
    if (typeof value === 'bigint') {
      push(varintBytes(BigInt(number * 8 + VARINT)));
      push(varintBytes(BigInt.asUintN(64, value)));
    } else if (Buffer.isBuffer(value) && (kind === 'fixed32' || kind === 'fixed64')) {
      push(varintBytes(BigInt(number * 8 + (kind === 'fixed32' ? FIXED32 : FIXED64))));
      push(value);
    } else if (typeof value === 'string' || Buffer.isBuffer(value)) {
      const bytes = typeof value === 'string' ? Buffer.from(value, 'utf8') : value;
      pushCounted(number, { parts: [bytes], length: bytes.length });
    } else pushCounted(number, encodeParts(value, types));
  };
  for (const [number, { name, kind, isRepeated }] of types[message.type] ?? []) {
    const value = message.fields.get(name);
    if (value === undefined) continue;
    if (isRepeated && Buffer.isBuffer(value)) {
      if (value.length > 0) pushCounted(number, { parts: [value], length: value.length });
    } else if (isList(value)) for (const item of value) pushOne(number, kind, item);
    else pushOne(number, kind, value);
  }
  return { parts, length };
}

function isList(value: FieldValue): value is readonly (string | Buffer | Message)[] {
  return Array.isArray(value);
}

function varintBytes(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80n) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return Buffer.from(bytes);
}

/** How many varints a packed list holds. */
export function countVarints(packed: Buffer): number {
  let count = 0;
  for (const byte of packed) if (byte < 0x80) count++;
  return count;
}

/** The numbers of a packed list; call it for short lists only. */
export function readVarints(packed: Buffer): bigint[] {
  const numbers: bigint[] = [];
  let value = 0n;
  let shift = 0n;
  for (const byte of packed) {
    value |= BigInt(byte & 0x7f) << shift;
    shift += 7n;
    if (byte >= 0x80) continue;
    numbers.push(BigInt.asIntN(64, value));
    value = 0n;
    shift = 0n;
  }
  return numbers;
}

export function intOf(message: Message, name: string): bigint {
  const value = message.fields.get(name);
  return typeof value === 'bigint' ? value : 0n;
}

/** `''` when it is absent, as protobuf has it. */
export function textField(message: Message, name: string): string {
  const value = message.fields.get(name);
  return typeof value === 'string' ? value : '';
}

export function bytesField(message: Message, name: string): Buffer | null {
  const value = message.fields.get(name);
  return Buffer.isBuffer(value) ? value : null;
}

export function messageField(message: Message, name: string): Message | null {
  const value = message.fields.get(name);
  return isMessage(value) ? value : null;
}

export function messageList(message: Message, name: string): readonly Message[] {
  const value = message.fields.get(name);
  return value !== undefined && isList(value) ? value.filter(isMessage) : [];
}

export function textList(message: Message, name: string): readonly string[] {
  const value = message.fields.get(name);
  return value !== undefined && isList(value) ? value.filter((item) => typeof item === 'string') : [];
}

function isMessage(value: FieldValue | undefined): value is Message {
  return typeof value === 'object' && 'fields' in value;
}

/** The same message with some fields set, or removed (`null`). */
export function withFields(message: Message, changes: Readonly<Record<string, FieldValue | null>>): Message {
  const fields = new Map(message.fields);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) fields.delete(name);
    else fields.set(name, value);
  }
  return { type: message.type, fields };
}

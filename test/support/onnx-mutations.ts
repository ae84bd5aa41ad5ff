/**
 * Mutations of ONNX files, by number, so that a failure can be repeated: bytes anywhere; and fields of the message with
 * their lengths put right again, which reach the checks behind the reading.
 */

/** xorshift: the same sequence for a seed in every run. */
export function randomOf(seed: number): (below: number) => number {
  let state = (seed * 2654435761 + 1) >>> 0;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

interface Field {
  readonly number: number;
  readonly wire: number;
  /** Of a varint its value; of other kinds the bytes. */
  readonly value: bigint | Buffer;
}

/** Values that break what counts, indexes and takes memory. */
const NUMBERS = [
  0n,
  1n,
  2n,
  7n,
  11n,
  127n,
  2n ** 20n,
  2n ** 31n,
  2n ** 40n,
  2n ** 62n,
  2n ** 63n - 1n,
  -1n,
  -2n,
];
const NAMES = [
  '',
  'x',
  'y',
  'Loop',
  'If',
  'Constant',
  'ConstantOfShape',
  '..',
  '/etc/passwd',
  '__proto__',
  'ai.onnx.ml',
];
const MAX_DEPTH = 8;

/** A file that is no longer what it was: in one of four by its bytes, else by its fields. */
export function mutatedOnnx(bytes: Uint8Array, seed: number): Buffer {
  const random = randomOf(seed);
  if (random(4) === 0) return mutatedBytes(bytes, random);
  let made: Buffer = Buffer.from(bytes);
  for (let i = random(3); i >= 0; i--) made = mutatedMessage(made, random, 0);
  return made;
}

function mutatedBytes(bytes: Uint8Array, random: (below: number) => number): Buffer {
  const made = Buffer.from(bytes);
  for (let i = random(16); i >= 0; i--) {
    const at = random(random(2) === 0 ? Math.min(1024, made.length) : made.length);
    if (random(2) === 0) made[at] = (made[at] ?? 0) ^ (1 << random(8));
    else made.copyWithin(at, random(made.length), random(made.length));
  }
  return random(8) === 0 ? made.subarray(0, random(made.length)) : made;
}

/** One change somewhere below; a message that is none (weights, text) gets changed bytes. */
function mutatedMessage(bytes: Buffer, random: (below: number) => number, depth: number): Buffer {
  const fields = depth > MAX_DEPTH ? null : fieldsOf(bytes);
  if (fields === null || fields.length === 0) return mutatedLeaf(bytes, random);
  const at = random(fields.length);
  const field = fields[at] as Field;
  const kind = random(10);
  if (kind === 0) fields.splice(at, 1);
  else if (kind === 1) fields.splice(random(fields.length), 0, field);
  else if (kind === 2) fields[at] = { ...field, number: 1 + random(30) };
  else if (kind === 3) fields.splice(at, 1, ...fields.slice(random(fields.length)).slice(0, 3));
  else if (typeof field.value === 'bigint')
    fields[at] = { ...field, value: NUMBERS[random(NUMBERS.length)] ?? 0n };
  else if (field.wire === 2) fields[at] = { ...field, value: mutatedMessage(field.value, random, depth + 1) };
  else fields[at] = { ...field, value: mutatedLeaf(field.value, random, true) };
  return Buffer.concat(fields.map(encoded));
}

function mutatedLeaf(bytes: Buffer, random: (below: number) => number, isFixed = false): Buffer {
  if (!isFixed && random(3) === 0) return Buffer.from(NAMES[random(NAMES.length)] ?? '');
  if (!isFixed && random(4) === 0) return bytes.subarray(0, random(bytes.length + 1));
  const made = Buffer.from(bytes);
  if (made.length > 0) made[random(made.length)] = random(256);
  return made;
}

/** The fields of a protobuf message, or `null` when the bytes are none. */
function fieldsOf(bytes: Buffer): Field[] | null {
  const fields: Field[] = [];
  for (let at = 0; at < bytes.length;) {
    const tag = varint(bytes, at);
    if (tag === null) return null;
    const wire = Number(tag.value & 7n);
    const number = Number(tag.value >> 3n);
    if (number === 0 || number > 100) return null;
    if (wire === 0) {
      const found = varint(bytes, tag.end);
      if (found === null) return null;
      fields.push({ number, wire, value: found.value });
      at = found.end;
      continue;
    }
    const counted = wire === 2 ? varint(bytes, tag.end) : null;
    const start = counted?.end ?? tag.end;
    const length = wire === 2 ? Number(counted?.value ?? -1n) : wire === 1 ? 8 : wire === 5 ? 4 : -1;
    if (length < 0 || start + length > bytes.length) return null;
    fields.push({ number, wire, value: bytes.subarray(start, start + length) });
    at = start + length;
  }
  return fields;
}

function varint(bytes: Buffer, from: number): { readonly value: bigint; readonly end: number } | null {
  let value = 0n;
  for (let at = from; at < Math.min(bytes.length, from + 10); at++) {
    const byte = bytes[at] ?? 0;
    value |= BigInt(byte & 0x7f) << BigInt(7 * (at - from));
    if (byte < 0x80) return { value, end: at + 1 };
  }
  return null;
}

function varintBytes(number: bigint): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, number);
  for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  return Buffer.from([...bytes, Number(rest)]);
}

function encoded({ number, wire, value }: Field): Buffer {
  const tag = varintBytes(BigInt(number * 8 + wire));
  if (typeof value === 'bigint') return Buffer.concat([tag, varintBytes(value)]);
  return Buffer.concat(wire === 2 ? [tag, varintBytes(BigInt(value.length)), value] : [tag, value]);
}

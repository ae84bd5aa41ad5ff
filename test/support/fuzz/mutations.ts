/** Ways to damage bytes: blindly, or knowing that they are JSON or protobuf, so that the damage gets past the parser. */
import type { Random } from './random.js';

export type Mutate = (bytes: Uint8Array, random: Random) => Uint8Array;

const EXTREMES = [0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];

/** Flips, zeroes, repeats, cuts, extreme numbers where a length may stand: 1 to 16 changes. */
export const mutateBytes: Mutate = (bytes, random) => {
  const made = Buffer.from(bytes);
  for (let i = random.below(16); i >= 0; i--) {
    // Half of the changes go to the first kilobyte, where formats keep what can be lied about.
    const at = random.below(random.chance(2) ? Math.min(1024, made.length) : made.length);
    const kind = random.below(6);
    if (kind === 0) made[at] = (made[at] ?? 0) ^ (1 << random.below(8));
    else if (kind === 1) made[at] = random.below(2) * 255;
    else if (kind === 2) made.fill(random.below(256), at, Math.min(at + random.below(8), made.length));
    else if (kind === 3) made.copyWithin(at, random.below(made.length), random.below(made.length));
    else if (kind === 4 && at + 4 <= made.length) made.writeUInt32LE(random.pick(EXTREMES), at);
    else if (kind === 5 && at + 2 <= made.length) made.writeUInt16LE(random.pick(EXTREMES) & 0xffff, at);
  }
  const kind = random.below(16);
  if (kind === 0) return made.subarray(0, random.below(made.length));
  if (kind === 1) {
    // A piece taken out, or put in again elsewhere.
    const from = random.below(made.length);
    const piece = made.subarray(from, from + random.below(256));
    const at = random.below(made.length);
    return Buffer.concat([
      made.subarray(0, at),
      piece,
      made.subarray(at + (random.chance(2) ? 0 : piece.length)),
    ]);
  }
  return made;
};

// What a value of JSON may become. Built anew each time, since some are changed again.
const STRANGE: readonly (() => unknown)[] = [
  () => null,
  () => true,
  () => 0,
  () => -1,
  () => 1.5,
  () => 1e308,
  () => 2 ** 53,
  () => -(2 ** 31),
  () => '',
  () => '__proto__',
  () => 'constructor',
  () => '../../../../etc/passwd',
  () => '\u0000\u001b[2J\u202e',
  () => 'x'.repeat(5000),
  () => [],
  () => ({}),
  () => [[[[[[]]]]]],
  () => ({ class_name: 'Lambda', config: {} }),
  () => [null, -1, 'x'],
];

type Place = { holder: Record<string, unknown> | unknown[]; key: string | number };

/** One to four values of a JSON document replaced, removed, doubled, or moved to another place. */
export const mutateJson: Mutate = (bytes, random) => {
  const root = { it: JSON.parse(Buffer.from(bytes).toString('utf8')) as unknown };
  for (let i = random.below(4); i >= 0; i--) {
    const places = placesIn(root);
    const { holder, key } = random.pick(places);
    const at = holder as Record<string | number, unknown>;
    const kind = random.below(6);
    if (kind === 0 && !(holder === (root as unknown))) {
      if (Array.isArray(holder)) holder.splice(key as number, 1);
      else delete at[key];
    } else if (kind === 1) {
      const other = random.pick(places);
      at[key] = structuredClone((other.holder as Record<string | number, unknown>)[other.key]);
    } else if (kind === 2 && Array.isArray(holder)) holder.push(structuredClone(at[key]));
    else if (kind === 3 && !Array.isArray(holder)) {
      // Not by assignment: that would set the prototype instead of the key.
      Object.defineProperty(holder, random.pick(['__proto__', 'constructor', 'toString', 'x']), {
        value: at[key],
        enumerable: true,
        configurable: true,
        writable: true,
      });
    } else if (kind === 4 && typeof at[key] === 'number')
      at[key] = (at[key] as number) * random.pick([-1, 2, 1e6, 0.5]);
    else at[key] = random.pick(STRANGE)();
  }
  return Buffer.from(JSON.stringify(root.it) ?? 'null');
};

/** Every value of the document, those near the root as likely as those of a long list. */
function placesIn(root: object): Place[] {
  const found: Place[] = [];
  const waiting: unknown[] = [root];
  for (let at = waiting.pop(); at !== undefined && found.length < 20_000; at = waiting.pop()) {
    if (Array.isArray(at)) {
      at.forEach((value, key) => {
        found.push({ holder: at as unknown[], key });
        if (typeof value === 'object' && value !== null) waiting.push(value);
      });
    } else if (typeof at === 'object' && at !== null) {
      for (const [key, value] of Object.entries(at)) {
        found.push({ holder: at as Record<string, unknown>, key });
        if (typeof value === 'object' && value !== null) waiting.push(value);
      }
    }
  }
  return found;
}

interface Field {
  tag: number;
  /** 0 varint, 1 eight bytes, 2 length-delimited, 5 four bytes. */
  wire: number;
  value: bigint | Buffer;
  /** What is inside, where it reads as a message. */
  inner: Field[] | null;
}

const VARINTS = [0n, 1n, 127n, 2n ** 31n - 1n, 2n ** 31n, 2n ** 32n, 2n ** 62n, 2n ** 63n, 2n ** 64n - 1n];

/** One to six fields of a protobuf message, at any depth, changed, dropped, doubled, renumbered or retyped. */
export const mutateProto: Mutate = (bytes, random) => {
  const fields = fieldsOf(Buffer.from(bytes), 0);
  if (fields === null) return mutateBytes(bytes, random);
  for (let i = random.below(6); i >= 0; i--) {
    const lists = listsIn(fields);
    const list = random.pick(lists);
    if (list.length === 0) continue;
    const at = random.below(list.length);
    const field = list[at] as Field;
    switch (random.below(8)) {
      case 0:
        list.splice(at, 1);
        break;
      case 1:
        list.splice(at, 0, structuredClone(field));
        break;
      case 2:
        field.tag = random.pick([1, 2, 3, 4, 5, 7, 8, 9, 20, 25, 99, 2 ** 28]);
        break;
      case 3:
        list[at] = { tag: field.tag, wire: 0, value: random.pick(VARINTS), inner: null };
        break;
      case 4:
        list[at] = {
          ...structuredClone(random.pick(random.pick(lists.filter((l) => l.length > 0)))),
          tag: field.tag,
        };
        break;
      case 5:
        list.push(structuredClone(field));
        break;
      default:
        if (typeof field.value === 'bigint') field.value = random.pick(VARINTS);
        else if (field.inner === null && field.value.length > 0)
          field.value = Buffer.from(mutateBytes(field.value, random));
    }
  }
  return encoded(fields);
};

function listsIn(fields: Field[]): Field[][] {
  return [fields, ...fields.flatMap(({ inner }) => (inner === null ? [] : listsIn(inner)))];
}

const MAX_DEPTH = 12;

/** `null` where the bytes are no message. */
function fieldsOf(bytes: Buffer, depth: number): Field[] | null {
  const fields: Field[] = [];
  let at = 0;
  const varint = (): bigint | null => {
    let value = 0n;
    for (let shift = 0n; shift < 70n && at < bytes.length; shift += 7n) {
      const byte = bytes[at++] ?? 0;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    return null;
  };
  while (at < bytes.length) {
    const key = varint();
    if (key === null || key >> 3n === 0n || key >> 3n > 2n ** 29n) return null;
    const tag = Number(key >> 3n);
    const wire = Number(key & 7n);
    if (wire === 0) {
      const value = varint();
      if (value === null) return null;
      fields.push({ tag, wire, value, inner: null });
    } else if (wire === 1 || wire === 5 || wire === 2) {
      const length = wire === 2 ? varint() : wire === 1 ? 8n : 4n;
      if (length === null || length > BigInt(bytes.length - at)) return null;
      const value = bytes.subarray(at, at + Number(length));
      at += Number(length);
      const mayNest = wire === 2 && value.length > 1 && value.length < 1 << 20 && depth < MAX_DEPTH;
      fields.push({ tag, wire, value, inner: mayNest ? fieldsOf(value, depth + 1) : null });
    } else return null;
  }
  return fields;
}

function encoded(fields: readonly Field[]): Buffer {
  return Buffer.concat(
    fields.flatMap(({ tag, wire, value, inner }) => {
      const head = varintOf((BigInt(tag) << 3n) | BigInt(wire));
      if (typeof value === 'bigint') return [head, varintOf(value)];
      const body = inner === null ? Buffer.from(value) : encoded(inner);
      return wire === 2 ? [head, varintOf(BigInt(body.length)), body] : [head, body];
    }),
  );
}

function varintOf(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  return Buffer.from([...bytes, Number(rest)]);
}

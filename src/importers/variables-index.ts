/**
 * `variables.index`: a sorted table of names and places in LevelDB's file format. Read here byte by byte, so
 * that TensorFlow's native reader only ever sees the index that is written here.
 */
import { maskedCrc32c } from './crc32c.js';
import { IMPORT_LIMITS } from './limits.js';
import { refuseImport } from './refused.js';
import { decodeProto, encodeProto, type BundleEntry } from './tensorflow-proto.js';

const FOOTER_BYTES = 48;
const TRAILER_BYTES = 5;
const MAGIC = Buffer.from('57fb808b247547db', 'hex');
const FILE = 'variables/variables.index';

export interface VariablesIndex {
  readonly shards: number;
  /** By the name in the checkpoint. */
  readonly entries: ReadonlyMap<string, BundleEntry>;
}

/** @throws Refused with CORRUPT_ARTIFACT or LIMIT_EXCEEDED */
export function readVariablesIndex(bytes: Buffer): VariablesIndex {
  if (bytes.length < FOOTER_BYTES || !bytes.subarray(-MAGIC.length).equals(MAGIC)) corrupt('has no footer');
  const footer = createReader(bytes.subarray(-FOOTER_BYTES));
  footer.varint();
  footer.varint();
  const handle = { offset: footer.varint(), size: footer.varint() };
  const entries = new Map<string, BundleEntry>();
  let shards: number | null = null;
  for (const { value } of readBlock(bytes, handle.offset, handle.size)) {
    const place = createReader(value);
    for (const { key, value: record } of readBlock(bytes, place.varint(), place.varint())) {
      if (key === '' && shards === null) {
        const header = decodeProto('BundleHeader', record, FILE) as unknown as {
          readonly numShards: number;
          readonly endianness: number;
        };
        if (header.endianness !== 0) corrupt('was written on a big-endian machine');
        shards = header.numShards;
        continue;
      }
      if (entries.has(key)) corrupt('names a tensor twice');
      if (entries.size >= IMPORT_LIMITS.maxTensors) {
        refuseImport(
          'LIMIT_EXCEEDED',
          FILE,
          `The variables are more than ${IMPORT_LIMITS.maxTensors}, which is the most that is accepted.`,
        );
      }
      entries.set(key, decodeProto('BundleEntry', record, FILE) as unknown as BundleEntry);
    }
  }
  if (shards === null || shards < 1 || shards > 10_000)
    return corrupt('does not say how many files belong to it');
  return { shards, entries };
}

function corrupt(how: string): never {
  return refuseImport('CORRUPT_ARTIFACT', FILE, `${FILE} is damaged: it ${how}.`);
}

interface Reader {
  readonly left: () => number;
  varint(): number;
  bytes(length: number): Buffer;
}

function createReader(buffer: Buffer): Reader {
  let at = 0;
  return {
    left: () => buffer.length - at,
    varint() {
      let value = 0;
      for (let scale = 1; scale <= 2 ** 49; scale *= 128) {
        const byte = buffer[at++] ?? corrupt('ends in the middle of a number');
        value += (byte & 0x7f) * scale;
        if (byte < 0x80) return value;
      }
      return corrupt('has a number that is too large');
    },
    bytes(length) {
      if (length > buffer.length - at) corrupt('points past its end');
      at += length;
      return buffer.subarray(at - length, at);
    },
  };
}

function readBlock(
  file: Buffer,
  offset: number,
  size: number,
): { readonly key: string; readonly value: Buffer }[] {
  if (offset + size + TRAILER_BYTES > file.length || size < 4) corrupt('points past its end');
  const block = file.subarray(offset, offset + size);
  const withType = file.subarray(offset, offset + size + 1);
  if (file[offset + size] !== 0) corrupt('is compressed, as TensorFlow never writes it');
  if (file.readUInt32LE(offset + size + 1) !== maskedCrc32c(withType)) corrupt('has a wrong checksum');
  const restarts = block.readUInt32LE(size - 4);
  const end = size - 4 - 4 * restarts;
  if (end < 0) corrupt('points past its end');
  const reader = createReader(block.subarray(0, end));
  const found: { key: string; value: Buffer }[] = [];
  let previous: Buffer = Buffer.alloc(0);
  while (reader.left() > 0) {
    const shared = reader.varint();
    const own = reader.varint();
    const length = reader.varint();
    if (shared > previous.length || shared + own > IMPORT_LIMITS.maxNameLength * 4)
      corrupt('has a name out of bounds');
    previous = Buffer.concat([previous.subarray(0, shared), reader.bytes(own)]);
    found.push({ key: previous.toString('utf8'), value: reader.bytes(length) });
  }
  return found;
}

/** @param entries in ascending order of their names, which are ASCII */
export function writeVariablesIndex(entries: readonly (readonly [name: string, entry: object])[]): Buffer {
  const header = encodeProto('BundleHeader', { numShards: 1, endianness: 0, version: { producer: 1 } });
  const records: [string, Uint8Array][] = [
    ['', header],
    ...entries.map(([name, entry]): [string, Uint8Array] => [name, encodeProto('BundleEntry', entry)]),
  ];
  const data = blockOf(records);
  const meta = blockOf([]);
  const place = Buffer.concat([varintOf(0), varintOf(data.length - TRAILER_BYTES)]);
  const index = blockOf([[entries.at(-1)?.[0] ?? '', place]]);
  const footer = Buffer.alloc(FOOTER_BYTES);
  Buffer.concat([
    varintOf(data.length),
    varintOf(meta.length - TRAILER_BYTES),
    varintOf(data.length + meta.length),
    varintOf(index.length - TRAILER_BYTES),
  ]).copy(footer);
  MAGIC.copy(footer, FOOTER_BYTES - MAGIC.length);
  return Buffer.concat([data, meta, index, footer]);
}

/** Every entry is a restart: no name shares a beginning with the one before. */
function blockOf(records: readonly (readonly [string, Uint8Array])[]): Buffer {
  const parts: Uint8Array[] = [];
  const restarts: number[] = [];
  let offset = 0;
  for (const [name, value] of records) {
    const key = Buffer.from(name, 'latin1');
    const part = Buffer.concat([varintOf(0), varintOf(key.length), varintOf(value.length), key, value]);
    restarts.push(offset);
    offset += part.length;
    parts.push(part);
  }
  if (restarts.length === 0) restarts.push(0);
  const tail = Buffer.alloc(4 * restarts.length + 4);
  restarts.forEach((restart, at) => tail.writeUInt32LE(restart, 4 * at));
  tail.writeUInt32LE(restarts.length, 4 * restarts.length);
  const withType = Buffer.concat([...parts, tail, Buffer.of(0)]);
  const sum = Buffer.alloc(4);
  sum.writeUInt32LE(maskedCrc32c(withType));
  return Buffer.concat([withType, sum]);
}

function varintOf(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.from([...bytes, rest]);
    bytes.push((rest % 128) + 128);
  }
}

/**
 * HDF5 files written byte by byte, for what no library would write: superblock 0, one group, its datasets.
 * Numbers are little-endian, addresses and lengths 8 bytes. See the HDF5 File Format Specification, version 3.
 */
const UNDEFINED = 0xffff_ffff_ffff_ffffn;
const GROUP_LEAF_K = 4;
const GROUP_NODE_K = 16;

const u8 = (...values: number[]): Buffer => Buffer.from(values);
const u16 = (value: number): Buffer => Buffer.from(Uint16Array.of(value).buffer);
const u32 = (value: number): Buffer => Buffer.from(Uint32Array.of(value).buffer);
const u64 = (value: number | bigint): Buffer => Buffer.from(BigUint64Array.of(BigInt(value)).buffer);
const text = (value: string): Buffer => Buffer.from(`${value}\0`);
const padded = (bytes: Buffer): Buffer => Buffer.concat([bytes, Buffer.alloc((8 - (bytes.length % 8)) % 8)]);

/** How a dataset's values are stored. */
export type Storage =
  /** In another file: the classic list of external files. */
  | { readonly kind: 'external'; readonly file: string }
  /** Put together from datasets of other files. */
  | { readonly kind: 'virtual'; readonly file: string }
  /** Here, at an address of one's choice. */
  | { readonly kind: 'contiguous'; readonly address: bigint; readonly bytes: bigint }
  /** In chunks, none of which exists. */
  | { readonly kind: 'chunked'; readonly chunk: readonly number[] };

export interface RawDataset {
  readonly name: string;
  readonly dims: readonly bigint[];
  readonly storage: Storage;
  /** Of the filter pipeline: numbers as registered with the HDF Group. */
  readonly filters?: readonly number[];
}

/** A whole file with these datasets in its root group. */
export function hdf5Of(datasets: readonly RawDataset[]): Buffer {
  const parts: Buffer[] = [Buffer.alloc(96)];
  let size = 96;
  const place = (bytes: Buffer): bigint => {
    const at = BigInt(size);
    const whole = padded(bytes);
    parts.push(whole);
    size += whole.length;
    return at;
  };

  const sorted = [...datasets].sort((a, b) => (a.name < b.name ? -1 : 1));
  const headers = sorted.map((dataset) => place(objectHeader(datasetMessages(dataset, place))));
  const names = Buffer.concat([Buffer.alloc(8), ...sorted.map(({ name }) => padded(text(name)))]);
  const offsets = sorted.map((_, i) =>
    sorted.slice(0, i).reduce((sum, { name }) => sum + padded(text(name)).length, 8),
  );
  const heap = place(localHeap(names, place));
  const leaf = place(
    Buffer.concat([
      Buffer.from('SNOD'),
      u8(1, 0),
      u16(sorted.length),
      ...sorted.map((_, i) => symbol(offsets[i] ?? 0, headers[i] ?? 0n)),
      Buffer.alloc(40 * (2 * GROUP_LEAF_K - sorted.length)),
    ]),
  );
  const tree = place(
    Buffer.concat([
      Buffer.from('TREE'),
      u8(0, 0),
      u16(1),
      u64(UNDEFINED),
      u64(UNDEFINED),
      u64(0),
      u64(leaf),
      u64(offsets.at(-1) ?? 0),
      Buffer.alloc(16 * (2 * GROUP_NODE_K - 1)),
    ]),
  );
  const root = place(objectHeader([[0x11, Buffer.concat([u64(tree), u64(heap)])]]));
  parts[0] = Buffer.concat([
    Buffer.from('\x89HDF\r\n\x1a\n', 'latin1'),
    u8(0, 0, 0, 0, 0, 8, 8, 0),
    u16(GROUP_LEAF_K),
    u16(GROUP_NODE_K),
    u32(0),
    u64(0),
    u64(UNDEFINED),
    u64(size),
    u64(UNDEFINED),
    symbol(0, root),
  ]);
  return Buffer.concat(parts);
}

function symbol(nameOffset: number, header: bigint): Buffer {
  return Buffer.concat([u64(nameOffset), u64(header), u32(0), u32(0), Buffer.alloc(16)]);
}

function localHeap(data: Buffer, place: (bytes: Buffer) => bigint): Buffer {
  const at = place(data);
  return Buffer.concat([Buffer.from('HEAP'), u32(0), u64(data.length), u64(1), u64(at)]);
}

type HeaderMessage = readonly [type: number, data: Buffer];

function objectHeader(messages: readonly HeaderMessage[]): Buffer {
  const body = Buffer.concat(
    messages.map(([type, data]) => {
      const whole = padded(data);
      return Buffer.concat([u16(type), u16(whole.length), u8(0, 0, 0, 0), whole]);
    }),
  );
  return Buffer.concat([u8(1, 0), u16(messages.length), u32(1), u32(body.length), u32(0), body]);
}

const FLOAT32 = Buffer.concat([u8(0x11, 0x20, 0x1f, 0), u32(4), u16(0), u16(32), u8(23, 8, 0, 23), u32(127)]);

function datasetMessages(dataset: RawDataset, place: (bytes: Buffer) => bigint): HeaderMessage[] {
  const { dims, storage, filters = [] } = dataset;
  const messages: HeaderMessage[] = [
    [0x01, Buffer.concat([u8(1, dims.length, 0, 0), u32(0), ...dims.map(u64)])],
    [0x03, FLOAT32],
    [0x05, u8(2, storage.kind === 'chunked' ? 3 : 2, 2, 0)],
  ];
  if (storage.kind === 'external') {
    const heap = place(localHeap(Buffer.concat([Buffer.alloc(8), padded(text(storage.file))]), place));
    const slot = Buffer.concat([u64(8), u64(0), u64(UNDEFINED)]);
    messages.push([0x07, Buffer.concat([u8(1, 0, 0, 0), u16(1), u16(1), u64(heap), slot])]);
    messages.push([0x08, Buffer.concat([u8(3, 1), u64(UNDEFINED), u64(0)])]);
  } else if (storage.kind === 'contiguous') {
    messages.push([0x08, Buffer.concat([u8(3, 1), u64(storage.address), u64(storage.bytes)])]);
  } else if (storage.kind === 'chunked') {
    const sizes = [...storage.chunk, 4].map(u32);
    messages.push([0x08, Buffer.concat([u8(3, 2, sizes.length), u64(UNDEFINED), ...sizes])]);
  } else {
    const everything = Buffer.concat([u32(3), u32(1), u32(0), u32(0)]);
    const mapping = Buffer.concat([
      u8(0),
      u64(1),
      text(storage.file),
      text('/values'),
      everything,
      everything,
    ]);
    const block = Buffer.concat([mapping, u32(lookup3(mapping))]);
    const object = Buffer.concat([u16(1), u16(1), u32(0), u64(block.length), padded(block)]);
    const collection = Buffer.alloc(4096);
    Buffer.concat([Buffer.from('GCOL'), u8(1, 0, 0, 0), u64(collection.length), object]).copy(collection);
    // What is left of the collection is its object number 0.
    const used = 16 + object.length;
    u64(collection.length - used).copy(collection, used + 8);
    messages.push([0x08, Buffer.concat([u8(4, 3), u64(place(collection)), u32(1)])]);
  }
  if (filters.length > 0) {
    const described = filters.map((id) => Buffer.concat([u16(id), u16(0), u16(0), u16(0)]));
    messages.push([0x0b, Buffer.concat([u8(1, filters.length, 0, 0), u32(0), ...described])]);
  }
  return messages;
}

/** Bob Jenkins's checksum, as HDF5 uses it. */
function lookup3(bytes: Buffer): number {
  const rotate = (value: number, by: number): number => (value << by) | (value >>> (32 - by));
  let a = (0xdeadbeef + bytes.length) | 0;
  let b = a;
  let c = a;
  let at = 0;
  const word = (from: number): number => {
    let value = 0;
    for (let i = 3; i >= 0; i--) value = (value << 8) | (bytes[from + i] ?? 0);
    return value;
  };
  for (; bytes.length - at > 12; at += 12) {
    a = (a + word(at)) | 0;
    b = (b + word(at + 4)) | 0;
    c = (c + word(at + 8)) | 0;
    a = (a - c) ^ rotate(c, 4);
    c = (c + b) | 0;
    b = (b - a) ^ rotate(a, 6);
    a = (a + c) | 0;
    c = (c - b) ^ rotate(b, 8);
    b = (b + a) | 0;
    a = (a - c) ^ rotate(c, 16);
    c = (c + b) | 0;
    b = (b - a) ^ rotate(a, 19);
    a = (a + c) | 0;
    c = (c - b) ^ rotate(b, 4);
    b = (b + a) | 0;
  }
  a = (a + word(at)) | 0;
  b = (b + word(at + 4)) | 0;
  c = (c + word(at + 8)) | 0;
  c = ((c ^ b) - rotate(b, 14)) | 0;
  a = ((a ^ c) - rotate(c, 11)) | 0;
  b = ((b ^ a) - rotate(a, 25)) | 0;
  c = ((c ^ b) - rotate(b, 16)) | 0;
  a = ((a ^ c) - rotate(c, 4)) | 0;
  b = ((b ^ a) - rotate(a, 14)) | 0;
  c = ((c ^ b) - rotate(b, 24)) | 0;
  return c >>> 0;
}

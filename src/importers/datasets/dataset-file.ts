/** Reads the canonical form by rows. Written by a child, so nothing in it is believed before it was checked. */
import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { bytesPerElement, elementCount, type Tensor } from '../../lib/tensor.js';
import { headerSchema, MAGIC, MAX_HEADER_BYTES, type Block, type Header } from './canonical.js';
import { labelOfNumber } from './labels.js';
import type { DatasetColumn, LabelKind } from './types.js';

/** A dataset that is open for reading. Rows count from 0. */
export interface DatasetFile {
  readonly rows: number;
  readonly columns: readonly DatasetColumn[];
  readonly labelKind: LabelKind;
  /** Elements of one column, as a tensor with the rows first. */
  readColumn(index: number, from: number, count: number): Promise<Tensor>;
  /** Labels as texts; numbers as they are written. */
  readLabels(from: number, count: number): Promise<readonly string[]>;
  close(): Promise<void>;
}

/** @throws Error when the file is not what `writeCanonical` writes: bytes of ours that were damaged */
export async function openDatasetFile(path: string): Promise<DatasetFile> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    return await readHeader(file);
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function readHeader(file: FileHandle): Promise<DatasetFile> {
  const { size } = await file.stat();
  const start = await read(file, 0, 12);
  const length = start.readUInt32LE(8);
  if (start.toString('latin1', 0, 8) !== MAGIC || length > MAX_HEADER_BYTES) throw damaged('its beginning');
  const header = headerSchema.parse(JSON.parse((await read(file, 12, length)).toString('utf8')));
  const base = 12 + length;
  for (const block of [...header.columns, header.labels]) checkBlock(header, block, size - base);

  async function texts(block: Block & { index: number }, from: number, count: number): Promise<Buffer> {
    const index = await read(file, base + block.index + from * 8, (count + 1) * 8);
    const begin = Number(index.readBigUInt64LE(0));
    const end = Number(index.readBigUInt64LE(count * 8));
    if (!(begin <= end && end <= block.bytes)) throw damaged('its index');
    return read(file, base + block.at + begin, end - begin);
  }

  return Object.freeze<DatasetFile>({
    rows: header.rows,
    columns: header.columns.map(({ name, datatype, shape }) => ({ name, datatype, shape })),
    labelKind: header.labels.kind,

    async readColumn(index, from, count) {
      const column = header.columns[index];
      if (column === undefined) throw new Error(`The dataset has no column ${index}.`);
      const { name, datatype, shape } = column;
      const data = hasIndex(column)
        ? await texts(column, from, count)
        : await read(file, base + column.at + from * rowBytes(column), count * rowBytes(column));
      return { name, datatype, shape: [count, ...shape], data };
    },

    async readLabels(from, count) {
      const { labels } = header;
      if (!hasIndex(labels)) {
        const bytes = await read(file, base + labels.at + from * 8, count * 8);
        return Array.from({ length: count }, (_, row) => labelOfNumber(bytes.readDoubleLE(row * 8)));
      }
      return textsOf(await texts(labels, from, count), count);
    },

    close: () => file.close(),
  });
}

/** Elements as the protocol writes BYTES: uint32 length, then UTF-8. */
export function textsOf(bytes: Buffer, count: number): string[] {
  let at = 0;
  return Array.from({ length: count }, () => {
    const length = bytes.readUInt32LE(at);
    const text = bytes.toString('utf8', at + 4, at + 4 + length);
    at += 4 + length;
    return text;
  });
}

function hasIndex<B extends Block>(block: B): block is B & { index: number } {
  return block.index !== null;
}

function rowBytes({ datatype, shape }: DatasetColumn): number {
  return elementCount(shape) * (bytesPerElement(datatype) ?? 0);
}

function checkBlock({ rows }: Header, block: Block & Partial<DatasetColumn>, size: number): void {
  const isText = block.datatype === 'BYTES' || ('kind' in block && block.kind === 'TEXT');
  if (isText !== (block.index !== null) || block.at + block.bytes > size) throw damaged('a block');
  if (block.index !== null && block.index + (rows + 1) * 8 > size) throw damaged('an index');
  const { datatype, shape } = block;
  const expected =
    datatype === undefined || shape === undefined
      ? 8
      : elementCount(shape) * (bytesPerElement(datatype) ?? 0);
  if (!isText && block.bytes !== rows * expected) throw damaged('the size of a block');
}

function damaged(what: string): Error {
  return new Error(`A dataset file is damaged: ${what} is not what was written.`);
}

async function read(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length;) {
    const { bytesRead } = await file.read(bytes, at, length - at, position + at);
    if (bytesRead === 0) throw damaged('its length');
    at += bytesRead;
  }
  return bytes;
}

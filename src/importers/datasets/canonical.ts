/**
 * The one form in which datasets are kept, whatever they came as: a header, then one block a column, so that the
 * rows of a chunk are one read of each. The same data always gives the same bytes, and so the same digest.
 *
 *   8 bytes  "SOUKDST1"
 *   u32 LE   length of the header
 *   header   JSON, padded with spaces so that what follows begins at a multiple of 8
 *   blocks   row-major little-endian elements, each block padded to a multiple of 8.
 *            Texts: uint32 length and UTF-8 each, and a block of rows + 1 uint64 offsets into them
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import { z } from 'zod';
import { DATATYPES, bytesPerElement, elementCount } from '../../lib/tensor.js';
import { refuseImport } from '../refused.js';
import { DATASET_LIMITS } from './limits.js';
import type { Labels } from './labels.js';
import { LABEL_KINDS, type DatasetColumn } from './types.js';

export const DATASET_FILE_NAME = 'dataset.souk';
export const MAGIC = 'SOUKDST1';
export const MAX_HEADER_BYTES = 4 * 1024 * 1024;

const offset = z.int().min(0).max(Number.MAX_SAFE_INTEGER);
const block = z.object({ at: offset, bytes: offset, index: offset.nullable() });
export const headerSchema = z.object({
  rows: z.int().min(1).max(DATASET_LIMITS.maxRows),
  columns: z
    .array(
      block.extend({
        name: z.string().max(1000),
        datatype: z.enum(DATATYPES),
        shape: z.array(z.int().min(1)).max(8),
      }),
    )
    .min(1)
    .max(DATASET_LIMITS.maxColumns),
  labels: block.extend({ kind: z.enum(LABEL_KINDS) }),
});

/** `at` and `index` count from the end of the header; `index` is where the offsets of texts begin. */
export type Header = z.infer<typeof headerSchema>;
export type Block = z.infer<typeof block>;

/** A feature on its way into the file. */
export interface ColumnSource extends DatasetColumn {
  /** All elements; their bytes together are rows times the size of a row. */
  chunks(): Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
}

/** A feature of texts: known as a whole. */
export interface TextColumn {
  readonly name: string;
  readonly texts: readonly string[];
}

export type AnyColumn = ColumnSource | TextColumn;

export function isTextColumn(column: AnyColumn): column is TextColumn {
  return 'texts' in column;
}

export function specOf(column: AnyColumn): DatasetColumn {
  if (isTextColumn(column)) return { name: column.name, datatype: 'BYTES', shape: [] };
  return { name: column.name, datatype: column.datatype, shape: [...column.shape] };
}

/** Bytes that rows of this spec take. @throws Refused above the limit, before anything is allocated */
export function columnBytes({ name, datatype, shape }: DatasetColumn, rows: number): number {
  const bytes = rows * elementCount(shape) * (bytesPerElement(datatype) ?? 0);
  if (!(bytes <= DATASET_LIMITS.maxBytes)) {
    refuseImport(
      'LIMIT_EXCEEDED',
      name,
      `"${name}" takes ${bytes} bytes; a dataset has at most ${DATASET_LIMITS.maxBytes}.`,
    );
  }
  return bytes;
}

/** Writes the file; a column that gives other than its bytes is a fault. @throws Refused above the limits */
export async function writeCanonical(
  path: string,
  rows: number,
  columns: readonly AnyColumn[],
  labels: Labels,
): Promise<void> {
  let at = 0;
  const place = (bytes: number): number => {
    const start = at;
    at += roundedUp(bytes);
    if (at > DATASET_LIMITS.maxBytes) {
      refuseImport('LIMIT_EXCEEDED', null, `The dataset takes more than ${DATASET_LIMITS.maxBytes} bytes.`);
    }
    return start;
  };
  const texts = new Map<AnyColumn, EncodedTexts>();
  const placed = columns.map((column) => {
    const spec = specOf(column);
    if (!isTextColumn(column)) {
      const bytes = columnBytes(spec, rows);
      return { ...spec, at: place(bytes), bytes, index: null };
    }
    const encoded = encodeTexts(column.texts);
    texts.set(column, encoded);
    return { ...spec, ...placeTexts(encoded, place) };
  });
  const labelTexts = labels.kind === 'TEXT' ? encodeTexts(labels.values as readonly string[]) : null;
  const labelBlock =
    labelTexts === null
      ? { at: place(rows * 8), bytes: rows * 8, index: null }
      : placeTexts(labelTexts, place);
  const header: Header = {
    rows,
    columns: placed.map((column) => ({ ...column, shape: [...column.shape] })),
    labels: { kind: labels.kind, ...labelBlock },
  };

  const fd = openSync(path, 'wx', 0o600);
  try {
    writeAll(fd, encodeHeader(header));
    for (const column of columns) {
      const encoded = texts.get(column);
      if (encoded !== undefined) writeTexts(fd, encoded);
      else await writeBlock(fd, column as ColumnSource, columnBytes(column as ColumnSource, rows));
    }
    if (labelTexts !== null) writeTexts(fd, labelTexts);
    else writeAll(fd, littleEndian(labels.values as Float64Array));
  } finally {
    closeSync(fd);
  }
}

interface EncodedTexts {
  readonly index: Uint8Array;
  readonly elements: Uint8Array;
}

function encodeTexts(texts: readonly string[]): EncodedTexts {
  const lengths = texts.map((text) => Buffer.byteLength(text));
  const total = lengths.reduce((sum, length) => sum + 4 + length, 0);
  if (total > DATASET_LIMITS.maxBytes) {
    refuseImport(
      'LIMIT_EXCEEDED',
      null,
      `The texts take ${total} bytes; at most ${DATASET_LIMITS.maxBytes} are kept.`,
    );
  }
  const elements = Buffer.alloc(total);
  const index = Buffer.alloc((texts.length + 1) * 8);
  let at = 0;
  texts.forEach((text, row) => {
    index.writeBigUInt64LE(BigInt(at), row * 8);
    at = elements.writeUInt32LE(lengths[row] ?? 0, at);
    at += elements.write(text, at);
  });
  index.writeBigUInt64LE(BigInt(at), texts.length * 8);
  return { index, elements };
}

function placeTexts({ index, elements }: EncodedTexts, place: (bytes: number) => number): Block {
  const start = place(index.length);
  return { index: start, at: place(elements.length), bytes: elements.length };
}

function writeTexts(fd: number, { index, elements }: EncodedTexts): void {
  writeAll(fd, index);
  writeAll(fd, elements);
  pad(fd, elements.length);
}

async function writeBlock(fd: number, column: ColumnSource, bytes: number): Promise<void> {
  let written = 0;
  for await (const chunk of column.chunks()) {
    written += chunk.length;
    writeAll(fd, chunk);
  }
  if (written !== bytes) throw new Error(`"${column.name}" gave ${written} bytes instead of ${bytes}.`);
  pad(fd, bytes);
}

function encodeHeader(header: Header): Buffer {
  const json = Buffer.from(JSON.stringify(header), 'utf8');
  const length = roundedUp(12 + json.length) - 12;
  if (length > MAX_HEADER_BYTES) {
    refuseImport('LIMIT_EXCEEDED', null, 'The names of the columns take more than 4 MiB together.');
  }
  const start = Buffer.alloc(12 + length, ' ');
  start.write(MAGIC, 0, 'latin1');
  start.writeUInt32LE(length, 8);
  json.copy(start, 12);
  return start;
}

/** Float64Array is little-endian on every machine that Node runs on. */
function littleEndian(values: Float64Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

function roundedUp(bytes: number): number {
  return Math.ceil(bytes / 8) * 8;
}

function pad(fd: number, bytes: number): void {
  writeAll(fd, new Uint8Array(roundedUp(bytes) - bytes));
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length;) written += writeSync(fd, bytes, written);
}

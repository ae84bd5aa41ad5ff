/** Writes the pack: weights once to a file while their bytes are at hand, the header when the trial is over. */
import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync, rmSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { encodePackHeader, type PackHeader } from '../inference/index.js';
import type { ConvertedModel } from './converted-model.js';
import { IMPORT_LIMITS } from './limits.js';
import { refuseImport } from './refused.js';

export const PACK_FILE_NAME = 'model.pack';
export const WEIGHTS_FILE_NAME = 'weights.bin';
const COPY_BYTES = 4 * 1024 * 1024;
/** At once; the system takes no more than 2 GiB. */
const READ_BYTES = 256 * 1024 * 1024;

export interface WrittenPack {
  readonly path: string;
  readonly bytes: number;
  /** SHA-256, lower-case hex. */
  readonly digest: string;
}

interface Block {
  readonly name: string;
  readonly byteLength: number;
  read(): Iterable<Uint8Array>;
}

/** What the weight block of the pack is made of: weights, or files. */
export function blocksOf({ weights, files }: Pick<ConvertedModel, 'weights' | 'files'>): readonly Block[] {
  return (
    files ??
    weights.map((block) => ({
      name: block.spec.name,
      byteLength: block.byteLength,
      read: () => [block.read()],
    }))
  );
}

/** Reads every block once and appends it; returns the file's size. @throws Refused above the limit */
export function writeWeights(
  workDirectory: string,
  blocks: readonly Block[],
  onProgress: (fraction: number) => void,
): number {
  const total = blocks.reduce((sum, block) => sum + block.byteLength, 0);
  if (total > IMPORT_LIMITS.maxWeightBytes) {
    refuseImport(
      'LIMIT_EXCEEDED',
      null,
      `The weights take ${total} bytes; at most ${IMPORT_LIMITS.maxWeightBytes} are accepted.`,
    );
  }
  const fd = openSync(join(workDirectory, WEIGHTS_FILE_NAME), 'wx', 0o600);
  try {
    let written = 0;
    for (const block of blocks) {
      let length = 0;
      for (const bytes of block.read()) {
        length += bytes.length;
        writeAll(fd, bytes);
      }
      if (length !== block.byteLength) {
        refuseImport(
          'CORRUPT_ARTIFACT',
          block.name,
          `"${block.name}" has ${length} bytes of values instead of ${block.byteLength}.`,
        );
      }
      written += length;
      onProgress(total === 0 ? 1 : written / total);
    }
    return written;
  } finally {
    closeSync(fd);
  }
}

/** The pack in memory, as a runtime loads it. */
export function packInMemory(workDirectory: string, header: PackHeader): Uint8Array {
  const head = encodePackHeader(header);
  const weights = openSync(join(workDirectory, WEIGHTS_FILE_NAME), 'r');
  try {
    // Weights may be gigabytes: they are read to where they stay.
    const pack = new Uint8Array(head.length + fstatSync(weights).size);
    pack.set(head);
    let at = head.length;
    for (let count = 1; count > 0 && at < pack.length; at += count) {
      count = readSync(weights, pack, at, Math.min(READ_BYTES, pack.length - at), null);
    }
    return pack;
  } finally {
    closeSync(weights);
  }
}

/** Joins header and weights into `model.pack` and removes the weights file. */
export function writePack(workDirectory: string, header: PackHeader): WrittenPack {
  const path = join(workDirectory, PACK_FILE_NAME);
  const weightsPath = join(workDirectory, WEIGHTS_FILE_NAME);
  const hash = createHash('sha256');
  const target = openSync(path, 'wx', 0o600);
  const source = openSync(weightsPath, 'r');
  try {
    const head = encodePackHeader(header);
    hash.update(head);
    writeAll(target, head);
    const piece = Buffer.allocUnsafe(COPY_BYTES);
    for (let count = readSync(source, piece); count > 0; count = readSync(source, piece)) {
      const bytes = piece.subarray(0, count);
      hash.update(bytes);
      writeAll(target, bytes);
    }
  } finally {
    closeSync(source);
    closeSync(target);
  }
  rmSync(weightsPath);
  return { path, bytes: statSync(path).size, digest: hash.digest('hex') };
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length;) written += writeSync(fd, bytes, written);
}

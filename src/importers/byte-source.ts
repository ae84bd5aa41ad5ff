/** Bytes that are read where they lie: an open file (or a part of it) or a buffer. No reader learns a path. */
import { fstatSync, readSync } from 'node:fs';

export interface ByteSource {
  readonly size: number;
  /** Reads exactly `length` bytes at `offset`, fewer only at the end. */
  read(offset: number, length: number): Buffer;
  /** Fills `target` from `offset`; returns how many bytes there were. */
  readInto(target: Uint8Array, offset: number): number;
}

export function fileSource(fd: number): ByteSource {
  const size = fstatSync(fd).size;
  const readInto = (target: Uint8Array, offset: number): number => {
    let filled = 0;
    while (filled < target.length) {
      const count = readSync(fd, target, filled, target.length - filled, offset + filled);
      if (count === 0) break;
      filled += count;
    }
    return filled;
  };
  return Object.freeze({
    size,
    readInto,
    read: (offset: number, length: number) => readWith(size, readInto, offset, length),
  });
}

export function bufferSource(bytes: Uint8Array): ByteSource {
  const readInto = (target: Uint8Array, offset: number): number => {
    const part = bytes.subarray(offset, offset + target.length);
    target.set(part);
    return part.length;
  };
  return Object.freeze({
    size: bytes.length,
    readInto,
    read: (offset: number, length: number) => readWith(bytes.length, readInto, offset, length),
  });
}

function readWith(
  size: number,
  readInto: (target: Uint8Array, offset: number) => number,
  offset: number,
  length: number,
): Buffer {
  const wanted = Math.max(0, Math.min(length, size - offset));
  const target = Buffer.allocUnsafe(wanted);
  return target.subarray(0, readInto(target, offset));
}

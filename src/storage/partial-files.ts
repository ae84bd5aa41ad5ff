/**
 * Files that arrive in pieces. What is on the disk is what has arrived: the size of the file is the offset
 * at which its sender goes on, also after the process was killed.
 *
 * Names are ids that we made. Who writes holds the lock of the transfer that the file belongs to; this
 * store trusts that.
 */
import { createHash, type Hash } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import { mkdir, open, readdir, rm, stat, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { LRUCache } from 'lru-cache';
import { BlockWriter } from './block-writer.js';
import { isStorageFull } from './errors.js';
import { pull, CUT } from './receive.js';

/** A checksum of one piece, as its sender announced it. */
export interface PieceChecksum {
  readonly algorithm: 'sha1' | 'sha256' | 'md5';
  readonly digest: Buffer;
}

export interface PieceOptions {
  /** Most bytes that the piece may have. */
  readonly maxBytes: number;
  /** A piece with another checksum is thrown away as a whole. */
  readonly checksum?: PieceChecksum | undefined;
  /** Fires when nobody may or will write any more. */
  readonly signal?: AbortSignal | undefined;
}

/** CUT: the sender went away. What came before a CUT, TOO_LARGE or STORAGE_FULL is kept, unless it had a checksum. */
export type PieceEnd = 'COMPLETE' | 'CUT' | 'TOO_LARGE' | 'CHECKSUM_MISMATCH' | 'STORAGE_FULL';

export interface PartialFiles {
  /** Bytes that have arrived; 0 when there is no file yet. */
  size(id: string): Promise<number>;
  /** Writes a piece behind the `offset` bytes that are there, and makes it durable. Answers the size after it. */
  append(
    id: string,
    offset: number,
    source: AsyncIterable<Uint8Array>,
    options: PieceOptions,
  ): Promise<{ readonly bytes: number; readonly end: PieceEnd }>;
  /** Throws away what lies behind `bytes`. */
  cutTo(id: string, bytes: number): Promise<void>;
  /** SHA-256 of the whole when it was computed while the bytes passed; `null`: it must be read for that. */
  digestSoFar(id: string): Promise<string | null>;
  read(id: string): Promise<AsyncIterable<Uint8Array>>;
  /** For the artifact store, which takes the file over. */
  pathOf(id: string): string;
  remove(id: string): Promise<void>;
  /** Ids of all files that are there. */
  ids(): Promise<string[]>;
}

interface Running {
  readonly hash: Hash;
  readonly bytes: number;
  /** The same file, not one of the same name that was begun anew. */
  readonly file: string;
}

const ID = /^upl_[0-9a-z]{26}$/;
/** States of SHA-256 that are kept between two pieces: some hundred bytes each. */
const MAX_RUNNING = 2_000;

export async function openPartialFiles(directory: string): Promise<PartialFiles> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const running = new LRUCache<string, Running>({ max: MAX_RUNNING });

  const pathOf = (id: string): string => {
    if (!ID.test(id)) throw new Error('Only ids of uploads become names of files.');
    return join(directory, id);
  };

  /** The hash of what lies before `offset`, or `null` when nobody here has seen it all pass. */
  function hashUpTo(id: string, offset: number, file: string): Hash | null {
    if (offset === 0) return createHash('sha256');
    const known = running.get(id);
    return known?.bytes === offset && known.file === file ? known.hash : null;
  }

  const files: PartialFiles = {
    async size(id) {
      try {
        return (await stat(pathOf(id))).size;
      } catch (error) {
        if (isNotThere(error)) return 0;
        throw error;
      }
    },

    async append(id, offset, source, options) {
      const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW;
      const handle = await open(pathOf(id), flags, 0o600);
      try {
        const before = await handle.stat();
        if (before.size !== offset)
          throw new Error(`The file of ${id} is not as long as its lock's holder says.`);
        const hash = hashUpTo(id, offset, identityOf(before));
        running.delete(id);
        const { hashedTo, end } = await writePiece(handle, offset, source, hash, options);
        // A piece with a checksum is kept as a whole or not at all.
        if (options.checksum !== undefined && end !== 'COMPLETE') await handle.truncate(offset);
        await syncIfPossible(handle);
        const after = await handle.stat();
        const { size: bytes } = after;
        if (hash !== null && hashedTo === bytes) running.set(id, { hash, bytes, file: identityOf(after) });
        return { bytes, end };
      } finally {
        await handle.close();
      }
    },

    async cutTo(id, bytes) {
      if ((await files.size(id)) <= bytes) return;
      running.delete(id);
      const handle = await open(pathOf(id), constants.O_RDWR | constants.O_NOFOLLOW);
      try {
        await handle.truncate(bytes);
        await handle.sync();
      } finally {
        await handle.close();
      }
    },

    async digestSoFar(id) {
      const known = running.get(id);
      if (known === undefined) return null;
      const found = await stat(pathOf(id));
      const isCurrent = found.size === known.bytes && identityOf(found) === known.file;
      return isCurrent ? known.hash.copy().digest('hex') : null;
    },

    async read(id) {
      const handle = await open(pathOf(id), constants.O_RDONLY | constants.O_NOFOLLOW);
      return handle.createReadStream({ highWaterMark: 1024 * 1024 }) as AsyncIterable<Uint8Array>;
    },

    pathOf,

    async remove(id) {
      running.delete(id);
      await rm(pathOf(id), { force: true });
    },

    ids: async () => (await readdir(directory)).filter((name) => ID.test(name)),
  };
  return Object.freeze(files);
}

/** `hashedTo`: up to where in the file `hash` has seen the bytes; -1 when it saw some that are not kept. */
async function writePiece(
  handle: FileHandle,
  offset: number,
  source: AsyncIterable<Uint8Array>,
  hash: Hash | null,
  { maxBytes, checksum, signal }: PieceOptions,
): Promise<{ hashedTo: number; end: PieceEnd }> {
  const writer = new BlockWriter(handle, offset);
  const piece = checksum === undefined ? null : createHash(checksum.algorithm);
  const next = pull(source, signal);
  let bytes = 0;
  const ended = async (): Promise<PieceEnd> => {
    for (;;) {
      const step = await next();
      if (step === CUT) return 'CUT';
      if (step.done === true) return 'COMPLETE';
      // Before writing: a sender must not make us store what we will refuse.
      if (bytes + step.value.length > maxBytes) return 'TOO_LARGE';
      bytes += step.value.length;
      hash?.update(step.value);
      piece?.update(step.value);
      await writer.write(step.value);
    }
  };
  try {
    const end = await ended();
    if (piece !== null && end !== 'COMPLETE') return { hashedTo: -1, end };
    if (piece !== null && checksum?.digest.equals(piece.digest()) !== true) {
      return { hashedTo: -1, end: 'CHECKSUM_MISMATCH' };
    }
    await writer.flush();
    return { hashedTo: offset + bytes, end };
  } catch (error) {
    if (isStorageFull(error)) return { hashedTo: -1, end: 'STORAGE_FULL' };
    throw error;
  }
}

/** A full disk may refuse this too; the sender is told of the full disk all the same. */
async function syncIfPossible(handle: FileHandle): Promise<void> {
  try {
    await handle.sync();
  } catch (error) {
    if (!isStorageFull(error)) throw error;
  }
}

/** Numbers of files are given again; with the moment of its birth beside it, one is not. */
function identityOf({ ino, birthtimeMs }: Stats): string {
  return `${ino} ${birthtimeMs}`;
}

function isNotThere(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}

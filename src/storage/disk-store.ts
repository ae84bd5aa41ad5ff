/**
 * The store on a local disk: `<directory>/sha256/ab/cd/<digest>`, half-written files in `<directory>/tmp`.
 *
 * Invariant: a file under `sha256/` is complete and durable. It gets there only by a rename within one
 * file system, after its bytes were hashed and flushed; the directory is flushed after the rename, so
 * that a row which refers to a digest never outlives the bytes in a power cut.
 */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { chmod, link, mkdir, open, readdir, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Clock } from '../lib/clock.js';
import { ok, type Result } from '../lib/result.js';
import type { ArtifactStore, StagedArtifact, StorageRefusal, StoredArtifact } from './artifact-store.js';
import { assertDigest, isDigest } from './digest.js';
import { isStorageFull, storageFull } from './errors.js';
import { receiveInto } from './receive.js';
import { sweepTemporaryFiles, temporaryName } from './temporary-files.js';

const HASH_BUFFER_BYTES = 1024 * 1024;
const READ_ONLY = 0o400;

/** Opens the store, making its directories and removing what dead processes left half-written. */
export async function openDiskStore(deps: {
  readonly directory: string;
  readonly clock: Clock;
}): Promise<ArtifactStore> {
  const root = join(deps.directory, 'sha256');
  const temporary = join(deps.directory, 'tmp');
  await mkdir(root, { recursive: true, mode: 0o700 });
  await mkdir(temporary, { recursive: true, mode: 0o700 });

  const pathOf = (digest: string): string => {
    assertDigest(digest);
    return join(root, digest.slice(0, 2), digest.slice(2, 4), digest);
  };

  async function keep(path: string, digest: string): Promise<void> {
    const target = pathOf(digest);
    const parent = dirname(target);
    const madeDirectory = (await mkdir(parent, { recursive: true, mode: 0o700 })) !== undefined;
    await rename(path, target);
    // Between two names of one file a rename does nothing: so after a crash that came right behind this one.
    await rm(path, { force: true });
    await syncDirectory(parent);
    if (!madeDirectory) return;
    await syncDirectory(dirname(parent));
    await syncDirectory(root);
  }

  function staged(path: string, { digest, bytes }: StoredArtifact): StagedArtifact {
    let isKept = false;
    return Object.freeze({
      digest,
      bytes,
      async keep() {
        try {
          if (!isKept) await keep(path, digest);
          isKept = true;
          return ok({ digest, bytes });
        } catch (error) {
          if (isStorageFull(error)) return storageFull();
          throw error;
        }
      },
      async discard() {
        if (!isKept) await rm(path, { force: true });
      },
    });
  }

  const store: ArtifactStore = {
    async stage(source, options) {
      const path = join(temporary, temporaryName());
      return writeNewFile(path, async (handle) => {
        const received = await receiveInto(handle, source, options);
        return received.ok ? ok(staged(path, received.value)) : received;
      });
    },

    async stageFile(from) {
      const found = await hashFile(from);
      const path = join(temporary, temporaryName());
      try {
        await rename(from, path);
        return ok(staged(path, found));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error;
      }
      // Another file system: copy, which hashes once more, so the copy is what was announced.
      const handle = await open(from, constants.O_RDONLY | constants.O_NOFOLLOW);
      try {
        const copied = await store.stage(handle.createReadStream({ autoClose: false }), {
          maxBytes: found.bytes,
          expectedDigest: found.digest,
        });
        if (copied.ok) await rm(from);
        return copied;
      } finally {
        await handle.close();
      }
    },

    async stageLink(from, digest) {
      const found = digest === null ? await hashFile(from, true) : { digest, bytes: (await stat(from)).size };
      const path = join(temporary, temporaryName());
      await link(from, path);
      await chmod(path, READ_ONLY);
      return staged(path, found);
    },

    put: async (source, options) => keepAtOnce(await store.stage(source, options)),
    adopt: async (path) => keepAtOnce(await store.stageFile(path)),

    async open(digest, range) {
      const handle = await openIfThere(pathOf(digest));
      return handle === null ? null : handle.createReadStream({ ...range, highWaterMark: 256 * 1024 });
    },

    async rehash(digest) {
      const handle = await openIfThere(pathOf(digest));
      if (handle === null) return null;
      try {
        return (await hashOf(handle)).digest;
      } finally {
        await handle.close();
      }
    },

    async stat(digest) {
      try {
        return { digest, bytes: (await stat(pathOf(digest))).size };
      } catch (error) {
        if (isNotThere(error)) return null;
        throw error;
      }
    },

    localPath: pathOf,

    async deleteForever(digest) {
      const path = pathOf(digest);
      await rm(path, { force: true });
      await syncDirectory(dirname(path)).catch((error: unknown) => {
        if (!isNotThere(error)) throw error;
      });
    },

    async *digests() {
      for (const first of await readdir(root)) {
        for (const second of await readdir(join(root, first))) {
          for (const name of await readdir(join(root, first, second))) if (isDigest(name)) yield name;
        }
      }
    },

    sweepTemporary: () => sweepTemporaryFiles(temporary, deps.clock.now().getTime()),
  };

  await store.sweepTemporary();
  return Object.freeze(store);
}

async function keepAtOnce(
  staging: Result<StagedArtifact, StorageRefusal>,
): Promise<Result<StoredArtifact, StorageRefusal>> {
  if (!staging.ok) return staging;
  try {
    return await staging.value.keep();
  } finally {
    await staging.value.discard();
  }
}

/** Runs `write` on a new file; whatever ends without a value takes the file with it. */
async function writeNewFile<T>(
  path: string,
  write: (handle: FileHandle) => Promise<Result<T, StorageRefusal>>,
): Promise<Result<T, StorageRefusal>> {
  let isWritten = false;
  try {
    const handle = await open(path, 'wx', READ_ONLY);
    try {
      const result = await write(handle);
      isWritten = result.ok;
      return result;
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (isStorageFull(error)) return storageFull();
    throw error;
  } finally {
    if (!isWritten) await rm(path, { force: true });
  }
}

/** Hashes and flushes a file of ours. A link would let its writer change what was hashed, so it is a fault. */
async function hashFile(path: string, mayHaveLinks = false): Promise<StoredArtifact> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const found = await handle.stat();
    if (!found.isFile() || (found.nlink !== 1 && !mayHaveLinks))
      throw new Error('Only a regular file without links can be adopted.');
    const hashed = await hashOf(handle);
    await handle.chmod(READ_ONLY);
    await handle.sync();
    return hashed;
  } finally {
    await handle.close();
  }
}

/** From where the handle stands to the end, with flat memory. */
async function hashOf(handle: FileHandle): Promise<StoredArtifact> {
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafeSlow(HASH_BUFFER_BYTES);
  let bytes = 0;
  for (;;) {
    const { bytesRead } = await handle.read(buffer, 0, buffer.length);
    if (bytesRead === 0) return { digest: hash.digest('hex'), bytes };
    hash.update(buffer.subarray(0, bytesRead));
    bytes += bytesRead;
  }
}

async function openIfThere(path: string): Promise<FileHandle | null> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    if (isNotThere(error)) return null;
    throw error;
  }
}

async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function isNotThere(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}

/** Streams bytes into an open file: hashing, counting and limiting while they pass. */
import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { ok, type Result } from '../lib/result.js';
import type { StageOptions, StorageRefusal, StoredArtifact } from './artifact-store.js';
import { BlockWriter } from './block-writer.js';
import { checksumMismatch, interrupted, isStorageFull, storageFull, tooLarge } from './errors.js';

export const CUT: unique symbol = Symbol('the source ended with an error, or the signal fired');

/** Writes the source to `handle` and makes it durable. The caller removes the file after a refusal. */
export async function receiveInto(
  handle: FileHandle,
  source: AsyncIterable<Uint8Array>,
  options: StageOptions,
): Promise<Result<StoredArtifact, StorageRefusal>> {
  const hash = createHash('sha256');
  const writer = new BlockWriter(handle);
  const next = pull(source, options.signal);
  let bytes = 0;
  try {
    for (;;) {
      const step = await next();
      if (step === CUT) return interrupted();
      if (step.done === true) break;
      bytes += step.value.length;
      // Before writing: a sender must not make us store what we will refuse.
      if (bytes > options.maxBytes) return tooLarge(options.maxBytes);
      hash.update(step.value);
      await writer.write(step.value);
    }
    if (options.expectedBytes !== undefined && bytes !== options.expectedBytes) return interrupted();
    const digest = hash.digest('hex');
    if (options.expectedDigest !== undefined && digest !== options.expectedDigest) {
      return checksumMismatch(options.expectedDigest, digest);
    }
    await writer.flush();
    await handle.sync();
    return ok({ digest, bytes });
  } catch (error) {
    if (isStorageFull(error)) return storageFull();
    throw error;
  }
}

/**
 * Reads one chunk at a time. An error of the source is an answer (`CUT`) and not a fault: senders go
 * away. The iterator is left as it is, because the source may be a request that still needs a reply.
 */
export function pull(
  source: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): () => Promise<IteratorResult<Uint8Array> | typeof CUT> {
  const iterator = source[Symbol.asyncIterator]();
  if (signal === undefined) return () => iterator.next().catch(() => CUT);
  return () =>
    new Promise((resolve) => {
      if (signal.aborted) return resolve(CUT);
      const onAbort = () => resolve(CUT);
      signal.addEventListener('abort', onAbort, { once: true });
      iterator
        .next()
        .catch((): typeof CUT => CUT)
        .then((step) => {
          signal.removeEventListener('abort', onAbort);
          resolve(step);
        }, onAbort);
    });
}

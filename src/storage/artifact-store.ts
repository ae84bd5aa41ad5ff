/**
 * Bytes named by their SHA-256. The store knows no tenant, no model and no file name.
 *
 * Bytes arrive in two steps. `stage` receives, hashes and makes them durable under a temporary name;
 * `keep` gives them their final name. Between the two the caller takes its lock on the digest and writes
 * the rows that refer to it, so that whoever deletes unreferenced bytes under the same lock can never
 * take away what somebody else is about to refer to.
 */
import type { Readable } from 'node:stream';
import type { Refusal, Result } from '../lib/result.js';

export interface StoredArtifact {
  /** SHA-256, lower-case hex. */
  readonly digest: string;
  readonly bytes: number;
}

/** Complete and durable bytes that have no final name yet. End it with `keep` or `discard`. */
export interface StagedArtifact extends StoredArtifact {
  /** Gives the bytes their name; replaces what had it, which heals a damaged copy. May be repeated. */
  keep(): Promise<Result<StoredArtifact, StorageRefusal>>;
  /** Throws the bytes away unless they were kept. May be repeated. */
  discard(): Promise<void>;
}

export interface StageOptions {
  readonly maxBytes: number;
  /** SHA-256 that the bytes must have, lower-case hex. */
  readonly expectedDigest?: string | undefined;
  /** Bytes that the sender announced: fewer are an interruption, not a short file. */
  readonly expectedBytes?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export type StorageRefusal =
  | (Refusal<'TOO_LARGE'> & { readonly maxBytes: number })
  | (Refusal<'CHECKSUM_MISMATCH'> & { readonly expected: string; readonly actual: string })
  | Refusal<'INTERRUPTED'>
  | Refusal<'STORAGE_FULL'>;

/** An inclusive range of bytes. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

export interface ArtifactStore {
  /**
   * Receives bytes as they come, with flat memory. Refuses as soon as `maxBytes` is passed. After a
   * refusal or a fault nothing of the bytes is left. The source is not destroyed.
   */
  stage(
    source: AsyncIterable<Uint8Array>,
    options: StageOptions,
  ): Promise<Result<StagedArtifact, StorageRefusal>>;
  /** Stages a regular file that lies on this machine, by moving it: the path is gone afterwards. */
  stageFile(path: string): Promise<Result<StagedArtifact, StorageRefusal>>;
  /**
   * Stages a durable file of ours on the same file system and leaves it where it is, so that all can begin anew after
   * a crash. `digest`: its SHA-256 when that is known; otherwise the file is read.
   */
  stageLink(path: string, digest: string | null): Promise<StagedArtifact>;
  /** `stage` and `keep` in one, for callers that need no lock. */
  put(
    source: AsyncIterable<Uint8Array>,
    options: StageOptions,
  ): Promise<Result<StoredArtifact, StorageRefusal>>;
  /** `stageFile` and `keep` in one, for callers that need no lock. */
  adopt(path: string): Promise<Result<StoredArtifact, StorageRefusal>>;
  /** The bytes, or a range of them; `null` when the store does not have them. */
  open(digest: string, range?: ByteRange): Promise<Readable | null>;
  /** Reads the bytes and answers what they hash to now; `null` when the store does not have them. */
  rehash(digest: string): Promise<string | null>;
  stat(digest: string): Promise<StoredArtifact | null>;
  /** A path on this machine for workers and importers, who only read it. */
  localPath(digest: string): string;
  /** Removes the bytes; does nothing when they are not there. Readers in progress go on to the end. */
  deleteForever(digest: string): Promise<void>;
  /** Every digest that the store has, in no order. */
  digests(): AsyncIterable<string>;
  /** Removes what dead processes left under temporary names; answers how many. */
  sweepTemporary(): Promise<number>;
}

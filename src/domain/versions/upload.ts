/** A file that has arrived and waits to be published, and how much of that a tenant may have. */

export interface Upload {
  /** Starts with `upl_`. */
  readonly id: string;
  readonly tenantId: string;
  /** SHA-256, lower-case hex. */
  readonly digest: string;
  readonly bytes: number;
  readonly expiresAt: Date;
  readonly createdAt: Date;
}

export interface UploadLimits {
  /** Largest single file. */
  readonly maxUploadBytes: number;
  /** Per tenant: files that arrive, wait, or are being imported. */
  readonly maxPendingUploads: number;
  /** Per tenant: their bytes together. */
  readonly maxPendingBytes: number;
  /** On this server: bodies that are being received at one time. */
  readonly maxConcurrentUploads: number;
  /** Per tenant: what it stores in all, unless the operator gave it a limit of its own. */
  readonly defaultStorageBytes: number;
  /** After this an unpublished or unfinished upload is thrown away. */
  readonly uploadTtlMs: number;
}

export const DEFAULT_UPLOAD_LIMITS: UploadLimits = Object.freeze({
  maxUploadBytes: 2 * 1024 ** 3,
  maxPendingUploads: 100,
  maxPendingBytes: 20 * 1024 ** 3,
  maxConcurrentUploads: 64,
  defaultStorageBytes: 100 * 1024 ** 3,
  uploadTtlMs: 24 * 3_600_000,
});

/** Files that a tenant has pending, and their bytes. */
export interface Pending {
  readonly count: number;
  readonly bytes: number;
}

export const NOTHING_PENDING: Pending = Object.freeze({ count: 0, bytes: 0 });

export function sumOfPending(one: Pending, other: Pending): Pending {
  return { count: one.count + other.count, bytes: one.bytes + other.bytes };
}

/**
 * Bytes that one more file may have beside what is pending; 0 when there is no room for another file.
 * A file that did not announce its size may fill what is left, so it holds a place for that much.
 */
export function roomFor(pending: Pending, limits: UploadLimits): number {
  if (pending.count >= limits.maxPendingUploads) return 0;
  return Math.max(0, Math.min(limits.maxUploadBytes, limits.maxPendingBytes - pending.bytes));
}

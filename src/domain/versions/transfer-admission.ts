/** Whether a tenant may have so many bytes more on their way. */
import type { Tx } from '../../database/index.js';
import { ok, refuse, type Result } from '../../lib/result.js';
import { tooManyUploads, type StorageQuotaExceeded, type TooManyUploads } from './errors.js';
import { storageLeft, storageQuotaExceeded, storageUseOf } from './storage-use.js';
import { roomFor, type UploadLimits } from './upload.js';
import { pendingOf } from './uploads-store.js';

export type AdmissionRefusal = TooManyUploads | StorageQuotaExceeded;

/**
 * Exact while the caller holds the tenant's pending lock.
 * @param neededBytes `null`: as many as there is room for, at least one
 * @param ownBytes what is reserved for the same file already
 */
export async function admitBytes(
  tx: Tx,
  tenantId: string,
  limits: UploadLimits,
  neededBytes: number | null,
  ownBytes: number | null = null,
): Promise<Result<number, AdmissionRefusal>> {
  const pending = await pendingOf(tx, tenantId);
  // A file that has its place already does not need another one.
  const others = ownBytes === null ? pending : { count: pending.count - 1, bytes: pending.bytes - ownBytes };
  const room = roomFor(others, limits);
  if (room < (neededBytes ?? 1)) return refuse(tooManyUploads(limits));
  const use = await storageUseOf(tx, tenantId, limits.defaultStorageBytes);
  const left = storageLeft(use) + (ownBytes ?? 0);
  if (left < (neededBytes ?? 1)) return refuse(storageQuotaExceeded(use, neededBytes));
  return ok(neededBytes ?? Math.min(room, left));
}

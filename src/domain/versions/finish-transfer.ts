/** The last step of a transfer, in one transaction: what arrived gets its digest for a name and is an upload. */
import type { Transactions } from '../../database/index.js';
import type { Clock } from '../../lib/clock.js';
import { ok, refuse, type Result } from '../../lib/result.js';
import type { ArtifactStore, PartialFiles, StagedArtifact } from '../../storage/index.js';
import { lockDigest, type DigestKeeper } from './digests.js';
import * as errors from './errors.js';
import type { TransferLock } from './transfer-lock.js';
import { uploadOf, type Transfer, type TransferRow } from './transfer.js';
import { deleteLocked, insertTransfer, markFinished } from './transfers-store.js';
import type { UploadLimits } from './upload.js';
import { insertUpload, lockPending } from './uploads-store.js';

export type FinishRefusal = errors.DigestMismatch | errors.StorageFull | errors.Locked;

export interface FinishDeps {
  readonly database: Transactions;
  readonly clock: Clock;
  readonly artifacts: ArtifactStore;
  readonly partials: PartialFiles;
  readonly digests: DigestKeeper;
  readonly limits: UploadLimits;
}

export interface TransferEnds {
  /** For the holder of the lock of a transfer whose bytes are all there. May be repeated after a crash at any step. */
  finish(lock: TransferLock): Promise<Result<Transfer, FinishRefusal>>;
  /** Makes one transfer of the parts whose locks are held. `staged` is discarded. */
  join(
    locks: readonly TransferLock[],
    joined: Pick<TransferRow, 'id' | 'tenantId' | 'metadata'>,
    staged: StagedArtifact,
  ): Promise<Result<Transfer, FinishRefusal>>;
}

export function createTransferEnds(deps: FinishDeps): TransferEnds {
  const { database, clock, artifacts, partials, digests, limits } = deps;

  async function finish(lock: TransferLock): Promise<Result<Transfer, FinishRefusal>> {
    const { row, id } = lock;
    const { tenantId, expectedDigest } = row;
    // Computed while the bytes passed; of one that another process began, the file is read once more.
    const known = await partials.digestSoFar(id);
    const staged = await artifacts.stageLink(partials.pathOf(id), known);
    if (expectedDigest !== null && staged.digest !== expectedDigest) {
      await staged.discard();
      await database.transaction({ tenantId }, (tx) => deleteLocked(tx, tenantId, [lock]));
      await partials.remove(id);
      return refuse(errors.digestMismatch(expectedDigest, staged.digest));
    }
    const now = clock.now();
    const finished: Transfer = {
      ...row,
      offset: staged.bytes,
      digest: staged.digest,
      finishedAt: now,
      expiresAt: new Date(now.getTime() + limits.uploadTtlMs),
    };
    const kept = await keep(staged, finished, async (tx) => {
      const end = { digest: staged.digest, finishedAt: now, expiresAt: finished.expiresAt };
      return markFinished(tx, tenantId, id, lock.token, end);
    });
    // A crash before this leaves a file that no transfer needs: the sweep takes it.
    if (kept.ok) await partials.remove(id);
    return kept;
  }

  async function join(
    locks: readonly TransferLock[],
    { id, tenantId, metadata }: Pick<TransferRow, 'id' | 'tenantId' | 'metadata'>,
    staged: StagedArtifact,
  ): Promise<Result<Transfer, FinishRefusal>> {
    const now = clock.now();
    const joined: Transfer = {
      id,
      tenantId,
      role: 'JOINED',
      length: staged.bytes,
      offset: staged.bytes,
      metadata,
      expectedDigest: null,
      parts: locks.map((lock) => lock.id),
      checkedBytes: null,
      digest: staged.digest,
      finishedAt: now,
      expiresAt: new Date(now.getTime() + limits.uploadTtlMs),
      createdAt: now,
    };
    const kept = await keep(staged, joined, async (tx) => {
      if ((await deleteLocked(tx, tenantId, locks)) !== locks.length) return false;
      const { offset: _offset, ...row } = joined;
      await insertTransfer(tx, tenantId, row, 0);
      return true;
    });
    if (kept.ok) for (const lock of locks) await partials.remove(lock.id);
    return kept;
  }

  /** Gives the bytes their name and writes their rows. Order of locks: tenant's pending, digest. */
  async function keep(
    staged: StagedArtifact,
    transfer: Transfer,
    end: (tx: Parameters<typeof lockDigest>[0]) => Promise<boolean>,
  ): Promise<Result<Transfer, FinishRefusal>> {
    const { tenantId } = transfer;
    const upload = uploadOf(transfer);
    if (upload === null) throw new Error('A transfer that ends has a digest.');
    try {
      return await database.transaction(
        { tenantId },
        async (tx): Promise<Result<Transfer, FinishRefusal>> => {
          await lockPending(tx, tenantId);
          if (!(await end(tx))) return refuse(errors.transferLocked());
          await lockDigest(tx, staged.digest);
          const kept = await staged.keep();
          if (!kept.ok) return refuse(errors.storageIsFull());
          await insertUpload(tx, tenantId, upload);
          return ok(transfer);
        },
      );
    } catch (error) {
      // The bytes may have their name but no row. Should this fail too, the sweep finds them.
      await digests.releaseAcrossTenants(staged.digest).catch(() => undefined);
      throw error;
    } finally {
      await staged.discard();
    }
  }

  return Object.freeze({ finish, join });
}

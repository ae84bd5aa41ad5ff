/** The use case behind tus' concatenation: parts that arrived side by side become one file. */
import type { Transactions } from '../../database/index.js';
import type { Clock } from '../../lib/clock.js';
import { kindOfId, newId } from '../../lib/ids.js';
import { ok, refuse, type Result } from '../../lib/result.js';
import type { ArtifactStore, PartialFiles } from '../../storage/index.js';
import { can, permissionDenied, type PermissionDenied, type TenantActor } from '../access/index.js';
import * as errors from './errors.js';
import type { FinishRefusal, TransferEnds } from './finish-transfer.js';
import type { TransferLock } from './transfer-lock.js';
import { MAX_PARTS, type Transfer } from './transfer.js';
import { findJoined } from './transfers-store.js';
import type { UploadLimits } from './upload.js';

export interface JoinInput {
  /** Ids of complete parts, in the order of their bytes. */
  readonly parts: readonly string[];
  readonly metadata?: string | null | undefined;
  /** SHA-256 that the whole must have, lower-case hex. */
  readonly expectedSha256?: string | null | undefined;
}

export type JoinRefusal =
  | PermissionDenied
  | errors.InvalidInput
  | errors.NotFound
  | errors.Conflict
  | errors.UploadTooLarge
  | FinishRefusal;

export interface JoinDeps {
  readonly database: Transactions;
  readonly clock: Clock;
  readonly artifacts: ArtifactStore;
  readonly partials: PartialFiles;
  readonly limits: UploadLimits;
  readonly ends: TransferEnds;
  readonly lock: (tenantId: string, id: string) => Promise<TransferLock | null>;
}

export function createJoinTransfers(deps: JoinDeps) {
  const { database, clock, artifacts, partials, limits, ends, lock } = deps;

  return async (actor: TenantActor, input: JoinInput): Promise<Result<Transfer, JoinRefusal>> => {
    const { tenantId } = actor;
    const { parts } = input;
    if (!can(actor, 'VERSION_PUBLISH')) return refuse(permissionDenied(actor, 'VERSION_PUBLISH'));
    if (parts.length < 1 || parts.length > MAX_PARTS || new Set(parts).size !== parts.length) {
      return refuse(
        errors.invalidInput(['parts'], `An upload is joined from 1 to ${MAX_PARTS} different parts.`),
      );
    }
    if (!parts.every((id) => kindOfId(id) === 'upload')) return refuse(errors.partMissing());
    // The answer to the first request may have been lost on its way.
    const before = await database.sql({ tenantId }, (query) => findJoined(query, tenantId, parts));
    if (before !== null) return ok({ ...before, offset: before.length ?? 0 });

    const locks: TransferLock[] = [];
    try {
      for (const id of parts) {
        const held = await lock(tenantId, id);
        if (held === null) return refuse(errors.partMissing());
        locks.push(held);
      }
      return await join(tenantId, locks, input);
    } finally {
      for (const held of locks) await held.release();
    }
  };

  async function join(
    tenantId: string,
    locks: readonly TransferLock[],
    { metadata, expectedSha256 }: JoinInput,
  ): Promise<Result<Transfer, JoinRefusal>> {
    let bytes = 0;
    for (const [index, { id, row }] of locks.entries()) {
      if (row.role !== 'PART' || row.expiresAt <= clock.now()) return refuse(errors.partMissing());
      const arrived = await partials.size(id);
      if (arrived !== row.length || row.checkedBytes !== null) {
        return refuse(errors.partIncomplete(index, arrived, row.length));
      }
      bytes += arrived;
    }
    if (bytes > limits.maxUploadBytes) return refuse(errors.uploadTooLarge(limits.maxUploadBytes));
    const staged = await artifacts.stage(bytesOf(locks), {
      maxBytes: bytes,
      expectedBytes: bytes,
      expectedDigest: expectedSha256 ?? undefined,
      signal: AbortSignal.any(locks.map((held) => held.signal)),
    });
    if (!staged.ok) {
      const { error } = staged;
      if (error.code === 'CHECKSUM_MISMATCH')
        return refuse(errors.digestMismatch(error.expected, error.actual));
      if (error.code === 'STORAGE_FULL') return refuse(errors.storageIsFull());
      // Nobody but us writes here: the locks were lost.
      return refuse(errors.transferLocked());
    }
    const id = newId('upload', clock.now().getTime());
    return ends.join(locks, { id, tenantId, metadata: metadata ?? null }, staged.value);
  }

  async function* bytesOf(locks: readonly TransferLock[]): AsyncGenerator<Uint8Array> {
    for (const { id } of locks) yield* await partials.read(id);
  }
}

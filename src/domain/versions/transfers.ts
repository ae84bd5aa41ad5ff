/** The use cases behind tus at `/uploads`: begin, look, write, join, throw away. */
import type { Transactions } from '../../database/index.js';
import type { Clock } from '../../lib/clock.js';
import { kindOfId, newId } from '../../lib/ids.js';
import type { Logger } from '../../lib/logger.js';
import { ok, refuse, type Refusal, type Result } from '../../lib/result.js';
import { isDigest, type ArtifactStore, type PartialFiles } from '../../storage/index.js';
import { can, permissionDenied, type PermissionDenied, type TenantActor } from '../access/index.js';
import type { DigestKeeper } from './digests.js';
import * as errors from './errors.js';
import { createTransferEnds, type FinishRefusal } from './finish-transfer.js';
import { createJoinTransfers, type JoinInput, type JoinRefusal } from './join-transfers.js';
import { admitBytes, type AdmissionRefusal } from './transfer-admission.js';
import { lockTransfer } from './transfer-lock.js';
import { openWriter, type TransferWriter } from './transfer-writer.js';
import {
  DEFAULT_TRANSFER_TIMES,
  isComplete,
  type Transfer,
  type TransferRow,
  type TransferTimes,
} from './transfer.js';
import * as store from './transfers-store.js';
import { createTurns } from './turns.js';
import type { UploadLimits } from './upload.js';
import { lockPending, takeUpload } from './uploads-store.js';

export interface CreateTransferInput {
  /** `null`: the sender will say it later. */
  readonly length: number | null;
  readonly role: 'WHOLE' | 'PART';
  /** Given back as it is; at most a few KiB, which the door sees to. */
  readonly metadata?: string | null | undefined;
  /** SHA-256 that the whole must have, lower-case hex. */
  readonly expectedSha256?: string | null | undefined;
}

export type AccessRefusal = PermissionDenied | errors.NotFound | errors.Gone;
export type CreateTransferRefusal =
  PermissionDenied | errors.InvalidInput | errors.UploadTooLarge | AdmissionRefusal;

export interface Transfers {
  /** Reserves its length of the tenant's storage. Needs VERSION_PUBLISH, as all of these do. */
  createTransfer(
    actor: TenantActor,
    input: CreateTransferInput,
  ): Promise<Result<Transfer, CreateTransferRefusal>>;
  /** How much has arrived. A writer whose sender is silent gives up first; one whose bytes are all there is ended. */
  readTransfer(actor: TenantActor, id: string): Promise<Result<Transfer, AccessRefusal | FinishRefusal>>;
  /** The right to write, for one at a time, and for so many on this server: end it with `release`. */
  writeTransfer(
    actor: TenantActor,
    id: string,
  ): Promise<Result<TransferWriter, AccessRefusal | errors.Locked | errors.Overloaded>>;
  /** Makes one upload of complete parts, in their order. Asked again for the same parts, it answers the same. */
  joinTransfers(actor: TenantActor, input: JoinInput): Promise<Result<Transfer, JoinRefusal>>;
  /** Throws it away, with the upload that it may have become, unless that is published. */
  endTransfer(actor: TenantActor, id: string): Promise<Result<null, AccessRefusal | errors.Locked>>;
}

export interface TransfersDeps {
  readonly database: Transactions;
  readonly clock: Clock;
  readonly log: Logger;
  readonly artifacts: ArtifactStore;
  readonly partials: PartialFiles;
  readonly digests: DigestKeeper;
  readonly limits: UploadLimits;
  readonly times?: TransferTimes | undefined;
}

const ASK_EVERY_MS = 50;

export function createTransfers(deps: TransfersDeps): Transfers {
  const { database, clock, log, partials, digests, limits } = deps;
  const times = deps.times ?? DEFAULT_TRANSFER_TIMES;
  const ends = createTransferEnds(deps);
  const inTurn = createTurns();
  let writing = 0;
  const lock = (tenantId: string, id: string) => lockTransfer({ database, clock, log, times }, tenantId, id);

  /** The permission first: what a refusal says must not depend on what there is. */
  async function find(
    actor: TenantActor,
    id: string,
  ): Promise<Result<TransferRow & { readonly isLocked: boolean }, AccessRefusal>> {
    const { tenantId } = actor;
    if (!can(actor, 'VERSION_PUBLISH')) return refuse(permissionDenied(actor, 'VERSION_PUBLISH'));
    if (kindOfId(id) !== 'upload') return refuse(errors.transferNotFound());
    const row = await database.sql({ tenantId }, (query) => store.findTransfer(query, tenantId, id));
    if (row === null) return refuse(errors.transferNotFound());
    if (row.expiresAt <= clock.now()) return refuse(errors.transferExpired(row.expiresAt));
    return ok(row);
  }

  async function createTransfer(
    actor: TenantActor,
    { length, role, metadata, expectedSha256 }: CreateTransferInput,
  ): Promise<Result<Transfer, CreateTransferRefusal>> {
    const { tenantId } = actor;
    if (!can(actor, 'VERSION_PUBLISH')) return refuse(permissionDenied(actor, 'VERSION_PUBLISH'));
    const mistake = mistakeIn(length, expectedSha256 ?? null, limits);
    if (mistake !== null) return refuse(mistake);
    return inTurn(tenantId, () =>
      database.transaction({ tenantId }, async (tx): Promise<Result<Transfer, CreateTransferRefusal>> => {
        await lockPending(tx, tenantId);
        const admitted = await admitBytes(tx, tenantId, limits, length);
        if (!admitted.ok) return admitted;
        const now = clock.now();
        const row: TransferRow = {
          id: newId('upload', now.getTime()),
          tenantId,
          role,
          length,
          metadata: metadata ?? null,
          expectedDigest: expectedSha256 ?? null,
          parts: [],
          checkedBytes: null,
          digest: null,
          finishedAt: null,
          expiresAt: new Date(now.getTime() + limits.uploadTtlMs),
          createdAt: now,
        };
        await store.insertTransfer(tx, tenantId, row, length ?? 0);
        return ok({ ...row, offset: 0 });
      }),
    );
  }

  async function readTransfer(
    actor: TenantActor,
    id: string,
  ): Promise<Result<Transfer, AccessRefusal | FinishRefusal>> {
    let found = await find(actor, id);
    const deadlineMs = clock.monotonicMs() + times.patienceMs;
    if (found.ok && found.value.isLocked) {
      const { tenantId } = actor;
      await database.sql({ tenantId }, (query) => store.askForLock(query, tenantId, id));
    }
    while (found.ok && found.value.isLocked && clock.monotonicMs() < deadlineMs) {
      await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS));
      found = await find(actor, id);
    }
    if (!found.ok) return found;
    const transfer = await withOffset(found.value);
    const isLeftUnfinished =
      transfer.role === 'WHOLE' && transfer.finishedAt === null && isComplete(transfer);
    // The process died between the last byte and the end, or is just ending it.
    return isLeftUnfinished ? finishOrRead(actor, transfer) : ok(transfer);
  }

  async function finishOrRead(
    actor: TenantActor,
    transfer: Transfer,
  ): Promise<Result<Transfer, AccessRefusal | FinishRefusal>> {
    const writer = await writeTransfer(actor, transfer.id);
    if (!writer.ok) return writer.error.code === 'LOCKED' ? ok(transfer) : refuse(writer.error);
    try {
      const now = writer.value.transfer();
      return now.finishedAt === null && isComplete(now) ? await writer.value.finish() : ok(now);
    } finally {
      await writer.value.release();
    }
  }

  async function withOffset(row: TransferRow): Promise<Transfer> {
    if (row.finishedAt !== null) return { ...row, offset: row.length ?? 0 };
    const size = await partials.size(row.id);
    return { ...row, offset: row.checkedBytes === null ? size : Math.min(size, row.checkedBytes) };
  }

  async function writeTransfer(
    actor: TenantActor,
    id: string,
  ): Promise<Result<TransferWriter, AccessRefusal | errors.Locked>> {
    const found = await find(actor, id);
    if (!found.ok) return found;
    if (found.value.finishedAt !== null) return ok(await finishedWriter(found.value));
    const held = await lock(actor.tenantId, id);
    if (held === null) return refuse(errors.transferLocked());
    try {
      // Finished by somebody else since it was looked at: its file is gone.
      if (held.row.finishedAt !== null) {
        await held.release();
        return ok(await finishedWriter(held.row));
      }
      return ok(await openWriter({ database, partials, ends, limits }, held));
    } catch (error) {
      await held.release();
      throw error;
    }
  }

  /** Nothing can be added to what is finished: the door sees by its offset that there is nothing to do. */
  async function finishedWriter(row: TransferRow): Promise<TransferWriter> {
    const transfer = await withOffset(row);
    const asIs = async () => ok(transfer);
    return Object.freeze({
      transfer: () => transfer,
      declareLength: asIs,
      append: asIs,
      finish: asIs,
      release: () => Promise.resolve(),
    });
  }

  async function endTransfer(
    actor: TenantActor,
    id: string,
  ): Promise<Result<null, AccessRefusal | errors.Locked>> {
    // Whoever throws it away may be the one whose connection has just broken.
    const settled = await readTransfer(actor, id);
    if (!settled.ok) return isAccessRefusal(settled.error) ? refuse(settled.error) : ok(null);
    const { tenantId } = actor;
    const held = await lock(tenantId, id);
    if (held === null) return refuse(errors.transferLocked());
    try {
      await database.transaction({ tenantId }, async (tx) => {
        await takeUpload(tx, tenantId, id, clock.now());
        await store.deleteLocked(tx, tenantId, [held]);
      });
      await partials.remove(id);
      if (held.row.digest !== null) await digests.releaseAcrossTenants(held.row.digest);
      return ok(null);
    } finally {
      await held.release();
    }
  }

  /** Each writer has an open file and a buffer. */
  async function writeWithinLimit(actor: TenantActor, id: string) {
    if (writing >= limits.maxConcurrentUploads) return refuse(errors.uploadsOverloaded());
    writing++;
    let isHeld = false;
    try {
      const writer = await writeTransfer(actor, id);
      isHeld = writer.ok;
      return writer.ok ? ok(releasingOnce(writer.value)) : writer;
    } finally {
      if (!isHeld) writing--;
    }
  }

  function releasingOnce(writer: TransferWriter): TransferWriter {
    let isReleased = false;
    return Object.freeze({
      ...writer,
      async release() {
        if (!isReleased) writing--;
        isReleased = true;
        await writer.release();
      },
    });
  }

  return Object.freeze({
    createTransfer,
    readTransfer,
    writeTransfer: writeWithinLimit,
    joinTransfers: createJoinTransfers({ ...deps, ends, lock }),
    endTransfer,
  });
}

function isAccessRefusal(refusal: Refusal): refusal is AccessRefusal {
  return ['PERMISSION_DENIED', 'NOT_FOUND', 'GONE'].includes(refusal.code);
}

function mistakeIn(
  length: number | null,
  sha256: string | null,
  limits: UploadLimits,
): errors.InvalidInput | errors.UploadTooLarge | null {
  if (sha256 !== null && !isDigest(sha256)) {
    return errors.invalidInput(['sha256'], 'The announced SHA-256 must be 64 lower-case hexadecimal digits.');
  }
  if (length === null) return null;
  if (!Number.isSafeInteger(length) || length < 1) {
    return errors.invalidInput(
      ['length'],
      'An upload has at least one byte; send the bytes of a model file.',
    );
  }
  return length > limits.maxUploadBytes ? errors.uploadTooLarge(limits.maxUploadBytes) : null;
}

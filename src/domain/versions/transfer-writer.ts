/** One request's hold on a transfer: it writes a piece and lets go. */
import type { Transactions } from '../../database/index.js';
import { ok, refuse, unreachable, type Result } from '../../lib/result.js';
import type { PartialFiles, PieceChecksum } from '../../storage/index.js';
import * as errors from './errors.js';
import type { FinishRefusal, TransferEnds } from './finish-transfer.js';
import { admitBytes, type AdmissionRefusal } from './transfer-admission.js';
import type { TransferLock } from './transfer-lock.js';
import { isComplete, type Transfer } from './transfer.js';
import { setCheckedBytes, setReserved } from './transfers-store.js';
import type { UploadLimits } from './upload.js';
import { lockPending } from './uploads-store.js';

export interface PieceInput {
  /** Size that the sender announced for the piece. */
  readonly contentLength?: number | undefined;
  readonly checksum?: PieceChecksum | undefined;
  /** Fires when the sender is too slow, or may not write any more. */
  readonly signal?: AbortSignal | undefined;
}

export type PieceRefusal =
  | errors.UploadTooLarge
  | errors.ChecksumMismatch
  | errors.UploadIncomplete
  | errors.InvalidInput
  | errors.StorageFull
  | AdmissionRefusal
  | FinishRefusal;

export interface TransferWriter {
  /** As it is now. */
  transfer(): Transfer;
  /** Says how long a transfer is that was begun without. */
  declareLength(bytes: number): Promise<Result<Transfer, PieceRefusal>>;
  /** Appends; what has arrived is kept when the sender breaks off. The last piece makes the upload. */
  append(source: AsyncIterable<Uint8Array>, piece: PieceInput): Promise<Result<Transfer, PieceRefusal>>;
  /** Ends a transfer whose bytes are all there already. */
  finish(): Promise<Result<Transfer, FinishRefusal>>;
  release(): Promise<void>;
}

export interface WriterDeps {
  readonly database: Transactions;
  readonly partials: PartialFiles;
  readonly ends: TransferEnds;
  readonly limits: UploadLimits;
}

export async function openWriter(
  { database, partials, ends, limits }: WriterDeps,
  lock: TransferLock,
): Promise<TransferWriter> {
  const { id } = lock;
  const { tenantId, checkedBytes, role } = lock.row;
  // A piece with a checksum was arriving when its process died: nobody has checked it, so it never came.
  if (checkedBytes !== null) await forget(checkedBytes);
  let current: Transfer = { ...lock.row, checkedBytes: null, offset: await partials.size(id) };

  async function forget(bytes: number): Promise<void> {
    await partials.cutTo(id, bytes);
    await database.sql({ tenantId }, (query) => setCheckedBytes(query, tenantId, id, null));
  }

  /** The bytes that the piece may have; of a transfer without a length they are reserved first. */
  async function allow(contentLength: number | undefined): Promise<Result<number, AdmissionRefusal>> {
    const { length, offset } = current;
    if (length !== null) return ok(length - offset);
    const most = limits.maxUploadBytes - offset;
    return database.transaction({ tenantId }, async (tx): Promise<Result<number, AdmissionRefusal>> => {
      await lockPending(tx, tenantId);
      const needed = contentLength === undefined ? null : offset + Math.min(contentLength, most);
      const admitted = await admitBytes(tx, tenantId, limits, needed, offset);
      if (!admitted.ok) return admitted;
      const total = Math.min(admitted.value, limits.maxUploadBytes);
      await setReserved(tx, tenantId, id, total, null);
      return ok(total - offset);
    });
  }

  async function declareLength(bytes: number): Promise<Result<Transfer, PieceRefusal>> {
    if (bytes === current.length) return ok(current);
    if (current.length !== null) {
      const message = `This upload has ${current.length} bytes; that cannot be changed.`;
      return refuse(errors.invalidInput(['length'], message));
    }
    if (bytes > limits.maxUploadBytes) return refuse(errors.uploadTooLarge(limits.maxUploadBytes));
    if (bytes < 1 || bytes < current.offset) {
      const message = `The length ${bytes} is less than the ${Math.max(1, current.offset)} bytes that it must have.`;
      return refuse(errors.invalidInput(['length'], message));
    }
    return database.transaction({ tenantId }, async (tx): Promise<Result<Transfer, PieceRefusal>> => {
      await lockPending(tx, tenantId);
      const admitted = await admitBytes(tx, tenantId, limits, bytes, current.offset);
      if (!admitted.ok) return admitted;
      await setReserved(tx, tenantId, id, bytes, bytes);
      current = { ...current, length: bytes };
      return ok(current);
    });
  }

  async function append(
    source: AsyncIterable<Uint8Array>,
    { contentLength, checksum, signal }: PieceInput,
  ): Promise<Result<Transfer, PieceRefusal>> {
    const { offset, length } = current;
    const allowed = await allow(contentLength);
    if (!allowed.ok) return allowed;
    if (checksum !== undefined) {
      await database.sql({ tenantId }, (query) => setCheckedBytes(query, tenantId, id, offset));
    }
    const written = await partials.append(id, offset, lock.guard(source), {
      maxBytes: allowed.value,
      checksum,
      signal: signal === undefined ? lock.signal : AbortSignal.any([lock.signal, signal]),
    });
    current = { ...current, offset: written.bytes };
    if (checksum !== undefined) {
      await database.sql({ tenantId }, (query) => setCheckedBytes(query, tenantId, id, null));
    }
    if (length === null) {
      await database.transaction({ tenantId }, (tx) => setReserved(tx, tenantId, id, written.bytes, null));
    }
    switch (written.end) {
      case 'COMPLETE':
        return role === 'WHOLE' && isComplete(current) ? finish() : ok(current);
      case 'CUT':
        return refuse(errors.pieceInterrupted(written.bytes));
      case 'CHECKSUM_MISMATCH':
        return refuse(errors.pieceChecksumMismatch());
      case 'STORAGE_FULL':
        return refuse(errors.storageIsFull());
      case 'TOO_LARGE':
        return refuse(
          length === null && offset + allowed.value < limits.maxUploadBytes
            ? errors.tooManyUploads(limits)
            : errors.uploadTooLarge(length ?? limits.maxUploadBytes),
        );
      default:
        return unreachable(written.end);
    }
  }

  async function finish(): Promise<Result<Transfer, FinishRefusal>> {
    const finished = await ends.finish(lock);
    if (finished.ok) current = finished.value;
    return finished;
  }

  return Object.freeze({
    transfer: () => current,
    declareLength,
    append,
    finish,
    release: () => lock.release(),
  });
}

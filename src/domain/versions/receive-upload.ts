/** The use case behind `/uploads`: bytes come in, an upload comes out, or nothing is left. */
import type { Transactions } from '../../database/index.js';
import type { Clock } from '../../lib/clock.js';
import { newId } from '../../lib/ids.js';
import { ok, refuse, unreachable, type Result } from '../../lib/result.js';
import {
  isDigest,
  type ArtifactStore,
  type StagedArtifact,
  type StorageRefusal,
} from '../../storage/index.js';
import { can, permissionDenied, type PermissionDenied, type TenantActor } from '../access/index.js';
import { lockDigest, type DigestKeeper } from './digests.js';
import * as errors from './errors.js';
import { ownBytesOf, storageLeft, storageQuotaExceeded, storageUseOf } from './storage-use.js';
import {
  NOTHING_PENDING,
  roomFor,
  sumOfPending,
  type Pending,
  type Upload,
  type UploadLimits,
} from './upload.js';
import * as store from './uploads-store.js';
import { createTurns } from './turns.js';

export interface ReceiveUploadInput {
  /** SHA-256 that the bytes must have, lower-case hex. */
  readonly expectedSha256?: string | undefined;
  /** Size that the sender announced. */
  readonly contentLength?: number | undefined;
  /** Fires when the sender has gone or is too slow. */
  readonly signal?: AbortSignal | undefined;
}

export type ReceiveUploadRefusal =
  | PermissionDenied
  | errors.InvalidInput
  | errors.UploadTooLarge
  | errors.TooManyUploads
  | errors.StorageQuotaExceeded
  | errors.Overloaded
  | errors.UploadIncomplete
  | errors.ChecksumMismatch
  | errors.StorageFull;

export type ReceiveUpload = (
  actor: TenantActor,
  source: AsyncIterable<Uint8Array>,
  input: ReceiveUploadInput,
) => Promise<Result<Upload, ReceiveUploadRefusal>>;

export interface ReceiveUploadDeps {
  readonly database: Transactions;
  readonly clock: Clock;
  readonly artifacts: ArtifactStore;
  readonly digests: DigestKeeper;
  readonly limits: UploadLimits;
}

/** The first byte of the source is asked for only after everything that can be refused without it was checked. */
export function createReceiveUpload(deps: ReceiveUploadDeps): ReceiveUpload {
  const { database, clock, artifacts, digests, limits } = deps;
  const arriving = createArrivals();
  const inTurn = createTurns();

  return async (actor, source, input) => {
    if (!can(actor, 'VERSION_PUBLISH')) return refuse(permissionDenied(actor, 'VERSION_PUBLISH'));
    const mistake = mistakeIn(input, limits);
    if (mistake !== null) return refuse(mistake);
    if (arriving.count() >= limits.maxConcurrentUploads) return refuse(errors.uploadsOverloaded());

    // Before the first wait, so that many bodies at once cannot all find the same room.
    const place = arriving.enter(actor.tenantId, input.contentLength ?? 0);
    try {
      const { pending, use } = await database.transaction({ tenantId: actor.tenantId }, async (tx) => ({
        pending: await store.pendingOf(tx, actor.tenantId),
        use: await storageUseOf(tx, actor.tenantId, limits.defaultStorageBytes),
      }));
      const needed = Math.max(1, input.contentLength ?? 1);
      const others = place.others();
      const pendingRoom = roomFor(sumOfPending(pending, others), limits);
      if (pendingRoom < needed) return refuse(errors.tooManyUploads(limits));
      const storageRoom = storageLeft(use) - others.bytes;
      const tooMuch = storageQuotaExceeded(use, input.contentLength ?? null);
      if (storageRoom < needed && !(await isStoredAlready(actor, input.expectedSha256)))
        return refuse(tooMuch);
      // A file that the tenant has already adds nothing; whether it is that one is seen when it is here.
      const room = storageRoom < needed ? pendingRoom : Math.min(pendingRoom, storageRoom);
      place.resize(input.contentLength ?? room);

      const staged = await artifacts.stage(source, {
        maxBytes: room,
        expectedDigest: input.expectedSha256,
        expectedBytes: input.contentLength,
        signal: input.signal,
      });
      if (!staged.ok) {
        const isStorageRoom = staged.error.code === 'TOO_LARGE' && storageRoom < pendingRoom;
        return refuse(isStorageRoom ? tooMuch : fromStorage(staged.error, limits));
      }
      try {
        return await inTurn(actor.tenantId, () => record(actor, staged.value));
      } finally {
        await staged.value.discard();
      }
    } finally {
      place.leave();
    }
  };

  async function isStoredAlready(actor: TenantActor, digest: string | undefined): Promise<boolean> {
    if (digest === undefined) return false;
    const { tenantId } = actor;
    return (await database.transaction({ tenantId }, (tx) => ownBytesOf(tx, tenantId, digest))) !== null;
  }

  async function record(
    actor: TenantActor,
    staged: StagedArtifact,
  ): Promise<Result<Upload, ReceiveUploadRefusal>> {
    if (staged.bytes === 0)
      return refuse(errors.invalidInput([], 'The body is empty; send the bytes of a model file.'));
    const { tenantId } = actor;
    try {
      return await database.transaction(
        { tenantId },
        async (tx): Promise<Result<Upload, ReceiveUploadRefusal>> => {
          await store.lockPending(tx, tenantId);
          if (roomFor(await store.pendingOf(tx, tenantId), limits) < staged.bytes) {
            return refuse(errors.tooManyUploads(limits));
          }
          const use = await storageUseOf(tx, tenantId, limits.defaultStorageBytes);
          const isNew = (await ownBytesOf(tx, tenantId, staged.digest)) === null;
          if (isNew && storageLeft(use) < staged.bytes) {
            return refuse(storageQuotaExceeded(use, staged.bytes));
          }
          await lockDigest(tx, staged.digest);
          const kept = await staged.keep();
          if (!kept.ok) return refuse(fromStorage(kept.error, limits));
          const now = clock.now();
          const upload: Upload = {
            id: newId('upload', now.getTime()),
            tenantId,
            digest: staged.digest,
            bytes: staged.bytes,
            expiresAt: new Date(now.getTime() + limits.uploadTtlMs),
            createdAt: now,
          };
          await store.insertUpload(tx, tenantId, upload);
          return ok(upload);
        },
      );
    } catch (error) {
      // The bytes may have their name but no row. Should this fail too, the sweep finds them.
      await digests.releaseAcrossTenants(staged.digest).catch(() => undefined);
      throw error;
    }
  }
}

function mistakeIn(
  { expectedSha256, contentLength }: ReceiveUploadInput,
  limits: UploadLimits,
): errors.InvalidInput | errors.UploadTooLarge | null {
  if (expectedSha256 !== undefined && !isDigest(expectedSha256)) {
    return errors.invalidInput(['sha256'], 'The announced SHA-256 must be 64 lower-case hexadecimal digits.');
  }
  if (contentLength === undefined) return null;
  if (!Number.isSafeInteger(contentLength) || contentLength < 1) {
    return errors.invalidInput([], 'The body is empty; send the bytes of a model file.');
  }
  return contentLength > limits.maxUploadBytes ? errors.uploadTooLarge(limits.maxUploadBytes) : null;
}

function fromStorage(refusal: StorageRefusal, limits: UploadLimits): ReceiveUploadRefusal {
  switch (refusal.code) {
    case 'TOO_LARGE':
      // Stopped below the limit for one file: it was the tenant's room that ended.
      return refusal.maxBytes < limits.maxUploadBytes
        ? errors.tooManyUploads(limits)
        : errors.uploadTooLarge(limits.maxUploadBytes);
    case 'INTERRUPTED':
      return { code: 'UPLOAD_INCOMPLETE', message: refusal.message };
    case 'CHECKSUM_MISMATCH':
      return { code: 'CHECKSUM_MISMATCH', message: refusal.message };
    case 'STORAGE_FULL':
      return { code: 'STORAGE_FULL', message: refusal.message };
    default:
      return unreachable(refusal);
  }
}

interface Place {
  /** What else of the tenant is arriving. */
  others(): Pending;
  resize(bytes: number): void;
  leave(): void;
}

/** Bodies that are being received by this process, by tenant. */
function createArrivals() {
  const byTenant = new Map<string, Set<{ bytes: number }>>();
  let total = 0;
  return {
    count: () => total,
    enter(tenantId: string, bytes: number): Place {
      const mine = byTenant.get(tenantId) ?? new Set<{ bytes: number }>();
      const body = { bytes };
      byTenant.set(tenantId, mine.add(body));
      total++;
      return {
        others: () =>
          [...mine].reduce<Pending>(
            (sum, other) => (other === body ? sum : sumOfPending(sum, { count: 1, bytes: other.bytes })),
            NOTHING_PENDING,
          ),
        resize(to) {
          body.bytes = to;
        },
        leave() {
          mine.delete(body);
          total--;
          if (mine.size === 0) byTenant.delete(tenantId);
        },
      };
    },
  };
}

/** The use case behind `createUploadFromDigest`: a file that the tenant has already is not sent again. */
import type { Transactions } from '../../database/index.js';
import type { Clock } from '../../lib/clock.js';
import { newId } from '../../lib/ids.js';
import { ok, refuse, type Result } from '../../lib/result.js';
import { isDigest } from '../../storage/index.js';
import { can, permissionDenied, type PermissionDenied, type TenantActor } from '../access/index.js';
import type { AuditService } from '../audit/index.js';
import { lockDigest } from './digests.js';
import * as errors from './errors.js';
import { ownBytesOf } from './storage-use.js';
import { createTurns } from './turns.js';
import { roomFor, type Upload, type UploadLimits } from './upload.js';
import { insertUpload, lockPending, pendingOf } from './uploads-store.js';

export type UploadFromDigestRefusal =
  PermissionDenied | errors.InvalidInput | errors.NotFound | errors.TooManyUploads;

export type CreateUploadFromDigest = (
  actor: TenantActor,
  input: { readonly sha256: string },
) => Promise<Result<Upload, UploadFromDigestRefusal>>;

/**
 * Whether somebody else has the file makes no difference, neither in what is said nor in what is done: only what is
 * the tenant's own is looked for, and the digest's lock is taken only once it was found there.
 */
export function createUploadFromDigests(deps: {
  readonly database: Transactions;
  readonly clock: Clock;
  readonly audit: Pick<AuditService, 'record'>;
  readonly limits: UploadLimits;
}): CreateUploadFromDigest {
  const { database, clock, audit, limits } = deps;
  const inTurn = createTurns();
  return async (actor, { sha256 }) => {
    const { tenantId } = actor;
    if (!can(actor, 'VERSION_PUBLISH')) return refuse(permissionDenied(actor, 'VERSION_PUBLISH'));
    const digest = sha256.toLowerCase();
    if (!isDigest(digest)) {
      return refuse(errors.invalidInput(['sha256'], 'sha256 must be 64 hexadecimal digits.'));
    }
    return inTurn(tenantId, () =>
      database.transaction({ tenantId }, async (tx): Promise<Result<Upload, UploadFromDigestRefusal>> => {
        await lockPending(tx, tenantId);
        if ((await ownBytesOf(tx, tenantId, digest)) === null) return refuse(errors.digestUnknown());
        await lockDigest(tx, digest);
        // Seen under the lock: from here on its bytes stay.
        const bytes = await ownBytesOf(tx, tenantId, digest);
        if (bytes === null) return refuse(errors.digestUnknown());
        if (roomFor(await pendingOf(tx, tenantId), limits) < bytes)
          return refuse(errors.tooManyUploads(limits));
        const now = clock.now();
        const expiresAt = new Date(now.getTime() + limits.uploadTtlMs);
        const upload: Upload = {
          id: newId('upload', now.getTime()),
          tenantId,
          digest,
          bytes,
          expiresAt,
          createdAt: now,
        };
        await insertUpload(tx, tenantId, upload);
        await audit.record(tx, actor, {
          action: 'createUploadFromDigest',
          subjectId: upload.id,
          details: { sha256: digest, bytes },
        });
        return ok(upload);
      }),
    );
  };
}

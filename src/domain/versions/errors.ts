import type { ImportRefusal } from '../../importers/index.js';
import type { Refusal } from '../../lib/result.js';
import type { ImportRefusalReason, ImportRefused } from './publication.js';
import type { UploadLimits } from './upload.js';

export { invalidInput, type InvalidInput } from '../../lib/invalid-input.js';

export type NotFound = Refusal<'NOT_FOUND'>;
export type Conflict = Refusal<'CONFLICT'>;
export type UploadTooLarge = Refusal<'PAYLOAD_TOO_LARGE'> & { readonly maxBytes: number };
export type TooManyUploads = Refusal<'TOO_MANY_UPLOADS'>;
/** Figures in bytes. */
export type StorageQuotaExceeded = Refusal<'STORAGE_QUOTA_EXCEEDED'> & {
  readonly usedBytes: number;
  readonly limitBytes: number;
};
/** Somebody writes the upload at this moment. */
export type Locked = Refusal<'LOCKED'>;
/** It was there, and has expired. */
export type Gone = Refusal<'GONE'>;
export type UploadIncomplete = Refusal<'UPLOAD_INCOMPLETE'>;
/** The whole file is another one than was announced. */
export type DigestMismatch = Refusal<'DIGEST_MISMATCH'>;
export type ChecksumMismatch = Refusal<'CHECKSUM_MISMATCH'>;
export type StorageFull = Refusal<'STORAGE_FULL'>;
export type ArtifactDamaged = Refusal<'ARTIFACT_DAMAGED'>;
export type Overloaded = Refusal<'OVERLOADED'> & { readonly retryAfterMs: number };

export function uploadTooLarge(maxBytes: number): UploadTooLarge {
  return {
    code: 'PAYLOAD_TOO_LARGE',
    message: `The file is larger than the ${maxBytes} bytes that this server takes.`,
    maxBytes,
  };
}

export function tooManyUploads(limits: UploadLimits): TooManyUploads {
  return {
    code: 'TOO_MANY_UPLOADS',
    message:
      `Your tenant may have ${limits.maxPendingUploads} files with ${limits.maxPendingBytes} bytes together that are ` +
      'not published yet. Publish what is waiting, or wait until it expires.',
  };
}

export function uploadsOverloaded(): Overloaded {
  return {
    code: 'OVERLOADED',
    message: 'This server is receiving as many files as it can. Try again in a few seconds.',
    retryAfterMs: 5_000,
  };
}

export function transferNotFound(): NotFound {
  return { code: 'NOT_FOUND', message: 'There is no such upload in your tenant; begin a new one.' };
}

export function transferExpired(expiresAt: Date): Gone {
  return { code: 'GONE', message: `This upload expired at ${expiresAt.toISOString()}; begin a new one.` };
}

export function transferLocked(): Locked {
  return {
    code: 'LOCKED',
    message: 'Another request writes this upload. Ask for its offset (HEAD), then go on from there.',
  };
}

export function partMissing(): NotFound {
  return {
    code: 'NOT_FOUND',
    message: 'One of the parts that Upload-Concat names is no partial upload of your tenant.',
  };
}

export function partIncomplete(index: number, arrived: number, length: number | null): Conflict {
  return {
    code: 'CONFLICT',
    message: `Part ${index + 1} is not complete: ${arrived} of ${length ?? 'an unknown number of'} bytes have arrived.`,
  };
}

export function uploadUnfinished(): Conflict {
  return {
    code: 'CONFLICT',
    message: 'This upload is not complete yet: HEAD /uploads/ID tells how much has arrived.',
    path: ['uploadId'],
  };
}

export function pieceChecksumMismatch(): ChecksumMismatch {
  return {
    code: 'CHECKSUM_MISMATCH',
    message:
      'The bytes that arrived do not have the announced checksum. They were thrown away; send them again.',
  };
}

export function digestMismatch(expected: string, actual: string): DigestMismatch {
  return {
    code: 'DIGEST_MISMATCH',
    message: `The file has the SHA-256 ${actual}, but ${expected} was announced. The upload was thrown away.`,
  };
}

export function tenantNotFound(): NotFound {
  return { code: 'NOT_FOUND', message: 'There is no tenant with this slug.', path: ['tenantSlug'] };
}

export function digestUnknown(): NotFound {
  return {
    code: 'NOT_FOUND',
    message: 'Your tenant has no file with this SHA-256. Send it to /uploads.',
    path: ['sha256'],
  };
}

export function pieceInterrupted(arrived: number): UploadIncomplete {
  return {
    code: 'UPLOAD_INCOMPLETE',
    message: `The bytes stopped arriving. ${arrived} are here; ask for the offset (HEAD) and go on from there.`,
  };
}

export function storageIsFull(): StorageFull {
  return { code: 'STORAGE_FULL', message: 'The artifact storage of this server is full.' };
}

export function uploadNotFound(): NotFound {
  return {
    code: 'NOT_FOUND',
    message: 'There is no such upload in your tenant; it may have expired. Send the file to /uploads first.',
    path: ['uploadId'],
  };
}

export function uploadConsumed(publicationId: string): Conflict {
  return {
    code: 'CONFLICT',
    message: `This upload is used by the publication ${publicationId}. Send the file again to publish it once more.`,
    path: ['uploadId'],
  };
}

/** The same words whether the version does not exist or may not be seen. */
export function originNotFound(): NotFound {
  return {
    code: 'NOT_FOUND',
    message: 'There is no such version that this one could be derived from.',
    path: ['derivedFromVersionId'],
  };
}

export function ownVersionNotFound(): NotFound {
  return { code: 'NOT_FOUND', message: 'There is no such version in your tenant.', path: ['versionId'] };
}

export function versionNotYanked(): Conflict {
  return {
    code: 'CONFLICT',
    message: 'This version is in service already; only a yanked version can be put back.',
    path: ['versionId'],
  };
}

export function versionOutOfService(number: number, reason: string): Conflict {
  return {
    code: 'CONFLICT',
    message: `Version ${number} is yanked (${reason}). Choose a version in service, or put it back with unyankVersion.`,
    path: ['versionId'],
  };
}

/** The same words whether the version does not exist, may not be seen, or may not be downloaded. */
export function artifactNotFound(): NotFound {
  return {
    code: 'NOT_FOUND',
    message: 'There is no artifact here that you could download.',
    path: ['versionId'],
  };
}

/** A fault of the server's disk, which whoever downloads must know as such: these are not the published bytes. */
export function artifactDamaged(digest: string, found: string): ArtifactDamaged {
  return {
    code: 'ARTIFACT_DAMAGED',
    message:
      `The stored file of this version is damaged: its bytes hash to ${found}, not to ${digest}. It is not given out. ` +
      'Sending the original file to /uploads once more makes it whole.',
  };
}

export function importRefused(
  reason: ImportRefusalReason,
  refusal: Pick<ImportRefusal, 'message' | 'subject'>,
): ImportRefused {
  return {
    code: 'IMPORT_REFUSED',
    message: refusal.message,
    path: ['uploadId'],
    reason,
    subject: refusal.subject,
  };
}

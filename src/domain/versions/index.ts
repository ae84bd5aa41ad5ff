export type {
  ChecksumMismatch,
  Conflict,
  Overloaded,
  StorageFull,
  TooManyUploads,
  UploadIncomplete,
  UploadTooLarge,
} from './errors.js';
export type { PieceChecksum } from '../../storage/index.js';
export type { StorageUse } from './storage-use.js';
export type { SetTenantStorageInput } from './tenant-storage.js';
export { uploadOf } from './transfer.js';
export type { Transfer, TransferTimes } from './transfer.js';
export type { TransferWriter } from './transfer-writer.js';
export type { Transfers } from './transfers.js';
export type { LeaseTimes } from './lease.js';
export type { ImportRefused, ImportRefusalReason, Publication, PublicationStatus } from './publication.js';
export type { ImportArtifact, ImportLimits } from './publication-runner.js';
export type { Published, PublishVersionInput, PublishVersionRefusal } from './publish-version.js';
export type { ArtifactDownload, VersionReads } from './read-versions.js';
export type { ReceiveUploadInput, ReceiveUploadRefusal } from './receive-upload.js';
export { createVersionsService, DEFAULT_VERSIONS_LIMITS } from './service.js';
export type { VersionsDeps, VersionsLimits, VersionsService } from './service.js';
export { DEFAULT_UPLOAD_LIMITS } from './upload.js';
export type { Upload, UploadLimits } from './upload.js';
export { artifactPath, servingEngine, trialsFromJson } from './version.js';
export type { Version } from './version.js';
export { VERSION_COLUMNS, versionFromRow } from './versions-store.js';
export type { VersionRow } from './versions-store.js';

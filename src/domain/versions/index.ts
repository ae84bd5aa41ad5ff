export type {
  ChecksumMismatch,
  Conflict,
  Overloaded,
  StorageFull,
  TooManyUploads,
  UploadIncomplete,
  UploadTooLarge,
} from './errors.js';
export { lockDigest } from './digests.js';
export { compareVersions } from './compare-versions.js';
export type { VersionComparison } from './compare-versions.js';
export type { PublicationReport } from './import-run.js';
export { DEFAULT_LEASE_TIMES } from './lease.js';
export type { PieceChecksum } from '../../storage/index.js';
export type { StorageUse } from './storage-use.js';
export type { SetTenantStorageInput } from './tenant-storage.js';
export { uploadOf } from './transfer.js';
export type { Transfer, TransferTimes } from './transfer.js';
export type { TransferWriter } from './transfer-writer.js';
export type { Transfers } from './transfers.js';
export type { LeaseTimes } from './lease.js';
export type { Metric } from './metrics.js';
export { createOutcomes } from './outcomes.js';
export type { Outcomes } from './outcomes.js';
export type {
  ImportRefused,
  ImportRefusalReason,
  Publication,
  PublicationPhase,
  PublicationStatus,
} from './publication.js';
export type { ImportArtifact, ImportLimits } from './publication-runner.js';
export type { Published, PublishVersionInput, PublishVersionRefusal } from './publish-version.js';
export type { ArtifactDownload, VersionReads } from './read-versions.js';
export type { ReceiveUploadInput, ReceiveUploadRefusal } from './receive-upload.js';
export { COMPATIBILITIES } from './signature-comparison.js';
export { compareAllSignatures } from './signatures-comparison.js';
export type { SignatureDifference } from './signatures-comparison.js';
export type { Compatibility } from './signature-comparison.js';
export type { SampleInput } from './sample.js';
export { createVersionsService, DEFAULT_VERSIONS_LIMITS } from './service.js';
export type { VersionsDeps, VersionsLimits, VersionsService } from './service.js';
export { DEFAULT_UPLOAD_LIMITS } from './upload.js';
export type { Upload, UploadLimits } from './upload.js';
export { judgeTrials, type JudgedTrial } from './judged-trials.js';
export { artifactPath, servingEngine, signaturesFromJson, trialsFromJson } from './version.js';
export type { Version } from './version.js';
export { VERSION_COLUMNS, versionFromRow } from './versions-store.js';
export type { VersionRow } from './versions-store.js';
export { findUpload, takeUpload } from './uploads-store.js';
export { refusalOfCall } from './yank.js';
export type { PinnedCallers, VersionYanked, Yank } from './yank.js';
export { refusalOfNewCallers } from './yank-version.js';
export type { YankVersionInput } from './yank-version.js';
export { NEWEST_IN_SERVICE, YANK_IN_FORCE_JOIN } from './yanks-store.js';

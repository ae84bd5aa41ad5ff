import type { Presence, Transactions } from '../../database/index.js';
import type { RunnableArtifact, RuntimeName } from '../../inference/index.js';
import type { Clock } from '../../lib/clock.js';
import type { Logger } from '../../lib/logger.js';
import type { Signature } from '../../lib/tensor.js';
import type { ArtifactStore, PartialFiles } from '../../storage/index.js';
import type { AuditService } from '../audit/index.js';
import { createDigestKeeper } from './digests.js';
import { createPublicationEnds } from './end-publication.js';
import { Housekeeping } from './housekeeping.js';
import { DEFAULT_LEASE_TIMES, type LeaseTimes } from './lease.js';
import { createOutcomes } from './outcomes.js';
import { PublicationRunner, type ImportArtifact, type ImportLimits } from './publication-runner.js';
import { endedAcrossTenants } from './publications-store.js';
import { createPublishVersion, type PublishVersion } from './publish-version.js';
import { createProvenanceReads, type ProvenanceReads } from './read-provenance.js';
import { createVersionReads, type VersionReads } from './read-versions.js';
import { createReceiveUpload, type ReceiveUpload } from './receive-upload.js';
import type { TransferTimes } from './transfer.js';
import { createTransfers, type Transfers } from './transfers.js';
import { dropLocksAcrossTenants } from './transfers-store.js';
import { createTenantStorage, type TenantStorage } from './tenant-storage.js';
import { DEFAULT_UPLOAD_LIMITS, type UploadLimits } from './upload.js';
import { createUploadFromDigests, type CreateUploadFromDigest } from './upload-from-digest.js';
import type { Version } from './version.js';
import { createYanking, type Yanking } from './yank-version.js';

export type VersionsLimits = UploadLimits & ImportLimits;

export const DEFAULT_VERSIONS_LIMITS: VersionsLimits = Object.freeze({
  ...DEFAULT_UPLOAD_LIMITS,
  maxConcurrentImports: 2,
  importTimeoutMs: 120_000,
  importMaxMemoryBytes: 4 * 1024 ** 3,
});

const DEFAULT_WARM_WITHIN_MS = 10_000;

export interface VersionsDeps {
  readonly database: Transactions;
  readonly clock: Clock;
  readonly log: Logger;
  readonly audit: Pick<AuditService, 'record'>;
  readonly artifacts: ArtifactStore;
  /** Uploads that are arriving; on the file system of the artifacts. */
  readonly partials: PartialFiles;
  readonly importArtifact: ImportArtifact;
  /** Imports get directories of their own in it; best on the file system of the artifacts. Made when missing. */
  readonly workDirectory: string;
  /** Engines that can serve here, the preferred first. */
  readonly runtimes: readonly RuntimeName[];
  /** Brings a version into the pool's memory: called before it is published, which waits a while, and after. */
  readonly warm?: ((artifact: RunnableArtifact, signature: Signature) => unknown) | undefined;
  /** How long a publication waits for that. Default 10 s. */
  readonly warmWithinMs?: number | undefined;
  readonly limits?: Partial<VersionsLimits> | undefined;
  readonly lease?: LeaseTimes | undefined;
  /** By which others see that this process lives, so that they take up its publications as soon as it does not. */
  readonly presence?: Pick<Presence, 'name' | 'isHeld'> | undefined;
  readonly transferTimes?: TransferTimes | undefined;
  /** No other process lives that may write uploads: what is locked at the start was locked by a dead one. */
  readonly isOnlyProcess?: boolean | undefined;
}

export interface VersionsService extends VersionReads, ProvenanceReads, Yanking, Transfers, TenantStorage {
  /** Takes a file in. Needs VERSION_PUBLISH. The source is read only after all that can be refused without it. */
  readonly receiveUpload: ReceiveUpload;
  /** Makes an upload of a file that the tenant has already, in an upload or a version. Needs VERSION_PUBLISH. */
  readonly createUploadFromDigest: CreateUploadFromDigest;
  /** Begins to publish an upload and waits a while for the outcome. Needs VERSION_PUBLISH. */
  readonly publishVersion: PublishVersion;
  /** What the pool needs to run a version. */
  packPath(version: Pick<Version, 'packDigest' | 'runtime' | 'batchable'>): RunnableArtifact;
  /** Takes up publications that wait or whose process has died. Also done at start and every few seconds. */
  resumePublicationsAcrossTenants(): void;
  /** Throws expired uploads away. Also done at start and every minute. */
  sweepUploadsAcrossTenants(): Promise<void>;
  /** Removes bytes that nothing refers to. Also done at start and every hour. */
  sweepBytesAcrossTenants(): Promise<void>;
  /** Removes bytes that nothing refers to any more: for other rooms whose rows were the last reference. */
  releaseBytesAcrossTenants(digest: string): Promise<void>;
  start(): Promise<void>;
  /** Stops imports; what they were doing is taken up by the next start, here or elsewhere. */
  stop(): Promise<void>;
}

export function createVersionsService(deps: VersionsDeps): VersionsService {
  const { database, clock, log, audit, artifacts, partials } = deps;
  const limits: VersionsLimits = { ...DEFAULT_VERSIONS_LIMITS, ...deps.limits };
  const digests = createDigestKeeper({ database, artifacts });
  const outcomes = createOutcomes({
    log,
    endedAcrossTenants: (ids) =>
      database.sql({ acrossTenants: true }, (query) => endedAcrossTenants(query, ids)),
  });
  const runner = new PublicationRunner({
    database,
    clock,
    log,
    artifacts,
    importArtifact: deps.importArtifact,
    workDirectory: deps.workDirectory,
    runtimes: deps.runtimes,
    limits,
    lease: deps.lease ?? DEFAULT_LEASE_TIMES,
    presence: deps.presence ?? null,
    ends: createPublicationEnds({ database, clock, artifacts, digests, audit }),
    outcomes,
    warm: deps.warm ?? (() => undefined),
    warmWithinMs: deps.warmWithinMs ?? DEFAULT_WARM_WITHIN_MS,
  });
  const housekeeping = new Housekeeping({
    database,
    clock,
    log,
    artifacts,
    partials,
    digests,
    resume: () => runner.wake(),
  });

  return Object.freeze({
    ...createVersionReads({ database, clock, artifacts, log }),
    ...createProvenanceReads({ database }),
    ...createYanking({ database, clock, audit }),
    ...createTransfers({
      database,
      clock,
      log,
      artifacts,
      partials,
      digests,
      limits,
      times: deps.transferTimes,
    }),
    ...createTenantStorage({ database, clock, audit, defaultStorageBytes: limits.defaultStorageBytes }),
    createUploadFromDigest: createUploadFromDigests({ database, clock, audit, limits }),
    receiveUpload: createReceiveUpload({ database, clock, artifacts, digests, limits }),
    publishVersion: createPublishVersion({
      database,
      clock,
      audit,
      outcomes,
      wakeRunner: () => runner.wake(),
    }),
    packPath: ({
      packDigest,
      runtime,
      batchable,
    }: Pick<Version, 'packDigest' | 'runtime' | 'batchable'>): RunnableArtifact => ({
      digest: packDigest,
      path: artifacts.localPath(packDigest),
      runtime,
      batchable,
    }),
    resumePublicationsAcrossTenants: () => runner.wake(),
    sweepUploadsAcrossTenants: () => housekeeping.sweepUploadsAcrossTenants(),
    releaseBytesAcrossTenants: (digest: string) => digests.releaseAcrossTenants(digest),
    sweepBytesAcrossTenants: () => housekeeping.sweepBytesAcrossTenants(),
    async start() {
      if (deps.isOnlyProcess === true) await database.sql({ acrossTenants: true }, dropLocksAcrossTenants);
      await runner.start();
      housekeeping.start();
    },
    async stop() {
      await Promise.all([housekeeping.stop(), runner.stop()]);
    },
  });
}

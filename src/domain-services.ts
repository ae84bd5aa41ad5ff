/** The rooms of the domain, each built once from what stands to its left. */
import { join } from 'node:path';
import type { Config } from './config.js';
import type { Database, Presence } from './database/index.js';
import { createAliasesService } from './domain/aliases/index.js';
import { createAuditService } from './domain/audit/index.js';
import { createBillingService } from './domain/billing/index.js';
import { createCatalogService } from './domain/catalog/index.js';
import { createEvaluationsService } from './domain/evaluations/index.js';
import { createIdentityService, createSecrets } from './domain/identity/index.js';
import { createMarketplaceService } from './domain/marketplace/index.js';
import { createLedgerService, type MeteringDeps, type MeteringService } from './domain/metering/index.js';
import { createPredictionsService, type PredictObservation } from './domain/predictions/index.js';
import { createSharingService } from './domain/sharing/index.js';
import { createTenantsService } from './domain/tenants/index.js';
import { createVersionsService, refusalOfNewCallers } from './domain/versions/index.js';
import type { DatasetReader, Importer } from './importers/index.js';
import type { InferenceEngine, RuntimeName } from './inference/index.js';
import type { Clock } from './lib/clock.js';
import type { Logger } from './lib/logger.js';
import type { ArtifactStore, PartialFiles } from './storage/index.js';

/** The machines that the rooms work with, all started. */
export interface Machines {
  readonly database: Database;
  /** The same tables, with patience: for statements that read a month of the ledger. */
  readonly maintenance: Database;
  readonly artifacts: ArtifactStore;
  readonly partials: PartialFiles;
  readonly importer: Importer;
  readonly datasetReader: DatasetReader;
  readonly inference: InferenceEngine;
  /** Engines that can serve here, the preferred first. */
  readonly runtimes: readonly RuntimeName[];
  readonly clock: Clock;
  readonly log: Logger;
}

export interface DomainOptions {
  readonly jwtSecret: string;
  /** Where imports work; on the file system of the artifacts. */
  readonly workDirectory: string;
  /** Shows other servers on the same database that this one lives. */
  readonly presence: Presence;
  /** Called after each prediction, however it ended. */
  readonly observe: (observation: PredictObservation) => void;
  readonly createMetering: (deps: MeteringDeps) => MeteringService;
}

export type DomainServices = ReturnType<typeof createDomainServices>;

export function createDomainServices(config: Config, machines: Machines, options: DomainOptions) {
  const { database, clock, log, inference } = machines;
  // The embedded database belongs to one live process (see `database`), so what others held in it is held by nobody.
  const othersDiedBefore = config.databaseUrl === null ? clock.now() : null;
  const audit = createAuditService({ database, clock });
  const tenants = createTenantsService({
    database,
    clock,
    audit,
    defaultPredictionsPerMonth: config.defaultPredictionsPerMonth,
  });
  const identity = createIdentityService({
    database,
    clock,
    audit,
    tenants,
    secrets: createSecrets(options.jwtSecret),
    signUpMode: config.signUp,
  });
  const catalog = createCatalogService({ database, clock, audit });
  const versions = createVersionsService({
    database,
    clock,
    log,
    audit,
    artifacts: machines.artifacts,
    partials: machines.partials,
    importArtifact: machines.importer.importArtifact,
    workDirectory: options.workDirectory,
    runtimes: machines.runtimes,
    presence: options.presence,
    isOnlyProcess: config.databaseUrl === null,
    warm: (artifact, signature) => inference.warm(artifact, signature),
    limits: {
      maxUploadBytes: config.maxUploadBytes,
      defaultStorageBytes: config.defaultStorageBytes,
      importTimeoutMs: config.importTimeoutMs,
      importMaxMemoryBytes: config.importMaxMemoryBytes,
    },
  });
  const aliases = createAliasesService({ database, clock, audit, refusalOfTarget: refusalOfNewCallers });
  const sharing = createSharingService({ database, clock, audit });
  const marketplace = createMarketplaceService({ database, clock, audit, catalog });
  const metering = options.createMetering({
    database,
    clock,
    audit,
    predictionsPerMinutePerKey: config.predictionsPerMinute,
    maxConcurrentPerTenant: config.maxConcurrentPredictions,
    othersDiedBefore,
  });
  const billing = createBillingService({
    database,
    maintenance: machines.maintenance,
    clock,
    audit,
    log,
  });
  const ledger = createLedgerService({
    database,
    maintenance: machines.maintenance,
    clock,
    audit,
    log,
    retentionMonths: config.usageRetentionMonths,
    mayRetire: (month) => billing.mayRetireAcrossTenants(month),
  });
  const predictions = createPredictionsService({
    database,
    clock,
    log,
    marketplace,
    metering,
    engines: machines.runtimes,
    infer: (job) => inference.infer(job),
    queue: inference,
    packPath: (packDigest) => machines.artifacts.localPath(packDigest),
    defaultTimeoutMs: config.inference.defaultTimeoutMs,
    othersDiedBefore,
    observe: options.observe,
  });
  const evaluations = createEvaluationsService({
    database,
    clock,
    log,
    audit,
    artifacts: machines.artifacts,
    reader: machines.datasetReader,
    identity,
    versions,
    predictions,
    workDirectory: join(options.workDirectory, 'datasets'),
    isAlone: othersDiedBefore !== null,
    limits: {
      readTimeoutMs: config.importTimeoutMs,
      readMaxMemoryBytes: config.importMaxMemoryBytes,
    },
  });
  return Object.freeze({
    audit,
    tenants,
    identity,
    catalog,
    versions,
    aliases,
    sharing,
    marketplace,
    metering,
    ledger,
    billing,
    predictions,
    evaluations,
  });
}

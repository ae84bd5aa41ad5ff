import { createAuditService } from "./domain/audit/index.js";
import { createCatalogService } from "./domain/catalog/index.js";
import { createIdentityService, createSecrets } from "./domain/identity/index.js";
import { createMarketplaceService } from "./domain/marketplace/index.js";
import { createMeteringService } from "./domain/metering/index.js";
import { createPredictionsService } from "./domain/predictions/index.js";
import { createSharingService } from "./domain/sharing/index.js";
import { createTenantsService } from "./domain/tenants/index.js";
import { createVersionsService } from "./domain/versions/index.js";
function createDomainServices(config, machines, options) {
  const { database, clock, log, inference } = machines;
  const othersDiedBefore = config.databaseUrl === null ? clock.now() : null;
  const audit = createAuditService({ database, clock });
  const tenants = createTenantsService({
    database,
    clock,
    audit,
    defaultPredictionsPerMonth: config.defaultPredictionsPerMonth
  });
  const identity = createIdentityService({
    database,
    clock,
    audit,
    tenants,
    secrets: createSecrets(options.jwtSecret),
    signUpMode: config.signUp
  });
  const catalog = createCatalogService({ database, clock, audit });
  const versions = createVersionsService({
    database,
    clock,
    log,
    audit,
    artifacts: machines.artifacts,
    importArtifact: machines.importer.importArtifact,
    workDirectory: options.workDirectory,
    runtimes: machines.runtimes,
    warm: (artifact) => inference.warm(artifact),
    limits: {
      maxUploadBytes: config.maxUploadBytes,
      importTimeoutMs: config.importTimeoutMs,
      importMaxMemoryBytes: config.importMaxMemoryBytes
    }
  });
  const sharing = createSharingService({ database, clock, audit });
  const marketplace = createMarketplaceService();
  const metering = createMeteringService({
    database,
    clock,
    audit,
    predictionsPerMinutePerKey: config.predictionsPerMinute,
    maxConcurrentPerTenant: config.maxConcurrentPredictions,
    othersDiedBefore
  });
  const predictions = createPredictionsService({
    database,
    clock,
    log,
    marketplace,
    metering,
    infer: (job) => inference.infer(job),
    packPath: (packDigest) => machines.artifacts.localPath(packDigest),
    defaultTimeoutMs: config.inference.defaultTimeoutMs,
    othersDiedBefore,
    observe: options.observe
  });
  return Object.freeze({
    audit,
    tenants,
    identity,
    catalog,
    versions,
    sharing,
    marketplace,
    metering,
    predictions
  });
}
export {
  createDomainServices
};
//# sourceMappingURL=domain-services.js.map

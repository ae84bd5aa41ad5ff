import { newId } from "../../lib/ids.js";
import { hasBatchDimension } from "../../lib/tensor.js";
import { createDigestKeeper } from "./digests.js";
import { createPublicationEnds } from "./end-publication.js";
import { Housekeeping } from "./housekeeping.js";
import { DEFAULT_LEASE_TIMES } from "./lease.js";
import { createOutcomes } from "./outcomes.js";
import { PublicationRunner } from "./publication-runner.js";
import { endedAcrossTenants } from "./publications-store.js";
import { createPublishVersion } from "./publish-version.js";
import { createVersionReads } from "./read-versions.js";
import { createReceiveUpload } from "./receive-upload.js";
import { DEFAULT_UPLOAD_LIMITS } from "./upload.js";
const DEFAULT_VERSIONS_LIMITS = Object.freeze({
  ...DEFAULT_UPLOAD_LIMITS,
  maxConcurrentImports: 2,
  importTimeoutMs: 12e4,
  importMaxMemoryBytes: 4 * 1024 ** 3
});
function createVersionsService(deps) {
  const { database, clock, log, audit, artifacts } = deps;
  const limits = { ...DEFAULT_VERSIONS_LIMITS, ...deps.limits };
  const digests = createDigestKeeper({ database, artifacts });
  const outcomes = createOutcomes({
    log,
    endedAcrossTenants: (ids) => database.sql({ acrossTenants: true }, (query) => endedAcrossTenants(query, ids))
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
    owner: newId("request"),
    ends: createPublicationEnds({ database, clock, artifacts, digests, audit }),
    outcomes,
    warm: deps.warm ?? (() => void 0)
  });
  const housekeeping = new Housekeeping({
    database,
    clock,
    log,
    artifacts,
    digests,
    resume: () => runner.wake()
  });
  return Object.freeze({
    ...createVersionReads({ database, clock, artifacts }),
    receiveUpload: createReceiveUpload({ database, clock, artifacts, digests, limits }),
    publishVersion: createPublishVersion({
      database,
      clock,
      audit,
      outcomes,
      wakeRunner: () => runner.wake()
    }),
    packPath: ({
      packDigest,
      runtime,
      signature
    }) => ({
      digest: packDigest,
      path: artifacts.localPath(packDigest),
      runtime,
      batchable: hasBatchDimension(signature)
    }),
    resumePublicationsAcrossTenants: () => runner.wake(),
    sweepUploadsAcrossTenants: () => housekeeping.sweepUploadsAcrossTenants(),
    sweepBytesAcrossTenants: () => housekeeping.sweepBytesAcrossTenants(),
    async start() {
      await runner.start();
      housekeeping.start();
    },
    async stop() {
      await Promise.all([housekeeping.stop(), runner.stop()]);
    }
  });
}
export {
  DEFAULT_VERSIONS_LIMITS,
  createVersionsService
};
//# sourceMappingURL=service.js.map

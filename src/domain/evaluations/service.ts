import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Transactions } from '../../database/index.js';
import type { Clock } from '../../lib/clock.js';
import { newId } from '../../lib/ids.js';
import type { Logger } from '../../lib/logger.js';
import type { ArtifactStore } from '../../storage/index.js';
import type { DatasetReader } from '../../importers/index.js';
import type { AuditService } from '../audit/index.js';
import type { IdentityService } from '../identity/index.js';
import type { PredictionsService } from '../predictions/index.js';
import { createOutcomes, DEFAULT_LEASE_TIMES, type VersionsService } from '../versions/index.js';
import { createCreateDataset, WORK_PREFIX, type CreateDataset } from './create-dataset.js';
import { DEFAULT_DATASET_LIMITS, type DatasetLimits } from './dataset.js';
import { createEvaluationCommands, type EvaluationCommands } from './evaluate-version.js';
import { DEFAULT_EVALUATION_LIMITS, type EvaluationLimits } from './evaluation.js';
import { EvaluationRunner } from './evaluation-runner.js';
import { endedAcrossTenants, freeLeasesAcrossTenants } from './evaluations-store.js';
import { realPauses } from './pauses.js';
import { createEvaluationReads, type EvaluationReads } from './reads.js';

export type EvaluationsLimits = DatasetLimits & EvaluationLimits;

export interface EvaluationsDeps {
  readonly database: Transactions;
  readonly clock: Clock;
  readonly log: Logger;
  readonly audit: Pick<AuditService, 'record'>;
  readonly artifacts: ArtifactStore;
  readonly reader: Pick<DatasetReader, 'readDataset'>;
  readonly identity: Pick<IdentityService, 'actorNow'>;
  readonly versions: Pick<VersionsService, 'getVersion' | 'releaseBytesAcrossTenants'>;
  readonly predictions: Pick<PredictionsService, 'predict' | 'findRunnable' | 'forgetOutputs'>;
  /** Readings of datasets get directories of their own in it; on the file system of the artifacts. Made when missing. */
  readonly workDirectory: string;
  readonly limits?: Partial<EvaluationsLimits> | undefined;
  readonly leaseMs?: number | undefined;
  /** Nobody else uses the database: what is leased at the start was leased by a process that is dead. */
  readonly isAlone?: boolean | undefined;
}

export interface EvaluationsService extends EvaluationReads, EvaluationCommands {
  /** Reads an upload as a labelled dataset. Needs VERSION_PUBLISH. The upload is taken when that succeeds. */
  readonly createDataset: CreateDataset;
  /** Takes up evaluations that wait or whose process has died. Also done at start and every few seconds. */
  resumeEvaluationsAcrossTenants(): void;
  start(): Promise<void>;
  /** Stops evaluations; the next start, here or elsewhere, goes on where they were. */
  stop(): Promise<void>;
}

const RESUME_EVERY_MS = 5_000;
/** Beyond the deadline of a reading its directory belongs to nobody. */
const SWEEP_MARGIN_MS = 60_000;
const SWEEP_EVERY_MS = 3_600_000;

export function createEvaluationsService(deps: EvaluationsDeps): EvaluationsService {
  const { database, clock, log, audit, artifacts, versions, predictions, workDirectory } = deps;
  const limits = { ...DEFAULT_DATASET_LIMITS, ...DEFAULT_EVALUATION_LIMITS, ...deps.limits };
  const outcomes = createOutcomes({
    log,
    endedAcrossTenants: (ids) =>
      database.sql({ acrossTenants: true }, (query) => endedAcrossTenants(query, ids)),
  });
  const runner = new EvaluationRunner({
    database,
    clock,
    log,
    artifacts,
    identity: deps.identity,
    predictions,
    limits,
    leaseMs: deps.leaseMs ?? DEFAULT_LEASE_TIMES.leaseMs,
    pauses: realPauses,
    owner: newId('request'),
    outcomes,
  });
  const releaseBytesAcrossTenants = (digest: string) => versions.releaseBytesAcrossTenants(digest);
  const reads = createEvaluationReads({ database, audit, releaseBytesAcrossTenants });
  const timers: NodeJS.Timeout[] = [];

  async function sweepWorkDirectories(): Promise<void> {
    const names = await readdir(workDirectory).catch(() => []);
    for (const name of names.filter((one) => one.startsWith(WORK_PREFIX))) {
      const path = join(workDirectory, name);
      const found = await stat(path).catch(() => null);
      // Times of files are the machine's, which need not be the clock's.
      const ageMs = found === null ? 0 : Date.now() - found.mtimeMs;
      if (ageMs > limits.readTimeoutMs + SWEEP_MARGIN_MS) await rm(path, { recursive: true, force: true });
    }
  }

  return Object.freeze({
    ...reads,
    ...createEvaluationCommands({
      database,
      clock,
      audit,
      versions,
      predictions,
      limits,
      outcomes,
      runner,
      findDataset: reads.findDataset,
      findEvaluation: reads.findEvaluation,
    }),
    createDataset: createCreateDataset({
      database,
      clock,
      audit,
      artifacts,
      reader: deps.reader,
      workDirectory,
      limits,
      releaseBytesAcrossTenants,
    }),
    resumeEvaluationsAcrossTenants: () => runner.wake(),
    async start() {
      await sweepWorkDirectories();
      if (deps.isAlone === true) await database.sql({ acrossTenants: true }, freeLeasesAcrossTenants);
      runner.start();
      const sweep = () =>
        void sweepWorkDirectories().catch((error: unknown) => {
          log.error({ err: error }, 'work directories of datasets could not be swept; it is tried again');
        });
      timers.push(
        setInterval(() => runner.wake(), RESUME_EVERY_MS),
        setInterval(sweep, SWEEP_EVERY_MS),
      );
    },
    async stop() {
      for (const timer of timers.splice(0)) clearInterval(timer);
      await runner.stop();
    },
  });
}

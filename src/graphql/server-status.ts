/** What `serverInfo` and the readiness probe know of the server: facts, gathered by `app.ts`. */
import type { ImportWalls } from '../importers/index.js';
import type { IsolationKind, IsolationWalls, RuntimeName } from '../inference/index.js';

export interface RuntimeStatus {
  readonly runtime: RuntimeName;
  readonly available: boolean;
  /** Its version, or why it is not available. */
  readonly detail: string;
}

export interface ResidentStatus {
  readonly packDigest: string;
  readonly runtime: RuntimeName;
  readonly bytes: number;
  readonly idleMs: number;
}

export interface PoolWorkerStatus {
  readonly name: string;
  readonly state: string;
  /** Digest of the pack that it loads or runs. */
  readonly busyWith: string | null;
  readonly residentModels: number;
  readonly residentBytes: number;
  readonly residents: readonly ResidentStatus[];
  readonly runtimes: readonly RuntimeStatus[];
  readonly runs: number;
  readonly busyMs: number;
  readonly replaced: number;
}

export interface PoolQueueStatus {
  /** The id of a tenant. */
  readonly fairnessKey: string;
  readonly queued: number;
  readonly bytes: number;
  readonly oldestMs: number;
}

export interface PoolCountersStatus {
  readonly admitted: number;
  readonly answered: number;
  readonly refused: readonly { readonly code: string; readonly count: number }[];
  readonly batches: number;
  readonly joined: number;
  readonly loads: number;
  readonly evictions: number;
  readonly retries: number;
  readonly crashes: number;
  readonly overruns: number;
}

export interface QuarantineStatus {
  readonly reason: string;
  readonly crashes: number;
  readonly until: Date;
}

export interface QuarantinedStatus {
  readonly packDigest: string;
  readonly quarantine: QuarantineStatus;
}

export interface PoolStatus {
  readonly workers: readonly PoolWorkerStatus[];
  readonly queued: number;
  readonly queueLimit: number;
  readonly inFlight: number;
  /** Those with most waiting first; bounded. */
  readonly queues: readonly PoolQueueStatus[];
  readonly counters: PoolCountersStatus;
  /** Bounded. */
  readonly quarantined: readonly QuarantinedStatus[];
  readonly memoryBudgetBytesPerWorker: number;
  readonly stuckWorkers: number;
}

export interface ServerStatus {
  readonly version: string;
  readonly maxUploadBytes: number;
  isolation(): {
    readonly kind: IsolationKind;
    readonly walls: IsolationWalls;
    readonly threadsPerWorker: number;
  };
  importWalls(): Promise<ImportWalls>;
  /** Engines, the preferred first. */
  runtimes(): readonly RuntimeStatus[];
  pool(): PoolStatus;
  /** Why the model of a pack may not run now; `null` when it may. */
  quarantineOf(packDigest: string): QuarantineStatus | null;
}

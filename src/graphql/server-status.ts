/** What `serverInfo` and the readiness probe know of the server: facts, gathered by `app.ts`. */
import type { IsolationKind, IsolationWalls, RuntimeName } from '../inference/index.js';

export interface RuntimeStatus {
  readonly runtime: RuntimeName;
  readonly available: boolean;
  /** Its version, or why it is not available. */
  readonly detail: string;
}

export interface PoolWorkerStatus {
  readonly name: string;
  readonly state: string;
  readonly residentModels: number;
  readonly residentBytes: number;
}

export interface PoolStatus {
  readonly workers: readonly PoolWorkerStatus[];
  readonly queued: number;
  readonly queueLimit: number;
}

export interface ServerStatus {
  readonly version: string;
  readonly maxUploadBytes: number;
  isolation(): {
    readonly kind: IsolationKind;
    readonly walls: IsolationWalls;
    readonly threadsPerWorker: number;
  };
  /** Engines, the preferred first. */
  runtimes(): readonly RuntimeStatus[];
  pool(): PoolStatus;
}

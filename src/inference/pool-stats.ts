/** What the pool tells about itself. */
import type { Result } from '../lib/result.js';
import type { IsolationKind, IsolationWalls } from './isolation.js';
import type { Scheduling } from './fairness.js';
import type { ResidentModel, RuntimeReadiness } from './messages.js';
import type { Quarantined } from './quarantine.js';
import type { InferenceRefusal } from './types.js';
import { versionKeyOf } from './version-key.js';
import type { WorkerHandle, WorkerState } from './worker-handle.js';

/** A model in a worker's memory. */
export interface ResidentStats extends ResidentModel {
  /** Since a run last used it in this worker; since it was loaded when none has. */
  readonly idleMs: number;
}

/** What waits under one fairness key. */
export interface QueueStats {
  /** Opaque to the pool. */
  readonly fairnessKey: string;
  readonly queued: number;
  readonly bytes: number;
  /** How long the one that waits longest has waited. */
  readonly oldestMs: number;
}

export interface WorkerStats {
  readonly slot: number;
  /** `null` while the place waits for its next worker. */
  readonly name: string | null;
  readonly state: WorkerState['kind'] | 'waiting';
  /** Digest of the model that it loads or runs. */
  readonly busyWith: string | null;
  readonly residents: readonly ResidentStats[];
  readonly residentBytes: number;
  readonly runtimes: readonly RuntimeReadiness[];
  /** Workers that this place has used up. */
  readonly replaced: number;
  /** Workers that this place has had, the present one included. */
  readonly generation: number;
  /** Of the present worker: runs that it answered, and the time that they and its loads took. */
  readonly runs: number;
  readonly busyMs: number;
}

/** A model that is set aside because it took workers down. */
export interface QuarantineStats {
  readonly digest: string;
  readonly crashes: number;
  /** How the last worker ended: one sentence or less. */
  readonly reason: string;
  readonly remainingMs: number;
}

export interface PoolCounters {
  /** Jobs that got a place in the queue. */
  readonly admitted: number;
  readonly answered: number;
  readonly refused: Readonly<Record<InferenceRefusal['code'], number>>;
  /** Workers that died with a model in flight. */
  readonly crashes: number;
  /** Jobs that were sent to a second worker. */
  readonly retries: number;
  /** Workers given up because a model overstayed its time. */
  readonly overruns: number;
  /** Runs that were answered; each served one request or more. */
  readonly batches: number;
  /** Requests that shared their run with others. */
  readonly joined: number;
  /** Models that workers brought into memory, and that left it to make room. */
  readonly loads: number;
  readonly evictions: number;
}

export interface PoolStats {
  /** What separates the workers from the server and from each other. */
  readonly isolation: IsolationKind;
  readonly walls: IsolationWalls;
  /** Native threads that each worker computes with. */
  readonly threadsPerWorker: number;
  readonly scheduling: Scheduling;
  /** Of one run; 1: requests are not joined. */
  readonly maxBatchRows: number;
  readonly state: 'new' | 'running' | 'stopping' | 'stopped';
  readonly workers: readonly WorkerStats[];
  readonly queued: number;
  /** One per fairness key that has something waiting. */
  readonly queues: readonly QueueStats[];
  readonly inFlight: number;
  /** Threads that were given up and still hold a native call. */
  readonly stuckThreads: number;
  readonly quarantinedModels: number;
  readonly quarantined: readonly QuarantineStats[];
  readonly memoryBudgetBytesPerWorker: number;
  readonly counters: PoolCounters;
}

export interface Counters {
  recordAdmission(): void;
  recordResult(result: Result<unknown, InferenceRefusal>): void;
  recordCrash(): void;
  recordRetry(): void;
  recordOverrun(): void;
  /** @param requests that shared the run */
  recordRun(requests: number): void;
  recordLoad(): void;
  recordEvictions(models: number): void;
  read(): PoolCounters;
}

export function createCounters(): Counters {
  const refused: Record<InferenceRefusal['code'], number> = {
    OVERLOADED: 0,
    DEADLINE_EXCEEDED: 0,
    CANCELLED: 0,
    WORKER_LOST: 0,
    LOAD_FAILED: 0,
    RUNTIME_FAILED: 0,
  };
  const counts = {
    admitted: 0,
    answered: 0,
    crashes: 0,
    retries: 0,
    overruns: 0,
    batches: 0,
    joined: 0,
    loads: 0,
    evictions: 0,
  };
  return Object.freeze({
    recordAdmission: () => void (counts.admitted += 1),
    recordResult: (result: Result<unknown, InferenceRefusal>) => {
      if (result.ok) counts.answered += 1;
      else refused[result.error.code] += 1;
    },
    recordCrash: () => void (counts.crashes += 1),
    recordRetry: () => void (counts.retries += 1),
    recordOverrun: () => void (counts.overruns += 1),
    recordRun: (requests: number) => {
      counts.batches += 1;
      if (requests > 1) counts.joined += requests;
    },
    recordLoad: () => void (counts.loads += 1),
    recordEvictions: (models: number) => void (counts.evictions += models),
    read: () => ({ ...counts, refused: { ...refused } }),
  });
}

export function workerStatsOf(
  slot: { readonly index: number; readonly handle: WorkerHandle | null; readonly generation: number },
  nowMs: number,
): WorkerStats {
  const { handle } = slot;
  const residents = handle?.residents ?? [];
  return {
    slot: slot.index,
    name: handle?.name ?? null,
    state: handle?.state.kind ?? 'waiting',
    busyWith: handle?.state.kind === 'busy' ? handle.state.digest : null,
    residents: residents.map((model) => ({
      ...model,
      idleMs: nowMs - (handle?.usedAtMs(versionKeyOf(model)) ?? nowMs),
    })),
    residentBytes: residents.reduce((sum, { bytes }) => sum + bytes, 0),
    runtimes: handle?.runtimes ?? [],
    replaced: Math.max(0, slot.generation - 1),
    generation: slot.generation,
    runs: handle?.work.runs ?? 0,
    busyMs: handle?.work.busyMs ?? 0,
  };
}

export function quarantineStatsOf(
  { digest, crashes, reason, untilMs }: Quarantined & { readonly digest: string },
  nowMs: number,
): QuarantineStats {
  return { digest, crashes, reason, remainingMs: untilMs - nowMs };
}

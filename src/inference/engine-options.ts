/** How a pool is set up, and what it does where nothing is said. */
import { availableParallelism, totalmem } from 'node:os';
import { builtEntry } from '../lib/built-entry.js';
import { systemClock, type Clock } from '../lib/clock.js';
import type { Logger } from '../lib/logger.js';
import type { QueueBounds, Scheduling } from './fairness.js';
import type { IsolationKind } from './isolation.js';
import { defaultThreadsPerWorker, nativeEnvironment } from './native-environment.js';
import type { QuarantineRule } from './quarantine.js';
import { RUNTIMES, type RuntimeName } from './types.js';
import type { WorkerLimits } from './worker-handle.js';

export interface EngineOptions {
  readonly logger: Logger;
  readonly clock?: Clock;
  readonly workers: number;
  /** What a worker is. Default: a thread of this process. */
  readonly isolation?: IsolationKind;
  /** Native threads that one worker computes with. Default: the cores shared out among the workers. */
  readonly threadsPerWorker?: number;
  /** Engines that may serve. Default: all. */
  readonly runtimes?: readonly RuntimeName[];
  /** Model memory of all workers together. Default: a quarter of the machine's. */
  readonly memoryBudgetBytes?: number;
  readonly queue?: Partial<QueueBounds>;
  /** Rows that joined requests may have together; 1 switches joining off. Default: 64. */
  readonly maxBatchRows?: number;
  /** Default: fair. */
  readonly scheduling?: Scheduling;
  readonly limits?: Partial<WorkerLimits>;
  readonly quarantine?: Partial<QuarantineRule>;
  /** Threads that may be left behind in native calls before places stay empty. Default: as many as workers. */
  readonly maxStuckThreads?: number;
  /** JavaScript heap of each worker; tensors are not in it. */
  readonly maxHeapBytesPerWorker?: number;
  /** Memory that a worker process may hold besides its models: engines, inputs, outputs. Default: 1 GiB. */
  readonly engineAllowanceBytes?: number;
  /** Where native settings are written for threads. Default: the environment of this process. */
  readonly environment?: NodeJS.ProcessEnv;
  /** The compiled file that a worker runs. Tests give one with engines that misbehave. */
  readonly workerEntry?: URL;
}

export interface ResolvedOptions {
  readonly logger: Logger;
  readonly clock: Clock;
  readonly workers: number;
  readonly isolation: IsolationKind;
  readonly threadsPerWorker: number;
  readonly runtimes: readonly RuntimeName[];
  readonly memoryBudgetBytesPerWorker: number;
  readonly queue: QueueBounds;
  readonly maxBatchRows: number;
  readonly scheduling: Scheduling;
  readonly limits: WorkerLimits;
  readonly quarantine: QuarantineRule;
  readonly maxStuckThreads: number;
  readonly maxHeapBytesPerWorker: number;
  readonly engineAllowanceBytes: number;
  readonly nativeEnvironment: Readonly<Record<string, string>>;
  readonly environment: NodeJS.ProcessEnv;
  readonly workerEntry: URL;
  /** Whether engines' native libraries are tried in a child first; tests that bring their own engines need not. */
  readonly probesLibraries: boolean;
}

const MEBIBYTE = 2 ** 20;

const DEFAULT_QUEUE: QueueBounds = {
  maxQueued: 1024,
  maxQueuedPerKey: 256,
  maxQueuedBytes: 512 * MEBIBYTE,
  maxQueuedBytesPerKey: 256 * MEBIBYTE,
};
const DEFAULT_MAX_BATCH_ROWS = 64;
const DEFAULT_LIMITS: WorkerLimits = { startTimeoutMs: 30_000, loadTimeoutMs: 60_000, overrunGraceMs: 500 };
/** A process is killed, not awaited: what a late run costs is known, and the callers behind it wait less. */
const PROCESS_OVERRUN_GRACE_MS = 150;
const DEFAULT_QUARANTINE: QuarantineRule = { crashes: 3, windowMs: 60_000, quarantineMs: 5 * 60_000 };
const DEFAULT_HEAP_BYTES = 1024 * MEBIBYTE;
const DEFAULT_ENGINE_ALLOWANCE_BYTES = 1024 * MEBIBYTE;

/** @throws RangeError when a number makes no sense */
export function resolveOptions(options: EngineOptions): ResolvedOptions {
  const { workers } = options;
  if (!Number.isInteger(workers) || workers < 1) {
    throw new RangeError(`The number of inference workers must be a whole number from 1, not ${workers}.`);
  }
  const runtimes = options.runtimes ?? RUNTIMES;
  if (runtimes.length === 0) throw new RangeError('At least one inference engine must be allowed.');
  const budgetBytes = options.memoryBudgetBytes ?? availableMemoryBytes() / 4;
  const isolation = options.isolation ?? 'thread';
  const threadsPerWorker =
    options.threadsPerWorker ?? defaultThreadsPerWorker(workers, availableParallelism());
  const maxStuckThreads = options.maxStuckThreads ?? workers;
  // A process has one run, and does not outlive one that hangs.
  const runsAtOnce = isolation === 'thread' ? workers + maxStuckThreads : 1;
  return Object.freeze({
    logger: options.logger,
    clock: options.clock ?? systemClock,
    workers,
    isolation,
    threadsPerWorker,
    runtimes,
    memoryBudgetBytesPerWorker: Math.floor(budgetBytes / workers),
    queue: { ...DEFAULT_QUEUE, ...options.queue },
    maxBatchRows: options.maxBatchRows ?? DEFAULT_MAX_BATCH_ROWS,
    scheduling: options.scheduling ?? 'fair',
    limits: { ...defaultLimits(isolation), ...options.limits },
    quarantine: { ...DEFAULT_QUARANTINE, ...options.quarantine },
    maxStuckThreads,
    maxHeapBytesPerWorker: options.maxHeapBytesPerWorker ?? DEFAULT_HEAP_BYTES,
    engineAllowanceBytes: options.engineAllowanceBytes ?? DEFAULT_ENGINE_ALLOWANCE_BYTES,
    nativeEnvironment: nativeEnvironment(threadsPerWorker, runsAtOnce),
    environment: options.environment ?? process.env,
    probesLibraries: options.workerEntry === undefined,
    workerEntry: options.workerEntry ?? builtEntry(import.meta.url, './worker/main.js'),
  });
}

function defaultLimits(isolation: IsolationKind): WorkerLimits {
  if (isolation === 'thread') return DEFAULT_LIMITS;
  return { ...DEFAULT_LIMITS, overrunGraceMs: PROCESS_OVERRUN_GRACE_MS };
}

/** The machine's memory, or the container's limit where there is one. */
function availableMemoryBytes(): number {
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}

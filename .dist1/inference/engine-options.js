import { availableParallelism, totalmem } from "node:os";
import { builtEntry } from "../lib/built-entry.js";
import { systemClock } from "../lib/clock.js";
import { nativeEnvironment } from "./native-environment.js";
import { RUNTIMES } from "./types.js";
const MEBIBYTE = 2 ** 20;
const DEFAULT_QUEUE = {
  maxQueued: 1024,
  maxQueuedPerKey: 256,
  maxQueuedBytes: 512 * MEBIBYTE,
  maxQueuedBytesPerKey: 256 * MEBIBYTE
};
const DEFAULT_MAX_BATCH_ROWS = 64;
const DEFAULT_LIMITS = { startTimeoutMs: 3e4, loadTimeoutMs: 6e4, overrunGraceMs: 500 };
const DEFAULT_QUARANTINE = { crashes: 3, windowMs: 6e4, quarantineMs: 5 * 6e4 };
const DEFAULT_HEAP_BYTES = 1024 * MEBIBYTE;
function resolveOptions(options) {
  const { workers } = options;
  if (!Number.isInteger(workers) || workers < 1) {
    throw new RangeError(`The number of inference workers must be a whole number from 1, not ${workers}.`);
  }
  const runtimes = options.runtimes ?? RUNTIMES;
  if (runtimes.length === 0) throw new RangeError("At least one inference engine must be allowed.");
  const budgetBytes = options.memoryBudgetBytes ?? availableMemoryBytes() / 4;
  return Object.freeze({
    logger: options.logger,
    clock: options.clock ?? systemClock,
    workers,
    runtimes,
    memoryBudgetBytesPerWorker: Math.floor(budgetBytes / workers),
    queue: { ...DEFAULT_QUEUE, ...options.queue },
    maxBatchRows: options.maxBatchRows ?? DEFAULT_MAX_BATCH_ROWS,
    scheduling: options.scheduling ?? "fair",
    limits: { ...DEFAULT_LIMITS, ...options.limits },
    quarantine: { ...DEFAULT_QUARANTINE, ...options.quarantine },
    maxStuckThreads: options.maxStuckThreads ?? workers,
    maxHeapBytesPerWorker: options.maxHeapBytesPerWorker ?? DEFAULT_HEAP_BYTES,
    nativeEnvironment: nativeEnvironment({ workers, cores: availableParallelism() }),
    environment: options.environment ?? process.env,
    workerEntry: options.workerEntry ?? builtEntry(import.meta.url, "./worker/main.js")
  });
}
function availableMemoryBytes() {
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}
export {
  resolveOptions
};
//# sourceMappingURL=engine-options.js.map

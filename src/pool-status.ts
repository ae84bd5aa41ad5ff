/** The pool's own statistics in the shape of `serverInfo`: bounded lists, the most telling entries first. Pure. */
import type { PoolStatus, QuarantineStatus, RuntimeStatus } from './graphql/server-status.js';
import type { PoolStats, QuarantineStats, RuntimeReadiness } from './inference/index.js';

/** Tenants whose queues are shown. */
const MAX_QUEUES = 20;
const MAX_QUARANTINED = 100;

export interface PoolStatusContext {
  readonly queueLimit: number;
  readonly now: Date;
  /** An engine in a worker, with its version or why it cannot be used. */
  readonly describe: (readiness: RuntimeReadiness) => RuntimeStatus;
}

export function poolStatusOf(stats: PoolStats, context: PoolStatusContext): PoolStatus {
  const { counters } = stats;
  const { refused, ...counts } = counters;
  return {
    workers: stats.workers.map((worker) => ({
      name: worker.name ?? `slot-${worker.slot}`,
      state: worker.state,
      busyWith: worker.busyWith,
      residentModels: worker.residents.length,
      residentBytes: worker.residentBytes,
      residents: [...worker.residents]
        .sort((one, other) => one.idleMs - other.idleMs)
        .map(({ digest, runtime, bytes, idleMs }) => ({ packDigest: digest, runtime, bytes, idleMs })),
      runtimes: worker.runtimes.map(context.describe),
      runs: worker.runs,
      busyMs: worker.busyMs,
      replaced: worker.replaced,
    })),
    queued: stats.queued,
    queueLimit: context.queueLimit,
    inFlight: stats.inFlight,
    queues: [...stats.queues].sort((one, other) => other.queued - one.queued).slice(0, MAX_QUEUES),
    counters: {
      ...counts,
      refused: Object.entries(refused).map(([code, count]) => ({ code, count })),
    },
    quarantined: [...stats.quarantined]
      .sort((one, other) => other.remainingMs - one.remainingMs)
      .slice(0, MAX_QUARANTINED)
      .map((model) => ({ packDigest: model.digest, quarantine: quarantineStatusOf(model, context.now) })),
    memoryBudgetBytesPerWorker: stats.memoryBudgetBytesPerWorker,
    stuckWorkers: stats.stuckThreads,
  };
}

export function quarantineStatusOf(
  { reason, crashes, remainingMs }: QuarantineStats,
  now: Date,
): QuarantineStatus {
  return { reason, crashes, until: new Date(now.getTime() + remainingMs) };
}

/**
 * The inference pool on the page: read from what the pool tells about itself when the page is asked for, so that a
 * prediction pays nothing for it. Places are labelled with their number, not with the worker in it: its name changes.
 */
import { Counter, Gauge, type Registry } from 'prom-client';
import type { PoolStats, WorkerStats } from '../inference/index.js';

/** What of it is shown; the pool's own statistics fit. */
export type PoolReading = Pick<
  PoolStats,
  'workers' | 'queued' | 'queues' | 'inFlight' | 'stuckThreads' | 'quarantinedModels' | 'counters'
> & { readonly queueLimit: number; readonly memoryBudgetBytesPerWorker: number };

type Labelled = readonly (readonly [label: string, value: number])[];

interface PoolMetric {
  readonly name: string;
  readonly help: string;
  readonly label?: string;
  readonly read: (pool: PoolReading) => number | Labelled;
}

const bySlot = (read: (worker: WorkerStats) => number) => ({
  label: 'slot',
  read: ({ workers }: PoolReading): Labelled =>
    workers.map((worker) => [String(worker.slot), read(worker)] as const),
});

const GAUGES: readonly PoolMetric[] = [
  {
    name: 'souk_pool_queued',
    help: 'Predictions that wait for a worker now.',
    read: ({ queued }) => queued,
  },
  {
    name: 'souk_pool_queue_limit',
    help: 'Most predictions that may wait.',
    read: ({ queueLimit }) => queueLimit,
  },
  {
    name: 'souk_pool_waiting_tenants',
    help: 'Tenants with predictions that wait now.',
    read: ({ queues }) => queues.length,
  },
  {
    name: 'souk_pool_oldest_wait_seconds',
    help: 'How long the prediction has waited that waits longest; 0 when none does.',
    read: ({ queues }) => queues.reduce((most, { oldestMs }) => Math.max(most, oldestMs), 0) / 1000,
  },
  {
    name: 'souk_pool_in_flight',
    help: 'Runs that workers have in their hands now.',
    read: ({ inFlight }) => inFlight,
  },
  {
    name: 'souk_pool_workers',
    help: 'Places of the pool by the state of their worker.',
    label: 'state',
    read: ({ workers }) => countBy(workers, ({ state }) => state),
  },
  {
    name: 'souk_pool_resident_models',
    help: 'Models in the memory of the worker of a place.',
    ...bySlot(({ residents }) => residents.length),
  },
  {
    name: 'souk_pool_resident_bytes',
    help: 'Measured bytes of the models in the memory of the worker of a place.',
    ...bySlot(({ residentBytes }) => residentBytes),
  },
  {
    name: 'souk_pool_memory_budget_bytes',
    help: 'Bytes of models that each worker may hold.',
    read: ({ memoryBudgetBytesPerWorker }) => memoryBudgetBytesPerWorker,
  },
  {
    name: 'souk_pool_quarantined_models',
    help: 'Models set aside now because they took workers down.',
    read: ({ quarantinedModels }) => quarantinedModels,
  },
  {
    name: 'souk_pool_stuck_workers',
    help: 'Workers that were given up and still hold a native call.',
    read: ({ stuckThreads }) => stuckThreads,
  },
];

const COUNTERS: readonly PoolMetric[] = [
  {
    name: 'souk_pool_admitted_total',
    help: 'Predictions that got a place in the queue.',
    read: ({ counters }) => counters.admitted,
  },
  {
    name: 'souk_pool_answered_total',
    help: 'Predictions that the pool answered.',
    read: ({ counters }) => counters.answered,
  },
  {
    name: 'souk_pool_refusals_total',
    help: 'Predictions that the pool refused, by code.',
    label: 'code',
    read: ({ counters }) => Object.entries(counters.refused),
  },
  {
    name: 'souk_pool_runs_total',
    help: 'Runs that were answered; each served one request or more.',
    read: ({ counters }) => counters.batches,
  },
  {
    name: 'souk_pool_joined_total',
    help: 'Requests that shared their run with others.',
    read: ({ counters }) => counters.joined,
  },
  {
    name: 'souk_pool_loads_total',
    help: 'Models that workers brought into memory.',
    read: ({ counters }) => counters.loads,
  },
  {
    name: 'souk_pool_evictions_total',
    help: 'Models that left memory to make room.',
    read: ({ counters }) => counters.evictions,
  },
  {
    name: 'souk_pool_retries_total',
    help: 'Predictions that were sent to a second worker because the first was lost.',
    read: ({ counters }) => counters.retries,
  },
  {
    name: 'souk_pool_crashes_total',
    help: 'Workers that died with a model in flight.',
    read: ({ counters }) => counters.crashes,
  },
  {
    name: 'souk_pool_overruns_total',
    help: 'Workers given up because a model overstayed its time.',
    read: ({ counters }) => counters.overruns,
  },
  {
    name: 'souk_pool_workers_replaced_total',
    help: 'Workers that a place has used up.',
    ...bySlot(({ replaced }) => replaced),
  },
  {
    name: 'souk_pool_worker_runs_total',
    help: 'Runs that the present worker of a place has answered.',
    ...bySlot(({ runs }) => runs),
  },
  {
    name: 'souk_pool_worker_busy_seconds_total',
    help: 'Time that the present worker of a place has spent on runs and loads.',
    ...bySlot(({ busyMs }) => busyMs / 1000),
  },
];

/** Registers the pool's metrics. Returns what must be called before the page is made: it reads the pool, once. */
export function registerPoolMetrics(registry: Registry, read: () => PoolReading): () => void {
  let pool: PoolReading | null = null;

  function valuesOf(metric: PoolMetric): Labelled {
    if (pool === null) return [];
    const values = metric.read(pool);
    return typeof values === 'number' ? [['', values]] : values;
  }

  for (const metric of GAUGES) {
    const { name, help, label } = metric;
    new Gauge({
      name,
      help,
      labelNames: label === undefined ? [] : [label],
      registers: [registry],
      collect() {
        this.reset();
        for (const [value, amount] of valuesOf(metric)) {
          this.set(label === undefined ? {} : { [label]: value }, amount);
        }
      },
    });
  }
  for (const metric of COUNTERS) {
    const { name, help, label } = metric;
    new Counter({
      name,
      help,
      labelNames: label === undefined ? [] : [label],
      registers: [registry],
      collect() {
        this.reset();
        for (const [value, amount] of valuesOf(metric)) {
          this.inc(label === undefined ? {} : { [label]: value }, amount);
        }
      },
    });
  }
  return () => {
    pool = read();
  };
}

function countBy<T>(items: readonly T[], keyOf: (item: T) => string): Labelled {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(keyOf(item), (counts.get(keyOf(item)) ?? 0) + 1);
  return [...counts];
}

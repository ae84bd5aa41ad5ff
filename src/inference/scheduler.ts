/** Where a run or a load goes: pure decisions over views of the workers, tested without a thread. */
import type { RuntimeName } from './types.js';

/** One worker as the scheduler sees it. */
export interface WorkerView {
  readonly slot: number;
  /** Runs that it can be given now: 0 when it is away, loading or full. */
  readonly places: number;
  /** Nothing in its hands. */
  readonly idle: boolean;
  readonly freeBytes: number;
  canRun(runtime: RuntimeName): boolean;
  /** By version key. */
  holds(version: string): boolean;
}

/**
 * A worker with the model and a free place: an idle one before one that has a run in its hands. Equal choices go to
 * the lowest slot: the busy end of the pool stays warm.
 * @param mayPostAhead whether the run may be sent to a worker that still has one
 */
export function chooseRunner<W extends WorkerView>(
  version: string,
  workers: readonly W[],
  mayPostAhead: (worker: W) => boolean,
): W | null {
  let ahead: W | null = null;
  for (const worker of workers) {
    if (worker.places === 0 || !worker.holds(version)) continue;
    if (worker.idle) return worker;
    if (ahead === null && mayPostAhead(worker)) ahead = worker;
  }
  return ahead;
}

/**
 * Where a model is loaded: an idle worker that does not have it. Before others comes one whose absence no neighbour
 * will notice (`missedBy` tells how many busy models only this worker has), then the one with most room, so that
 * loading evicts as little as possible.
 */
export function chooseLoader<W extends WorkerView>(
  version: string,
  runtime: RuntimeName,
  workers: readonly W[],
  missedBy: (worker: W) => number,
): W | null {
  let best: W | null = null;
  let bestMissed = Infinity;
  for (const worker of workers) {
    if (!worker.idle || !worker.canRun(runtime) || worker.holds(version)) continue;
    const missed = missedBy(worker);
    if (best !== null) {
      if (missed > bestMissed) continue;
      if (missed === bestMissed && worker.freeBytes <= best.freeBytes) continue;
    }
    best = worker;
    bestMissed = missed;
  }
  return best;
}

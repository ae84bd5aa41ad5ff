/** Where a job runs: a pure decision over snapshots, so that it can be tested without a thread. */
import type { RunnableArtifact, RuntimeName } from './types.js';

/** One worker as the scheduler sees it. */
export interface WorkerSnapshot {
  readonly slot: number;
  readonly idle: boolean;
  readonly runtimes: readonly RuntimeName[];
  /** Digests of the models in its memory. */
  readonly residents: ReadonlySet<string>;
  readonly freeBytes: number;
}

export type Placement = { readonly kind: 'run'; readonly slot: number } | { readonly kind: 'wait' };

/**
 * An idle worker that holds the model; else the idle one with most room, so that loading evicts as little
 * as possible; else wait. Equal choices go to the lowest slot: the busy end of the pool stays warm.
 */
export function chooseWorker(
  artifact: Pick<RunnableArtifact, 'digest' | 'runtime'>,
  workers: readonly WorkerSnapshot[],
): Placement {
  let best: WorkerSnapshot | null = null;
  for (const worker of workers) {
    if (!worker.idle || !worker.runtimes.includes(artifact.runtime)) continue;
    if (best === null || isBetter(worker, best, artifact.digest)) best = worker;
  }
  return best === null ? { kind: 'wait' } : { kind: 'run', slot: best.slot };
}

function isBetter(candidate: WorkerSnapshot, best: WorkerSnapshot, digest: string): boolean {
  const candidateHolds = candidate.residents.has(digest);
  if (candidateHolds !== best.residents.has(digest)) return candidateHolds;
  if (candidate.freeBytes !== best.freeBytes) return candidate.freeBytes > best.freeBytes;
  return candidate.slot < best.slot;
}

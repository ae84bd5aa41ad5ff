/**
 * Computing gives way to serving: where all cores compute, the thread that reads and answers requests would wait
 * for its turn behind workers that are busy for milliseconds on end. A lower priority costs a worker nothing while a
 * core is free.
 */
import { setPriority } from 'node:os';

/** As `nice 10`: about a tenth of a contested core's time. */
const WORKER_NICENESS = 10;

/**
 * Of the calling thread, and of the native threads that it starts from then on: on Linux a priority belongs to a thread,
 * and 0 means the one that asks. Elsewhere it belongs to the process, so there only a process may lower it.
 */
export function yieldCores(isProcess: boolean): void {
  if (!isProcess && process.platform !== 'linux') return;
  try {
    setPriority(0, WORKER_NICENESS);
  } catch {
    // Not allowed here: workers then compete as equals, which is slower for callers, and right all the same.
  }
}

/** A lock between the threads of a pool, for the moments in which a native library must not be entered twice. */
const FREE = 0;
const TAKEN = 1;
/** Whoever holds it longer has died with it. */
const MAX_WAIT_MS = 5_000;

/** One for each pool; every thread gets it. */
export function createThreadLock(): SharedArrayBuffer {
  return new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
}

/**
 * Runs `work` while no other thread with the same lock runs its own. Blocks the thread while it waits.
 * @param memory `null` where there is no other thread
 */
export function inTurn<T>(memory: SharedArrayBuffer | null, work: () => T): T {
  if (memory === null) return work();
  const state = new Int32Array(memory);
  while (Atomics.compareExchange(state, 0, FREE, TAKEN) !== FREE) {
    if (Atomics.wait(state, 0, TAKEN, MAX_WAIT_MS) === 'timed-out') break;
  }
  try {
    return work();
  } finally {
    Atomics.store(state, 0, FREE);
    Atomics.notify(state, 0, 1);
  }
}

// When the requests of an open loop are due; pure. What is due is due, however late the server is: latency counts
// from that instant, so a stall is felt by every request that would have come during it ("coordinated omission").

/** @returns {{count: number, dueMs: (index: number) => number}} instants in ms after the start */
export function openLoop({ ratePerSecond, seconds }) {
  const count = Math.max(1, Math.round(ratePerSecond * seconds));
  const intervalMs = 1_000 / ratePerSecond;
  return { count, dueMs: (index) => index * intervalMs };
}

/** How many of them are due once `elapsedMs` have passed. */
export function dueBy({ count, dueMs }, elapsedMs) {
  if (elapsedMs < 0) return 0;
  const intervalMs = dueMs(1) - dueMs(0);
  // The division can land just below a whole number that the multiplication had reached.
  return Math.min(count, Math.floor(elapsedMs / intervalMs + 1e-9) + 1);
}

/**
 * The latencies of the requests that were due in [fromMs, toMs).
 * @param samples {{dueMs: ArrayLike<number>, latencyMs: ArrayLike<number>}} in any order
 */
export function latenciesDueIn({ dueMs, latencyMs }, fromMs, toMs) {
  return Float64Array.from(latencyMs).filter((_, index) => dueMs[index] >= fromMs && dueMs[index] < toMs);
}

const MOST_AHEAD_MS = 0.25;

/** How long before a request is due the generator is woken for it: a small part of the time between two. */
export function aheadMs(intervalMs) {
  return Math.min(MOST_AHEAD_MS, intervalMs / 16);
}

/** When the next request is due, if that is so soon that the generator should wait for it; else `null`. */
export function nextWithin({ count, dueMs }, next, elapsedMs) {
  if (next >= count) return null;
  const waitMs = dueMs(next) - elapsedMs;
  return waitMs > 0 && waitMs <= aheadMs(dueMs(1) - dueMs(0)) ? dueMs(next) : null;
}

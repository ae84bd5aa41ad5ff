/**
 * The generic cell rate algorithm: a rate limit whose whole state is one number, the theoretical arrival
 * time (TAT). `burst` may come at once; afterwards one is admitted per `intervalMs`. Equal to a leaky
 * bucket, but without a timer and exact under any spacing of requests.
 */
export interface GcraRate {
  /** How many may come at once, at least 1. */
  readonly burst: number;
  /** Milliseconds in which one more becomes available, more than 0. */
  readonly intervalMs: number;
}

export interface GcraDecision {
  readonly admitted: boolean;
  /** The state to keep. Unchanged by a refusal, so that refused callers do not push themselves further away. */
  readonly tatMs: number;
  /** After how many milliseconds the same request is admitted; 0 when it was, Infinity when it never can be. */
  readonly retryAfterMs: number;
}

/** @param tatMs the state kept from the last decision, `null` for a newcomer @param cost how many at once */
export function admitGcra(tatMs: number | null, rate: GcraRate, nowMs: number, cost = 1): GcraDecision {
  // A state from the past is as good as none: what was not used does not add up beyond the burst.
  const start = Math.max(tatMs ?? nowMs, nowMs);
  const next = start + cost * rate.intervalMs;
  const excessMs = next - nowMs - rate.burst * rate.intervalMs;
  if (excessMs <= 0) return { admitted: true, tatMs: next, retryAfterMs: 0 };
  const retryAfterMs = cost > rate.burst ? Infinity : excessMs;
  return { admitted: false, tatMs: tatMs ?? nowMs, retryAfterMs };
}

/** Gives back what an admitted request turned out not to need. The result may lie in the past: that is "unused". */
export function refundGcra(tatMs: number, rate: GcraRate, cost = 1): number {
  return tatMs - cost * rate.intervalMs;
}

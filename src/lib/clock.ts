/** The one source of time, so that tests can hold it still. */
export interface Clock {
  /** Wall time, for what is shown and stored. */
  now(): Date;
  /** Milliseconds that never run backwards, for durations and deadlines. */
  monotonicMs(): number;
}

export const systemClock: Clock = Object.freeze({
  now: () => new Date(),
  monotonicMs: () => performance.now(),
});

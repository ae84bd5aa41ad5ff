/** Lets a few run at once and a few more wait, for a bounded time; refuses the rest at once. */
export interface Gate {
  /** The work's value, or `null` when there was no room or no turn in time. Faults of the work are thrown. */
  run<T>(work: () => Promise<T>): Promise<{ readonly value: T } | null>;
}

export interface GateLimits {
  readonly concurrency: number;
  readonly maxWaiting: number;
  readonly maxWaitMs: number;
}

export function createGate({ concurrency, maxWaiting, maxWaitMs }: GateLimits): Gate {
  let running = 0;
  const waiting = new Set<(admitted: boolean) => void>();

  function enter(): boolean | Promise<boolean> {
    if (running < concurrency) {
      running++;
      return true;
    }
    if (waiting.size >= maxWaiting) return false;
    return new Promise((resolve) => {
      const timer = setTimeout(() => settle(false), maxWaitMs);
      function settle(admitted: boolean): void {
        clearTimeout(timer);
        waiting.delete(settle);
        resolve(admitted);
      }
      waiting.add(settle);
    });
  }

  /** Hands the place on to who has waited longest, so that it never looks free in between. */
  function leave(): void {
    const [next] = waiting;
    if (next === undefined) running--;
    else next(true);
  }

  return Object.freeze({
    async run<T>(work: () => Promise<T>) {
      if (!(await enter())) return null;
      try {
        return { value: await work() };
      } finally {
        leave();
      }
    },
  });
}

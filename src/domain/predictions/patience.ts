/** How long a caller waits, and whether it is still there. */
import type { Clock } from '../../lib/clock.js';
import { callerGone, deadlineExceeded, type DeadlineExceeded, type PredictionFailed } from './errors.js';

export interface Patience {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  remainingMs(): number;
  /** The refusal once the time is up or the caller has gone, else `null`. */
  over(): DeadlineExceeded | PredictionFailed | null;
  /**
   * What `work` resolves to, or the refusal if that comes first. The work itself goes on.
   * @throws what `work` rejects with
   */
  wait<T>(
    work: Promise<T>,
  ): Promise<{ readonly done: T } | { readonly over: DeadlineExceeded | PredictionFailed }>;
  /** Sleeps, but not longer than the caller waits. */
  pause(ms: number): Promise<void>;
}

export function createPatience(clock: Clock, timeoutMs: number, signal: AbortSignal): Patience {
  const deadlineMs = clock.monotonicMs() + timeoutMs;
  const remainingMs = () => deadlineMs - clock.monotonicMs();
  const over = () =>
    signal.aborted ? callerGone() : remainingMs() <= 0 ? deadlineExceeded(timeoutMs) : null;

  /** Resolves after `ms` or when the caller goes; `cancel` ends both. */
  function alarm(ms: number): { readonly rings: Promise<void>; cancel(): void } {
    let cancel = () => undefined as void;
    const rings = new Promise<void>((resolve) => {
      const ring = () => {
        cancel();
        resolve();
      };
      const timer = setTimeout(ring, Math.max(0, ms));
      signal.addEventListener('abort', ring, { once: true });
      cancel = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', ring);
      };
      if (signal.aborted) ring();
    });
    return { rings, cancel: () => cancel() };
  }

  return Object.freeze<Patience>({
    timeoutMs,
    signal,
    remainingMs,
    over,
    async wait<T>(work: Promise<T>) {
      const end = alarm(remainingMs());
      try {
        return await Promise.race([
          work.then((done) => ({ done })),
          end.rings.then(() => ({ over: over() ?? deadlineExceeded(timeoutMs) })),
        ]);
      } finally {
        end.cancel();
      }
    },
    async pause(ms: number) {
      await alarm(Math.min(ms, remainingMs())).rings;
    },
  });
}

/**
 * The raw body of a request as a stream of chunks, which a sender must keep fed: one that stalls, or drips
 * a byte now and then, holds a connection, a file and a place, and is cut.
 */
import type { IncomingMessage } from 'node:http';

export interface BodyTimes {
  /** Longest pause between two chunks. */
  readonly idleMs: number;
  /** After this much waiting, the average below counts. */
  readonly graceMs: number;
  readonly minBytesPerSecond: number;
}

export const DEFAULT_BODY_TIMES: BodyTimes = Object.freeze({
  idleMs: 30_000,
  graceMs: 60_000,
  minBytesPerSecond: 1024,
});

export interface UploadBody {
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Fires when the sender is too slow. */
  readonly tooSlow: AbortSignal;
  /** Ends the watch and lets go of the request, whose rest is then nobody's. */
  release(): void;
}

/** @param onFirstRead called when the first chunk is asked for: the moment to say `100 Continue` */
export function readBody(request: IncomingMessage, times: BodyTimes, onFirstRead: () => void): UploadBody {
  const slow = new AbortController();
  let waitingSinceMs: number | null = null;
  // Only waiting counts: while our disk is the slow part, the sender is not to blame.
  let waitedMs = 0;
  let bytes = 0;

  const watch = setInterval(
    () => {
      const pauseMs = waitingSinceMs === null ? 0 : performance.now() - waitingSinceMs;
      const totalMs = waitedMs + pauseMs;
      const isDripping = totalMs > times.graceMs && (bytes / totalMs) * 1000 < times.minBytesPerSecond;
      if (pauseMs > times.idleMs || isDripping) slow.abort();
    },
    Math.min(1_000, Math.ceil(times.idleMs / 4)),
  );

  // Without `destroyOnReturn: false` letting go would cut the connection, and the reply with it.
  const iterator = request.iterator({ destroyOnReturn: false }) as AsyncIterator<Uint8Array>;

  async function* chunks(): AsyncGenerator<Uint8Array> {
    onFirstRead();
    for (;;) {
      waitingSinceMs = performance.now();
      const step = await iterator.next();
      waitedMs += performance.now() - waitingSinceMs;
      waitingSinceMs = null;
      if (step.done === true) return;
      bytes += step.value.length;
      yield step.value;
    }
  }

  return Object.freeze({
    chunks: chunks(),
    tooSlow: slow.signal,
    release() {
      clearInterval(watch);
      void iterator.return?.().catch(() => undefined);
    },
  });
}

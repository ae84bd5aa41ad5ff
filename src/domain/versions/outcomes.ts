/** Lets requests wait for the end of a publication, whichever process runs it. */
import type { Logger } from '../../lib/logger.js';

export interface Outcomes {
  /** Wakes whoever waits for the publication in this process. */
  announce(publicationId: string): void;
  /** Resolves when the publication has ended, the time is up, or the signal fires. */
  wait(publicationId: string, waitMs: number, signal: AbortSignal | undefined): Promise<void>;
}

export interface OutcomesDeps {
  readonly log: Logger;
  /** Of these publications, the ones that have ended. */
  readonly endedAcrossTenants: (publicationIds: readonly string[]) => Promise<readonly string[]>;
}

/** Between two looks at the rows: what another process ended is seen this late at worst. */
const POLL_MS = 500;

/** However many requests wait, one statement per poll asks for all of them; nobody waits: nothing is asked. */
export function createOutcomes({ log, endedAcrossTenants }: OutcomesDeps): Outcomes {
  const waiting = new Map<string, Set<() => void>>();
  let isPolling = false;

  function announce(publicationId: string): void {
    for (const wake of [...(waiting.get(publicationId) ?? [])]) wake();
  }

  function pollLater(): void {
    if (isPolling || waiting.size === 0) return;
    isPolling = true;
    setTimeout(() => {
      endedAcrossTenants([...waiting.keys()])
        .then((ended) => ended.forEach(announce))
        .catch((error: unknown) => {
          // Whoever waits has a deadline, and reads the row itself at the end.
          log.warn({ err: error }, 'the outcomes of publications could not be read; trying again');
        })
        .finally(() => {
          isPolling = false;
          pollLater();
        });
    }, POLL_MS).unref();
  }

  return Object.freeze({
    announce,
    wait(publicationId: string, waitMs: number, signal: AbortSignal | undefined): Promise<void> {
      if (waitMs <= 0 || signal?.aborted === true) return Promise.resolve();
      return new Promise((resolve) => {
        const mine = waiting.get(publicationId) ?? new Set<() => void>();
        const wake = () => {
          clearTimeout(timer);
          signal?.removeEventListener('abort', wake);
          mine.delete(wake);
          if (mine.size === 0 && waiting.get(publicationId) === mine) waiting.delete(publicationId);
          resolve();
        };
        const timer = setTimeout(wake, waitMs);
        signal?.addEventListener('abort', wake, { once: true });
        waiting.set(publicationId, mine.add(wake));
        pollLater();
      });
    },
  });
}

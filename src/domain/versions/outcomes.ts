/** Lets a request wait for the end of a publication, whichever process runs it. */
import type { Clock } from '../../lib/clock.js';
import { isFinished, type Publication } from './publication.js';

export interface Outcomes {
  /** Wakes whoever waits for the publication in this process. */
  announce(publicationId: string): void;
  /** The publication as soon as it is finished, or as it is when the time is up or the signal fires. */
  wait(
    publicationId: string,
    read: () => Promise<Publication | null>,
    options: { readonly waitMs: number; readonly signal?: AbortSignal | undefined },
  ): Promise<Publication | null>;
}

/** Between two looks at the row: what another process did is seen this late at worst. */
const POLL_MS = 500;

export function createOutcomes({ clock }: { readonly clock: Clock }): Outcomes {
  const waiters = new Map<string, Set<() => void>>();

  function pause(publicationId: string, ms: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const mine = waiters.get(publicationId) ?? new Set();
      waiters.set(publicationId, mine);
      const wake = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', wake);
        mine.delete(wake);
        if (mine.size === 0 && waiters.get(publicationId) === mine) waiters.delete(publicationId);
        resolve();
      };
      const timer = setTimeout(wake, ms);
      signal?.addEventListener('abort', wake, { once: true });
      mine.add(wake);
    });
  }

  return Object.freeze({
    announce(publicationId: string) {
      for (const wake of [...(waiters.get(publicationId) ?? [])]) wake();
    },
    async wait(
      publicationId: string,
      read: () => Promise<Publication | null>,
      { waitMs, signal }: { readonly waitMs: number; readonly signal?: AbortSignal | undefined },
    ) {
      const deadlineMs = clock.monotonicMs() + waitMs;
      for (;;) {
        const publication = await read();
        const leftMs = deadlineMs - clock.monotonicMs();
        if (publication === null || isFinished(publication) || leftMs <= 0 || signal?.aborted === true) {
          return publication;
        }
        await pause(publicationId, Math.min(POLL_MS, leftMs), signal);
      }
    },
  });
}

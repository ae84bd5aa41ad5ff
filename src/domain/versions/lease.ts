/** One hold on a publication: renews the lease while the import runs, and carries its progress to the row. */
import type { Transactions } from '../../database/index.js';
import type { Clock } from '../../lib/clock.js';
import type { Logger } from '../../lib/logger.js';
import type { Publication, PublicationPhase } from './publication.js';
import { renewLease } from './publications-store.js';

export interface LeaseTimes {
  /** How long a publication belongs to a process that says nothing. */
  readonly leaseMs: number;
  /** Shortest time between two writes of progress. */
  readonly progressEveryMs: number;
}

export const DEFAULT_LEASE_TIMES: LeaseTimes = Object.freeze({ leaseMs: 15_000, progressEveryMs: 250 });

export interface LeaseProgress {
  readonly phase: PublicationPhase;
  /** 0 to 1 over the whole publication. */
  readonly fraction: number;
}

export interface Lease {
  /** A new phase is written at once, more of the same one within `progressEveryMs`. */
  report(progress: LeaseProgress): void;
  /** Stops renewing; resolves when the last write has ended. */
  release(): Promise<void>;
}

/** `onLost` is called once when somebody else holds the publication: whatever is running is then for nothing. */
export function holdLease(
  deps: { readonly database: Transactions; readonly clock: Clock; readonly log: Logger },
  times: LeaseTimes,
  publication: Pick<Publication, 'id' | 'tenantId'>,
  owner: string,
  onLost: () => void,
): Lease {
  const { id, tenantId } = publication;
  let latest: LeaseProgress | null = null;
  let phase: PublicationPhase | null = null;
  let isReleased = false;
  let writtenAtMs = deps.clock.monotonicMs();
  let writing: Promise<void> = Promise.resolve();
  let isWriting = false;

  const timer = setInterval(() => {
    const isDue = deps.clock.monotonicMs() - writtenAtMs >= times.leaseMs / 4;
    if (isWriting || (latest === null && !isDue)) return;
    writing = write();
  }, times.progressEveryMs);

  /** One write at a time; what a phase is, is seen as soon as the one before is written. */
  function writeNow(): void {
    if (isWriting || isReleased) return;
    writing = write();
  }

  /** What was reported while another write was under way. */
  const newest = (): LeaseProgress | null => latest;

  async function write(): Promise<void> {
    isWriting = true;
    const progress = latest;
    latest = null;
    try {
      const isHeld = await deps.database.sql({ tenantId }, (query) =>
        renewLease(query, tenantId, id, owner, times.leaseMs, progress),
      );
      writtenAtMs = deps.clock.monotonicMs();
      if (!isHeld) {
        isReleased = true;
        clearInterval(timer);
        onLost();
      }
    } catch (error) {
      // The database may come back before the lease ends; if not, the end of the import finds it lost.
      deps.log.warn({ err: error, publicationId: id }, 'the lease of a publication could not be renewed');
    } finally {
      isWriting = false;
    }
    const next = newest();
    if (next !== null && next.phase !== progress?.phase) writeNow();
  }

  return Object.freeze({
    report(progress: LeaseProgress) {
      latest = progress;
      if (progress.phase === phase) return;
      phase = progress.phase;
      writeNow();
    },
    async release() {
      isReleased = true;
      clearInterval(timer);
      await writing;
    },
  });
}

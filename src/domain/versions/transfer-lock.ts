/**
 * The right to write a transfer: of one request of one process at a time.
 *
 * It is a lease in the transfer's row, renewed while it is held; a process that dies stops renewing. The
 * holder reckons its end by its own clock from before each renewal was sent, and writes nothing after
 * that, so two never write at once even when the event loop of one stood still.
 */
import { randomBytes } from 'node:crypto';
import type { Transactions } from '../../database/index.js';
import type { Clock } from '../../lib/clock.js';
import type { Logger } from '../../lib/logger.js';
import type { TransferRow, TransferTimes } from './transfer.js';
import { dropLock, renewLock, takeLock } from './transfers-store.js';

export interface TransferLock {
  readonly id: string;
  readonly token: string;
  readonly row: TransferRow;
  /** Fires when the lock is lost, or was asked for while the sender is silent. */
  readonly signal: AbortSignal;
  /** Lets the chunks through as long as the lock is held. */
  guard(source: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array>;
  release(): Promise<void>;
}

export interface LockDeps {
  readonly database: Transactions;
  readonly clock: Clock;
  readonly log: Logger;
  readonly times: TransferTimes;
}

/** `null`: somebody else has it, or there is no such transfer. */
export async function lockTransfer(
  { database, clock, log, times }: LockDeps,
  tenantId: string,
  id: string,
): Promise<TransferLock | null> {
  const token = randomBytes(12).toString('hex');
  let heldUntilMs = clock.monotonicMs() + times.leaseMs;
  const row = await database.sql({ tenantId }, (query) =>
    takeLock(query, tenantId, id, token, times.leaseMs),
  );
  if (row === null) return null;

  const lost = new AbortController();
  let lastChunkMs = clock.monotonicMs();
  let isRenewing = false;
  let renewing: Promise<void> = Promise.resolve();
  const timer = setInterval(() => {
    if (clock.monotonicMs() >= heldUntilMs) lost.abort();
    if (!isRenewing && !lost.signal.aborted) renewing = renew();
  }, times.renewEveryMs);

  async function renew(): Promise<void> {
    isRenewing = true;
    const untilMs = clock.monotonicMs() + times.leaseMs;
    try {
      const renewed = await database.sql({ tenantId }, (query) =>
        renewLock(query, tenantId, id, token, times.leaseMs),
      );
      if (renewed === null) return lost.abort();
      heldUntilMs = untilMs;
      if (renewed.isAsked && clock.monotonicMs() - lastChunkMs >= times.quietMs) lost.abort();
    } catch (error) {
      // The database may come back before the lease ends; if not, the clock ends it.
      log.warn({ err: error, uploadId: id }, 'the lock of an upload could not be renewed');
    } finally {
      isRenewing = false;
    }
  }

  async function* guard(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of source) {
      lastChunkMs = clock.monotonicMs();
      if (lost.signal.aborted || lastChunkMs >= heldUntilMs)
        throw new Error('The lock of the upload is lost.');
      yield chunk;
    }
  }

  return Object.freeze({
    id,
    token,
    row,
    signal: lost.signal,
    guard,
    async release() {
      clearInterval(timer);
      await renewing;
      await database.sql({ tenantId }, (query) => dropLock(query, tenantId, id, token));
    },
  });
}

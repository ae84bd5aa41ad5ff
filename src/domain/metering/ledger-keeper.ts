import type { Logger } from '../../lib/logger.js';

export interface LedgerKeeperOptions {
  /** What it does, for the log: "fold usage". */
  readonly what: string;
  readonly work: () => Promise<unknown>;
  readonly everyMs: number;
  /** After a failure; `everyMs` when left away. */
  readonly retryMs?: number;
  readonly log: Pick<Logger, 'warn'>;
}

/**
 * Does a piece of the ledger's upkeep at once and then at intervals, never twice at a time. A failure (the database is
 * away, a lock was not to be had) is logged and tried again: nothing that is kept here is needed for a charge to be right.
 */
export class LedgerKeeper {
  readonly #options: LedgerKeeperOptions;
  #timer: NodeJS.Timeout | null = null;
  #running: Promise<void> = Promise.resolve();
  #isStopped = false;

  constructor(options: LedgerKeeperOptions) {
    this.#options = options;
  }

  /** Resolves after the first time, whether it worked or not. */
  start(): Promise<void> {
    return this.#workThenWait();
  }

  /** Resolves when what is being done has ended. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#running;
  }

  #workThenWait(): Promise<void> {
    const { work, everyMs, retryMs, what, log } = this.#options;
    this.#running = work()
      .then(
        () => everyMs,
        (error: unknown) => {
          log.warn({ err: error, what }, 'A part of the ledger’s upkeep failed; trying again later.');
          return retryMs ?? everyMs;
        },
      )
      .then((waitMs) => {
        if (this.#isStopped) return;
        this.#timer = setTimeout(() => void this.#workThenWait(), waitMs);
        this.#timer.unref();
      });
    return this.#running;
  }
}

import type { Logger } from '../../lib/logger.js';

export interface SweeperOptions {
  readonly sweep: () => Promise<number>;
  readonly everyMs: number;
  readonly log: Pick<Logger, 'info' | 'warn'>;
}

/**
 * Gives back at intervals what dead processes reserved. A sweep that fails (the database is away) is logged, and the
 * next one tries again: meanwhile units are only held, never given twice.
 */
export class ReservationSweeper {
  readonly #options: SweeperOptions;
  #timer: NodeJS.Timeout | null = null;
  #running: Promise<void> = Promise.resolve();
  #isStopped = false;

  constructor(options: SweeperOptions) {
    this.#options = options;
  }

  /** Resolves after the first sweep, so that a server that was killed starts with its quotas whole. */
  async start(): Promise<void> {
    await this.#sweepThenWait();
  }

  /** Resolves when a sweep in progress has ended. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#running;
  }

  #sweepThenWait(): Promise<void> {
    this.#running = this.#sweepOnce().then(() => {
      if (this.#isStopped) return;
      this.#timer = setTimeout(() => void this.#sweepThenWait(), this.#options.everyMs);
      this.#timer.unref();
    });
    return this.#running;
  }

  async #sweepOnce(): Promise<void> {
    try {
      const swept = await this.#options.sweep();
      if (swept > 0) this.#options.log.info({ swept }, 'What dead processes had reserved was given back.');
    } catch (error) {
      this.#options.log.warn({ err: error }, 'Expired reservations could not be swept; trying again later.');
    }
  }
}

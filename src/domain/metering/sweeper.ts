import type { Logger } from '../../lib/logger.js';

export interface SweeperOptions {
  readonly sweep: () => Promise<number>;
  readonly everyMs: number;
  readonly log: Pick<Logger, 'info' | 'warn'>;
}

/**
 * Gives back at intervals what dead processes leased. A sweep that fails (the database is away) is logged, and the
 * next one tries again: meanwhile units are only held, never given twice.
 */
export class LeaseSweeper {
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
      if (swept > 0) this.#options.log.info({ swept }, 'What dead processes had leased was given back.');
    } catch (error) {
      this.#options.log.warn({ err: error }, 'Expired leases could not be swept; trying again later.');
    }
  }
}

export interface KeeperOptions {
  readonly tend: () => void;
  readonly giveBackIdle: () => Promise<void>;
  readonly everyMs: number;
}

/** Keeps the leases of this process: renewed while used, given back when idle and at the stop. */
export class LeaseKeeper {
  readonly #options: KeeperOptions;
  #timer: NodeJS.Timeout | null = null;

  constructor(options: KeeperOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer = setInterval(this.#options.tend, this.#options.everyMs);
    this.#timer.unref();
  }

  async stop(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    await this.#options.giveBackIdle();
  }
}

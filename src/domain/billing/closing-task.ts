import type { Logger } from '../../lib/logger.js';

export interface StatementCloserOptions {
  readonly close: () => Promise<{ readonly closedStatements: number }>;
  readonly everyMs: number;
  readonly log: Pick<Logger, 'info' | 'warn'>;
}

/**
 * Closes at intervals what is due. What fails (the database is away) is logged and tried again at the next: a month that is
 * closed late is closed all the same. Several servers may do it at once: each month is closed once.
 */
export class StatementCloser {
  readonly #options: StatementCloserOptions;
  #timer: NodeJS.Timeout | null = null;
  #running: Promise<void> = Promise.resolve();

  constructor(options: StatementCloserOptions) {
    this.#options = options;
  }

  /** The first time in the background: the start of a server does not wait for it. */
  start(): void {
    this.#timer = setInterval(() => this.#run(), this.#options.everyMs);
    this.#timer.unref();
    this.#run();
  }

  /** Resolves when a closing in progress has ended. */
  async stop(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    await this.#running;
  }

  #run(): void {
    this.#running = this.#running.then(() => this.#closeOnce());
  }

  async #closeOnce(): Promise<void> {
    try {
      const { closedStatements } = await this.#options.close();
      if (closedStatements > 0) this.#options.log.info({ closedStatements }, 'Statements were closed.');
    } catch (error) {
      this.#options.log.warn({ err: error }, 'Statements could not be closed; trying again later.');
    }
  }
}

import type { Logger } from './logger.js';

export interface RepeatingTaskOptions {
  /** What it does, for the log: "fold usage". */
  readonly what: string;
  readonly work: () => Promise<unknown>;
  /** From the end of one time to the beginning of the next. */
  readonly everyMs: number;
  /** After a failure; `everyMs` when left away. */
  readonly retryMs?: number;
  readonly log: Pick<Logger, 'warn' | 'error'>;
  /** Whether a failure is no defect, because what was lacking may come back; left away: any may. */
  readonly mayPass?: (fault: unknown) => boolean;
}

/**
 * Does its work at once and then at intervals, never twice at a time. A failure (the database is away, a lock was not to be
 * had) is logged and the work tried again: it is for work that may be late without anything being wrong.
 */
export class RepeatingTask {
  readonly #options: RepeatingTaskOptions;
  #timer: NodeJS.Timeout | null = null;
  #running: Promise<void> = Promise.resolve();
  #isStopped = false;

  constructor(options: RepeatingTaskOptions) {
    this.#options = options;
  }

  /** Resolves after the first time, whether it worked or not. */
  start(): Promise<void> {
    this.#running = this.#workOnce().then((waitMs) => {
      if (this.#isStopped) return;
      this.#timer = setTimeout(() => void this.start(), waitMs);
      // What is done at intervals must not keep a process that has nothing else to do.
      this.#timer.unref();
    });
    return this.#running;
  }

  /** Resolves when what is being done has ended; nothing begins after it was called. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#running;
  }

  /** Answers how long to wait for the next time. */
  async #workOnce(): Promise<number> {
    const { work, everyMs, retryMs, what, log, mayPass } = this.#options;
    try {
      await work();
      return everyMs;
    } catch (error) {
      log[mayPass?.(error) === false ? 'error' : 'warn'](
        { err: error, what },
        'What is done at intervals failed; it is tried again later.',
      );
      return retryMs ?? everyMs;
    }
  }
}

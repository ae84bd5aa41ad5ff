import type { Clock } from '../lib/clock.js';
import type { Logger } from '../lib/logger.js';

export interface DatabaseClockOptions {
  /** Asks the database for its time, in milliseconds since 1970. */
  readonly read: () => Promise<number>;
  /** The machine's own. */
  readonly local: Clock;
  readonly log: Pick<Logger, 'warn'>;
  readonly everyMs?: number;
}

const EVERY_MS = 10_000;
/** A machine that is further from its database is worth a word to its operator. */
const WORTH_A_WORD_MS = 60_000;

/**
 * The time of the database, as a server knows it: all servers on one database have one clock, whatever their machines
 * say. So they agree on the month that pays, and on which lease or claim has expired, also where a machine's clock is
 * wrong by a day, or is set while the server runs. Between two readings it goes by the time since the start, which nobody
 * can set; while the database is away it goes on like that.
 */
export class DatabaseClock implements Clock {
  readonly #options: DatabaseClockOptions;
  /** Of the database's time since 1970 over the machine's time since its start. */
  #aheadMs: number;
  #isWarned = false;
  #isStopped = false;
  #timer: NodeJS.Timeout | null = null;
  #reading: Promise<void> = Promise.resolve();

  constructor(options: DatabaseClockOptions) {
    this.#options = options;
    const { local } = options;
    this.#aheadMs = local.now().getTime() - local.monotonicMs();
  }

  now(): Date {
    return new Date(this.#options.local.monotonicMs() + this.#aheadMs);
  }

  monotonicMs(): number {
    return this.#options.local.monotonicMs();
  }

  /** Resolves when it shows the database's time; then looks at intervals. @throws when the database is away */
  async start(): Promise<void> {
    await this.#read();
    this.#readLater();
  }

  /** Resolves when a reading in progress has ended. It goes on, but looks no more. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#reading;
  }

  #readLater(): void {
    if (this.#isStopped) return;
    this.#timer = setTimeout(() => {
      // While the database is away, what is known of its clock stays good.
      this.#reading = this.#read()
        .catch(() => undefined)
        .then(() => this.#readLater());
    }, this.#options.everyMs ?? EVERY_MS);
    this.#timer.unref();
  }

  async #read(): Promise<void> {
    const { local, read, log } = this.#options;
    const askedMs = local.monotonicMs();
    const readMs = await read();
    const answeredMs = local.monotonicMs();
    const aheadMs = readMs - (askedMs + answeredMs) / 2;
    // The time was read somewhere between question and answer: less than that is no difference, and the clock stays smooth.
    if (Math.abs(aheadMs - this.#aheadMs) > (answeredMs - askedMs) / 2 + 1) this.#aheadMs = aheadMs;
    const offMs = Math.round(readMs - local.now().getTime());
    if (Math.abs(offMs) < WORTH_A_WORD_MS) this.#isWarned = false;
    else if (!this.#isWarned) {
      this.#isWarned = true;
      log.warn({ offMs }, 'The clock of this machine is not that of the database; the database’s counts.');
    }
  }
}

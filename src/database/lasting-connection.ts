import pg from 'pg';
import type { Logger } from '../lib/logger.js';
import { APPLICATION_ROLE, withStartOptions } from './pool.js';

export interface LastingConnectionOptions {
  readonly url: string;
  /** As the server lists it. */
  readonly applicationName: string;
  /** What makes a new connection good for its purpose. One for which this fails is given up, and made again. */
  readonly prepare: (client: pg.Client) => Promise<void>;
  readonly onNotification?: ((payload: string) => void) | undefined;
  readonly logger: Pick<Logger, 'warn' | 'debug'>;
}

const CONNECT_WITHIN_MS = 3_000;
const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 5_000;

/** One connection outside the pool that is made again when it is lost, for what belongs to a session. */
export class LastingConnection {
  readonly #options: LastingConnectionOptions;
  #client: pg.Client | null = null;
  #isReady = false;
  #timer: NodeJS.Timeout | null = null;
  #retryMs = FIRST_RETRY_MS;
  #isStopped = false;

  constructor(options: LastingConnectionOptions) {
    this.#options = options;
  }

  /** Resolves when it is ready, or when the first attempt has failed; it goes on trying then. */
  async start(): Promise<void> {
    await this.#connect();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#isReady = false;
    if (this.#timer !== null) clearTimeout(this.#timer);
    const client = this.#client;
    this.#client = null;
    await client?.end().catch(() => undefined);
  }

  /** Whether it is connected and prepared, as far as is known here. */
  isReady(): boolean {
    return this.#isReady;
  }

  async #connect(): Promise<void> {
    const { url, applicationName, prepare, onNotification, logger } = this.#options;
    const { connectionString, startOptions } = withStartOptions(url, [`role=${APPLICATION_ROLE}`]);
    const client = new pg.Client({
      connectionString,
      options: startOptions,
      application_name: applicationName,
      connectionTimeoutMillis: CONNECT_WITHIN_MS,
      keepAlive: true,
    });
    this.#client = client;
    client.on('notification', ({ payload }) => onNotification?.(payload ?? ''));
    const lost = (reason: string) => {
      if (this.#client !== client || this.#isStopped) return;
      this.#client = null;
      this.#isReady = false;
      logger.debug({ reason, applicationName }, 'a lasting connection was lost');
      // A connection that failed half-way may still be open.
      void client.end().catch(() => undefined);
      this.#timer = setTimeout(() => void this.#connect(), this.#retryMs);
      this.#timer.unref();
      this.#retryMs = Math.min(this.#retryMs * 2, LONGEST_RETRY_MS);
    };
    // Never the error itself: the driver hangs the connection on it, with its secrets.
    client.on('error', (error) => lost(error.message));
    client.on('end', () => lost('closed'));
    try {
      await client.connect();
      await prepare(client);
      // Lost, or stopped, while it was prepared.
      if (this.#client !== client) return;
      this.#isReady = true;
      this.#retryMs = FIRST_RETRY_MS;
    } catch (error) {
      lost(error instanceof Error ? error.message : 'unknown');
    }
  }
}

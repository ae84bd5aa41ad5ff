import pg from 'pg';
import type { Logger } from '../lib/logger.js';
import { APPLICATION_ROLE, withStartOptions } from './pool.js';

export interface NotificationListenerOptions {
  readonly url: string;
  /** A fixed name of ours, in lower case; never from outside. */
  readonly channel: string;
  readonly onMessage: (payload: string) => void;
  readonly logger: Pick<Logger, 'warn' | 'debug'>;
}

const CONNECT_WITHIN_MS = 3_000;
const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 5_000;

/**
 * Hears what other processes say through the database (NOTIFY), on one connection of its own that is made again when
 * it is lost. Messages of the meantime are lost: they make things fast, and nothing may depend on them.
 */
export class NotificationListener {
  readonly #options: NotificationListenerOptions;
  #client: pg.Client | null = null;
  #timer: NodeJS.Timeout | null = null;
  #retryMs = FIRST_RETRY_MS;
  #isStopped = false;

  constructor(options: NotificationListenerOptions) {
    if (!/^[a-z_]+$/.test(options.channel)) throw new Error('The name of a channel is lower-case letters.');
    this.#options = options;
  }

  /** Resolves when it listens, or when the first attempt has failed; it goes on trying then. */
  async start(): Promise<void> {
    await this.#connect();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    const client = this.#client;
    this.#client = null;
    await client?.end().catch(() => undefined);
  }

  async #connect(): Promise<void> {
    const { url, channel, onMessage, logger } = this.#options;
    const { connectionString, startOptions } = withStartOptions(url, [`role=${APPLICATION_ROLE}`]);
    const client = new pg.Client({
      connectionString,
      options: startOptions,
      application_name: 'souk listener',
      connectionTimeoutMillis: CONNECT_WITHIN_MS,
      keepAlive: true,
    });
    this.#client = client;
    client.on('notification', ({ payload }) => onMessage(payload ?? ''));
    const lost = (reason: string) => {
      if (this.#client !== client || this.#isStopped) return;
      this.#client = null;
      logger.debug({ reason, channel }, 'the listening connection was lost');
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
      await client.query(`LISTEN ${channel}`);
      this.#retryMs = FIRST_RETRY_MS;
    } catch (error) {
      lost(error instanceof Error ? error.message : 'unknown');
    }
  }
}

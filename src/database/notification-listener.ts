import type { Logger } from '../lib/logger.js';
import { LastingConnection } from './lasting-connection.js';

export interface NotificationListenerOptions {
  readonly url: string;
  /** A fixed name of ours, in lower case; never from outside. */
  readonly channel: string;
  readonly onMessage: (payload: string) => void;
  readonly logger: Pick<Logger, 'warn' | 'debug'>;
}

/**
 * Hears what other processes say through the database (NOTIFY), on one connection of its own that is made again when
 * it is lost. Messages of the meantime are lost: they make things fast, and nothing may depend on them.
 */
export class NotificationListener {
  readonly #connection: LastingConnection;

  constructor({ url, channel, onMessage, logger }: NotificationListenerOptions) {
    if (!/^[a-z_]+$/.test(channel)) throw new Error('The name of a channel is lower-case letters.');
    this.#connection = new LastingConnection({
      url,
      applicationName: 'souk listener',
      prepare: async (client) => {
        await client.query(`LISTEN ${channel}`);
      },
      onNotification: onMessage,
      logger,
    });
  }

  /** Resolves when it listens, or when the first attempt has failed; it goes on trying then. */
  start(): Promise<void> {
    return this.#connection.start();
  }

  stop(): Promise<void> {
    return this.#connection.stop();
  }
}

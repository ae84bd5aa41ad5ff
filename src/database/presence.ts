import type { Logger } from '../lib/logger.js';
import { LastingConnection } from './lasting-connection.js';

export interface PresenceOptions {
  readonly url: string;
  /** Unique to this process's life. */
  readonly name: string;
  readonly logger: Pick<Logger, 'warn' | 'debug'>;
}

/**
 * Shows other processes on the same database that this one lives: a connection of its own holds an advisory lock on
 * the process's name. However the process ends, also by SIGKILL, the system closes its connection and the server lets
 * the lock go within milliseconds. A machine that vanishes from the network keeps the lock until the server's own
 * keep-alive ends; and a lost connection lets it go although the process lives. So an absent lock may mean that work
 * is taken over from a living process: whatever is taken over must be safe to be run twice and ended once.
 */
export class Presence {
  readonly name: string;
  readonly #connection: LastingConnection;

  constructor({ url, name, logger }: PresenceOptions) {
    this.name = name;
    this.#connection = new LastingConnection({
      url,
      applicationName: 'souk presence',
      prepare: async (client) => {
        const { rows } = await client.query<{ held: boolean }>(
          'SELECT pg_try_advisory_lock(hashtextextended($1, 0)) AS held',
          [name],
        );
        // A connection of ours that the server does not know to be lost has it still: the next attempt gets it.
        if (rows[0]?.held !== true) throw new Error('the lock is held by a connection before');
      },
      logger,
    });
  }

  /** Resolves when the lock is held, or when the first attempt has failed; it goes on trying then. */
  start(): Promise<void> {
    return this.#connection.start();
  }

  /** Lets it go. */
  stop(): Promise<void> {
    return this.#connection.stop();
  }

  /** Whether others can see that this process lives, as far as is known here. */
  isHeld(): boolean {
    return this.#connection.isReady();
  }
}

/** SQL: whether a process of this name lives, by the lock that `Presence` holds. @param name an SQL expression of ours */
export function isPresent(name: string): string {
  return `EXISTS (
    SELECT 1 FROM pg_locks l, hashtextextended(${name}, 0) AS h(key)
    WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
      AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND l.classid = ((h.key >> 32) & 4294967295)::oid AND l.objid = (h.key & 4294967295)::oid)`;
}

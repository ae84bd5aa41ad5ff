import { PrismaPg } from '@prisma/adapter-pg';
import { LRUCache } from 'lru-cache';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import type { Logger } from '../lib/logger.js';
import { explainStart, isDatabaseUnavailable, isSerializationConflict, isStatementLost } from './errors.js';
import { PrismaClient } from './generated/client.js';
import { NotificationListener } from './notification-listener.js';
import { Presence } from './presence.js';
import { createPool, inOneWrite, verifySession } from './pool.js';
import { queryInContext, SET_CONTEXT, setContext } from './query-in-context.js';
import type { SqlQuery, TransactionContext, Transactions, Tx } from './types.js';

export interface DatabaseOptions {
  /** Of the tables' owner; the connections then act as the role `souk_app`. */
  readonly url: string;
  readonly logger: Logger;
  readonly maxConnections?: number;
  /** How long a caller waits for a connection, free or new. */
  readonly connectTimeoutMs?: number;
  readonly statementTimeoutMs?: number;
  readonly lockTimeoutMs?: number;
  /** How long a transaction of `transaction()` may take in all. */
  readonly transactionTimeoutMs?: number;
}

const MAX_RETRIES = 3;
const STOP_WITHIN_MS = 5_000;
const MAX_PREPARED_STATEMENTS = 500;
/** A connection that hears of a change after this many others takes it for a new one, which does no harm. */
const MAX_HEARD_CHANGES = 1_000;

/**
 * The one way to the tables: transactions that say first for whom they act. Prisma and plain SQL share a
 * bounded pool. Nothing waits for ever: while the server is away every call fails within the connect
 * timeout with an error that `isDatabaseUnavailable` knows, and works again when it is back.
 */
export class Database implements Transactions {
  readonly #url: string;
  readonly #logger: Logger;
  readonly #pool: pg.Pool;
  readonly #prisma: PrismaClient;
  readonly #statementTimeoutMs: number;
  readonly #statementNames = new Map<string, string>();
  #accessEpoch = 0;
  readonly #heardAccessChanges = new LRUCache<string, true>({ max: MAX_HEARD_CHANGES });

  constructor(options: DatabaseOptions) {
    this.#url = options.url;
    this.#logger = options.logger.child({ part: 'database' });
    this.#statementTimeoutMs = options.statementTimeoutMs ?? 4_000;
    const connectTimeoutMs = options.connectTimeoutMs ?? 3_000;
    const transactionTimeoutMs = options.transactionTimeoutMs ?? 10_000;
    this.#pool = createPool({
      url: options.url,
      logger: this.#logger,
      maxConnections: options.maxConnections ?? 16,
      connectTimeoutMs,
      statementTimeoutMs: this.#statementTimeoutMs,
      lockTimeoutMs: options.lockTimeoutMs ?? 3_000,
      idleInTransactionTimeoutMs: transactionTimeoutMs,
      onAccessChange: (transactionId) => this.#noteAccessChange(transactionId),
    });
    this.#prisma = new PrismaClient({
      adapter: new PrismaPg(this.#pool),
      errorFormat: 'minimal',
      transactionOptions: { maxWait: connectTimeoutMs + 500, timeout: transactionTimeoutMs },
    });
  }

  /** @throws DatabaseStartError when the server is away, too old, or the tenants' second wall would not stand */
  async start(): Promise<void> {
    try {
      await verifySession(this.#pool);
      await this.#prisma.$connect();
    } catch (error) {
      throw explainStart(error);
    }
  }

  /** Waits a moment for transactions under way; the server rolls back what is still open then. */
  async stop(): Promise<void> {
    await this.#prisma.$disconnect();
    if (this.#pool.ended) return;
    const timer = new AbortController();
    const deadline = sleep(STOP_WITHIN_MS, undefined, { signal: timer.signal }).catch(() => undefined);
    await Promise.race([this.#pool.end(), deadline]);
    timer.abort();
  }

  /** Resolves when the server answers. @throws an error that `isDatabaseUnavailable` knows when it does not */
  async ping(): Promise<void> {
    await this.#pool.query('SELECT 1');
  }

  /** The server's time, in milliseconds since 1970: see `DatabaseClock`. */
  async readClock(): Promise<number> {
    const { rows } = await this.#pool.query<{ ms: number }>(
      'SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS ms',
    );
    if (rows[0] === undefined) throw new Error('The database did not say what time it is.');
    return rows[0].ms;
  }

  /** For messages of other processes on the same database; the caller starts and stops it. */
  listener(channel: string, onMessage: (payload: string) => void): NotificationListener {
    return new NotificationListener({ url: this.#url, channel, onMessage, logger: this.#logger });
  }

  /** Shows other processes on the same database that this one lives; the caller starts and stops it. */
  presence(name: string): Presence {
    return new Presence({ url: this.#url, name, logger: this.#logger });
  }

  async transaction<T>(context: TransactionContext, work: (tx: Tx) => Promise<T>): Promise<T> {
    const values = contextValues(context);
    return this.#retried(async () => {
      try {
        return await this.#prisma.$transaction(async (tx) => {
          await tx.$queryRawUnsafe(SET_CONTEXT, ...values);
          const result = await work(tx);
          if (isRefusal(result)) throw new RollBack(result);
          return result;
        });
      } catch (error) {
        if (error instanceof RollBack) return error.result as T;
        throw error;
      }
    });
  }

  async sql<T>(context: TransactionContext, work: (query: SqlQuery) => Promise<T>): Promise<T> {
    const values = contextValues(context);
    return this.#retried(() =>
      this.#withClient(async (client) => {
        const query: SqlQuery = async <Row extends object>(text: string, parameters: readonly unknown[]) =>
          (await client.query<Row>(this.#prepared(text, parameters))).rows;
        let opened: Promise<unknown> = Promise.resolve();
        try {
          // The first statement does not wait for the opening. Should that fail, the statement is refused with it:
          // outside a transaction, or without a context, row-level security shows and takes nothing.
          // Async: work that throws at once must not leave the opening behind with nobody to hear its failure.
          const working = inOneWrite(client, async () => {
            opened = Promise.all(open(client, values));
            return work(query);
          });
          const [opening, worked] = await Promise.allSettled([opened, working]);
          if (opening.status === 'rejected') throw opening.reason;
          if (worked.status === 'rejected') throw worked.reason;
          if (isRefusal(worked.value)) await client.query('ROLLBACK');
          else await commit(client);
          return worked.value;
        } catch (error) {
          if (isOfConnection(error)) throw error;
          await client.query('ROLLBACK').catch(() => {
            throw error;
          });
          throw new Faulty(error);
        }
      }),
    );
  }

  single(context: TransactionContext): SqlQuery {
    const values = contextValues(context);
    return <Row extends object>(text: string, parameters: readonly unknown[]) =>
      this.#retried(() =>
        this.#withClient(async (client) => {
          try {
            return (await queryInContext<Row>(client, values, this.#prepared(text, parameters))).rows;
          } catch (error) {
            throw isOfConnection(error) ? error : new Faulty(error);
          }
        }),
      );
  }

  accessEpoch(): number {
    return this.#accessEpoch;
  }

  /** Each connection hears of the same change. What was read after the first of them heard is read after the change. */
  #noteAccessChange(transactionId: string): void {
    if (this.#heardAccessChanges.has(transactionId)) return;
    this.#heardAccessChanges.set(transactionId, true);
    this.#accessEpoch++;
  }

  /** Planned once per connection. Texts are ours and few; beyond the bound they are planned each time. */
  #prepared(text: string, parameters: readonly unknown[]): pg.QueryConfig {
    let name = this.#statementNames.get(text);
    if (name === undefined && this.#statementNames.size < MAX_PREPARED_STATEMENTS) {
      name = `souk_${this.#statementNames.size}`;
      this.#statementNames.set(text, name);
    }
    return { text, values: [...parameters], ...(name === undefined ? {} : { name }) };
  }

  /** Lends a connection. One whose transaction could not be ended is closed: the server then rolls back. */
  async #withClient<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const client = await this.#pool.connect();
    let isBroken = true;
    try {
      const result = await work(client);
      isBroken = false;
      return result;
    } catch (error) {
      if (!(error instanceof Faulty)) throw error;
      isBroken = false;
      throw error.cause;
    } finally {
      client.release(isBroken);
    }
  }

  /**
   * A conflict says only that another transaction was first, and a lost plan only that it must be made again: the same
   * work is tried again.
   */
  async #retried<T>(attempt: () => Promise<T>): Promise<T> {
    for (let retries = 0; ; retries++) {
      try {
        return await attempt();
      } catch (error) {
        if (retries === MAX_RETRIES || !(isSerializationConflict(error) || isStatementLost(error)))
          throw error;
        this.#logger.debug({ retries }, 'a transaction is tried again');
        await sleep(5 + Math.random() * 20 * 2 ** retries);
      }
    }
  }
}

/** Begins a transaction and says for whom it acts. */
function open(client: pg.PoolClient, values: readonly string[]): Promise<pg.QueryResult>[] {
  return [client.query('BEGIN'), client.query(setContext(values))];
}

/** After a failed statement COMMIT succeeds too, and means ROLLBACK: whoever passed over the failure must hear it. */
async function commit(client: pg.PoolClient): Promise<void> {
  const { command } = await client.query('COMMIT');
  if (command !== 'COMMIT') {
    throw new Error('The transaction was rolled back: a statement in it had failed, which was passed over.');
  }
}

/** Whether the connection is of no use any more, as far as the error tells. */
function isOfConnection(error: unknown): boolean {
  return isDatabaseUnavailable(error) || isStatementLost(error);
}

/** A fault of the statement and not of the connection, which is between two transactions and can be lent again. */
class Faulty extends Error {
  constructor(cause: unknown) {
    super('The statement failed.', { cause });
  }
}

/** Carries a refusal out of Prisma's transaction, which rolls back only for what is thrown. */
class RollBack extends Error {
  readonly result: unknown;

  constructor(result: unknown) {
    super('rolled back');
    this.result = result;
  }
}

function isRefusal(result: unknown): boolean {
  return typeof result === 'object' && result !== null && 'ok' in result && result.ok === false;
}

function contextValues({ tenantId, userId, proof, acrossTenants }: TransactionContext): string[] {
  return [tenantId ?? '', userId ?? '', proof ?? '', acrossTenants === true ? 'on' : ''];
}

import { PrismaPg } from '@prisma/adapter-pg';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import type { Logger } from '../lib/logger.js';
import { explainStart, isDatabaseUnavailable, isSerializationConflict } from './errors.js';
import { PrismaClient } from './generated/client.js';
import { createPool, verifySession } from './pool.js';
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

// All four, always: a connection that comes back must not remember for whom it acted before.
const SET_CONTEXT = `SELECT set_config('app.tenant_id', $1, true), set_config('app.user_id', $2, true),
  set_config('app.proof', $3, true), set_config('app.across_tenants', $4, true)`;

/**
 * The one way to the tables: transactions that say first for whom they act. Prisma and plain SQL share a
 * bounded pool. Nothing waits for ever: while the server is away every call fails within the connect
 * timeout with an error that `isDatabaseUnavailable` knows, and works again when it is back.
 */
export class Database implements Transactions {
  readonly #logger: Logger;
  readonly #pool: pg.Pool;
  readonly #prisma: PrismaClient;
  readonly #statementTimeoutMs: number;

  constructor(options: DatabaseOptions) {
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
    return this.#retried(async () => {
      const client = await this.#pool.connect();
      const query: SqlQuery = async <Row extends object>(text: string, parameters: readonly unknown[]) =>
        (await client.query<Row>(text, [...parameters])).rows;
      let fault: unknown;
      try {
        await client.query('BEGIN');
        await client.query({ name: 'souk_context', text: SET_CONTEXT, values });
        const result = await work(query);
        await client.query(isRefusal(result) ? 'ROLLBACK' : 'COMMIT');
        return result;
      } catch (error) {
        fault = error;
        if (!isDatabaseUnavailable(error)) {
          await client.query('ROLLBACK').then(
            () => (fault = undefined),
            () => undefined,
          );
        }
        throw error;
      } finally {
        // A connection whose transaction could not be ended is closed: the server then rolls back.
        client.release(fault !== undefined);
      }
    });
  }

  /** A conflict says only that another transaction was first, so that the same work is tried again. */
  async #retried<T>(attempt: () => Promise<T>): Promise<T> {
    for (let retries = 0; ; retries++) {
      try {
        return await attempt();
      } catch (error) {
        if (retries === MAX_RETRIES || !isSerializationConflict(error)) throw error;
        this.#logger.debug({ retries }, 'a transaction conflicted with another and is tried again');
        await sleep(5 + Math.random() * 20 * 2 ** retries);
      }
    }
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

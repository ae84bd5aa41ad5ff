import type { Duplex } from 'node:stream';
import pg from 'pg';
import type { Logger } from '../lib/logger.js';
import { DatabaseStartError } from './errors.js';
import { MIN_SERVER_VERSION } from './migrate.js';
import { prepareContext } from './query-in-context.js';

/** The role that row-level security applies to; the migration `walls` makes it. */
export const APPLICATION_ROLE = 'souk_app';

export interface PoolOptions {
  readonly url: string;
  readonly logger: Logger;
  readonly maxConnections: number;
  readonly connectTimeoutMs: number;
  readonly statementTimeoutMs: number;
  readonly lockTimeoutMs: number;
  readonly idleInTransactionTimeoutMs: number;
  /** Called when a connection hears of a change of who may do what: see the migration `access_changes`. */
  readonly onAccessChange: (transactionId: string) => void;
}

const ACCESS_CHANNEL = 'souk_access';

/**
 * A bounded pool whose connections act as the application role from their first moment. It survives the
 * loss of any connection, and takes none back that is not between two transactions.
 */
export function createPool(options: PoolOptions): pg.Pool {
  const { url, logger } = options;
  const { connectionString, startOptions } = withStartOptions(url, [
    `role=${APPLICATION_ROLE}`,
    `statement_timeout=${options.statementTimeoutMs}`,
    `lock_timeout=${options.lockTimeoutMs}`,
    `idle_in_transaction_session_timeout=${options.idleInTransactionTimeoutMs}`,
  ]);
  const settings: pg.PoolConfig & { readonly pipeline: boolean } = {
    connectionString,
    options: startOptions,
    application_name: 'souk',
    max: options.maxConnections,
    connectionTimeoutMillis: options.connectTimeoutMs,
    idleTimeoutMillis: 60_000,
    // A server that does not answer at all cannot keep its own time limit: ours comes a little later.
    query_timeout: options.statementTimeoutMs + 500,
    keepAlive: true,
    // What is sent without waiting travels together: a transaction's opening goes with its first statement.
    pipeline: true,
    keepAliveInitialDelayMillis: 10_000,
  };
  const pool = new pg.Pool(settings);
  pool.on('error', (error) => {
    // Never the error itself: the driver hangs the whole connection on it, down to its cancel key.
    const { message, code } = error as Error & { code?: string };
    if (!pool.ending) logger.warn({ reason: message, code }, 'a database connection was lost');
  });
  // The pool listens only while a connection is idle; without a listener its loss would end the process.
  pool.on('connect', (client) => {
    client.on('error', () => undefined);
    client.on('notification', ({ channel, payload }) => {
      if (channel === ACCESS_CHANNEL) options.onAccessChange(payload ?? '');
    });
    // Sent before anything that the connection is lent for: its own commits must be heard by itself. One that does not
    // listen is of no use.
    Promise.all([client.query(`LISTEN ${ACCESS_CHANNEL}`), prepareContext(client)]).catch(() =>
      (client as unknown as pg.Client).end(),
    );
  });
  pool.on('release', (_error: unknown, client: pg.PoolClient) => {
    // Its transaction could not be ended (the server was silent): whoever came next would be inside it.
    if (transactionStatus(client) !== 'I') void (client as unknown as pg.Client).end().catch(() => undefined);
  });
  return pool;
}

/** Lets everything that `send` sends leave in one write: on a busy machine the calls to the kernel cost most. */
export function inOneWrite<T>(client: pg.PoolClient, send: () => T): T {
  const { stream } = (client as unknown as { connection: { stream: Duplex } }).connection;
  stream.cork();
  try {
    return send();
  } finally {
    stream.uncork();
  }
}

/** `I` between transactions, `T` inside one, `E` inside a failed one; the type package does not know it yet. */
function transactionStatus(client: pg.PoolClient): string | null {
  return (client as unknown as { getTransactionStatus(): string | null }).getTransactionStatus();
}

/** Joins our settings to those that the URL already carries in its `options` parameter. */
export function withStartOptions(
  url: string,
  settings: readonly string[],
): { connectionString: string; startOptions: string } {
  const [base = '', query = ''] = url.split(/\?(.*)/s);
  const parameters = new URLSearchParams(query);
  const own = settings.map((setting) => `-c ${setting}`);
  // Ours come last: the last one counts.
  const startOptions = [...parameters.getAll('options'), ...own].join(' ');
  parameters.delete('options');
  const rest = parameters.toString();
  return { connectionString: rest === '' ? base : `${base}?${rest}`, startOptions };
}

interface SessionFacts {
  readonly version: number;
  readonly role: string;
  readonly superuser: boolean;
  readonly bypass: boolean;
  readonly owner: boolean;
}

/**
 * Refuses to serve when the second wall between tenants would not stand.
 * @throws DatabaseStartError with one sentence for the operator
 */
export async function verifySession(pool: pg.Pool): Promise<void> {
  const facts = await sessionFacts(pool);
  if (facts.version < MIN_SERVER_VERSION) {
    throw new DatabaseStartError(`Souk needs PostgreSQL 15 or newer, but the server says ${facts.version}.`);
  }
  if (facts.role !== APPLICATION_ROLE) {
    throw new DatabaseStartError(
      `Souk must act as the role ${APPLICATION_ROLE}, but the database made it ${facts.role}; a connection pooler that drops start options cannot be used.`,
    );
  }
  if (facts.superuser || facts.bypass || facts.owner) {
    throw new DatabaseStartError(
      `The role ${APPLICATION_ROLE} must not be a superuser, bypass row-level security or own tables: tenants would see each other's rows.`,
    );
  }
}

async function sessionFacts(pool: pg.Pool): Promise<SessionFacts> {
  try {
    const { rows } = await pool.query<SessionFacts>(`
      SELECT current_setting('server_version_num')::int AS version, current_user AS role,
        rolsuper AS superuser, rolbypassrls AS bypass,
        EXISTS (SELECT 1 FROM pg_class WHERE relowner = pg_roles.oid AND relkind IN ('r', 'p')) AS owner
      FROM pg_roles WHERE rolname = current_user`);
    const [facts] = rows;
    if (facts === undefined) throw new Error('pg_roles does not list the current role.');
    return facts;
  } catch (error) {
    // invalid_parameter_value: the start option names a role that is not there, or that is not granted to us.
    const { code } = error as { code?: unknown };
    if (code !== '22023' && code !== '42501') throw error;
    throw new DatabaseStartError(
      `The database has no role ${APPLICATION_ROLE} that this account may take; the migrations make it.`,
      { cause: error },
    );
  }
}

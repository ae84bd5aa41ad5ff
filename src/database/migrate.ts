import { createHash } from 'node:crypto';
import pg from 'pg';
import type { Logger } from '../lib/logger.js';
import { DatabaseStartError, explainStart, isDatabaseUnavailable } from './errors.js';
import {
  loadSchemaEngine,
  migrationList,
  NO_FILTERS,
  readMigrations,
  type MigrationFile,
} from './schema-engine.js';

export const MIN_SERVER_VERSION = 150_000;

const CONNECT_WITHIN_MS = 5_000;
const LOCK_WITHIN_MS = 120_000;
// Any number, as long as every Souk takes the same.
const MIGRATION_LOCK = 5_730_417_001;

export interface MigrateOptions {
  /** Of the tables' owner. */
  readonly url: string;
  /** The folder `prisma/migrations`. */
  readonly folder: string;
  readonly logger: Logger;
}

interface AppliedMigration {
  readonly migration_name: string;
  readonly checksum: string;
  readonly finished_at: Date | null;
}

/**
 * Brings the database to the newest migration; does nothing when it is there. Everything happens in one
 * transaction on one connection under a lock: of two processes that start at once, one migrates and the
 * other waits, and a killed one leaves the database as it was.
 * @returns the names of the migrations that were applied
 * @throws DatabaseStartError with one sentence for the operator
 */
export async function migrate({ url, folder, logger }: MigrateOptions): Promise<string[]> {
  const migrations = readMigrations(folder);
  // One connection that is never exchanged: the engine's statements are inside our transaction.
  const pool = new pg.Pool({
    connectionString: url,
    max: 1,
    connectionTimeoutMillis: CONNECT_WITHIN_MS,
    idleTimeoutMillis: 0,
  });
  // Without a listener the loss would end the process; the statement under way fails by itself.
  pool.on('error', () => undefined);
  try {
    await checkServer(pool);
    if (pendingMigrations(migrations, await appliedMigrations(pool)).length === 0) return [];
    await pool.query('BEGIN');
    try {
      await pool.query(`SET LOCAL lock_timeout = ${LOCK_WITHIN_MS}`);
      await pool.query('SELECT pg_advisory_xact_lock($1)', [MIGRATION_LOCK]);
      // Asked again: another process may have done it while we waited for the lock.
      const pending = pendingMigrations(migrations, await appliedMigrations(pool));
      if (pending.length > 0) await apply(pool, folder, migrations, pending);
      await pool.query('COMMIT');
      const names = pending.map(({ name }) => name);
      if (names.length > 0) logger.info({ migrations: names }, 'the database was migrated');
      return names;
    } catch (error) {
      await pool.query('ROLLBACK').catch(() => undefined);
      throw error;
    }
  } catch (error) {
    throw explainStart(error);
  } finally {
    await pool.end();
  }
}

async function apply(
  pool: pg.Pool,
  folder: string,
  migrations: readonly MigrationFile[],
  pending: readonly MigrationFile[],
): Promise<void> {
  // As Prisma makes it. The engine finds out by a failing query whether it exists, which would end our transaction.
  await pool.query(`CREATE TABLE IF NOT EXISTS _prisma_migrations (
    id VARCHAR(36) PRIMARY KEY NOT NULL, checksum VARCHAR(64) NOT NULL, finished_at TIMESTAMPTZ,
    migration_name VARCHAR(255) NOT NULL, logs TEXT, rolled_back_at TIMESTAMPTZ,
    started_at TIMESTAMPTZ NOT NULL DEFAULT now(), applied_steps_count INTEGER NOT NULL DEFAULT 0)`);
  const scriptErrors: unknown[] = [];
  const engine = await loadSchemaEngine(pool, (error) => scriptErrors.push(error));
  try {
    const input = { migrationsList: migrationList(folder, migrations), filters: NO_FILTERS };
    await engine.applyMigrations(input);
  } catch (engineError) {
    // The engine then tries to note the failure in a table that our rollback has undone, and reports that.
    const error = scriptErrors[0] ?? engineError;
    if (isDatabaseUnavailable(error)) throw error;
    const message = error instanceof Error ? error.message : String(error);
    throw new DatabaseStartError(
      `The database could not be migrated (${pending.map(({ name }) => name).join(', ')}) and is as it was: ${message.trim()}`,
      { cause: error },
    );
  } finally {
    engine.free();
  }
}

async function checkServer(pool: pg.Pool): Promise<void> {
  const { rows } = await pool.query<{ number: number; version: string }>(
    `SELECT current_setting('server_version_num')::int AS number, current_setting('server_version') AS version`,
  );
  const [server] = rows;
  if (server === undefined || server.number < MIN_SERVER_VERSION) {
    throw new DatabaseStartError(
      `Souk needs PostgreSQL 15 or newer, but DATABASE_URL leads to ${server?.version}.`,
    );
  }
}

async function appliedMigrations(pool: pg.Pool): Promise<AppliedMigration[]> {
  const known = await pool.query<{ found: boolean }>(
    `SELECT to_regclass('_prisma_migrations') IS NOT NULL AS found`,
  );
  if (known.rows[0]?.found !== true) return [];
  const { rows } = await pool.query<AppliedMigration>(
    'SELECT migration_name, checksum, finished_at FROM _prisma_migrations WHERE rolled_back_at IS NULL',
  );
  return rows;
}

/** What is still to be applied; refuses a history that is not the beginning of ours. */
function pendingMigrations(
  migrations: readonly MigrationFile[],
  applied: readonly AppliedMigration[],
): MigrationFile[] {
  const ours = new Map(migrations.map((migration) => [migration.name, migration]));
  for (const { migration_name: name, checksum, finished_at: finishedAt } of applied) {
    const migration = ours.get(name);
    if (migration === undefined) {
      throw new DatabaseStartError(
        `The database knows a migration that this Souk does not (${name}): a newer Souk has used it. Start that version.`,
      );
    }
    if (finishedAt === null) {
      throw new DatabaseStartError(
        `The migration ${name} was begun by another program and never finished; restore the database, or resolve it with "prisma migrate resolve".`,
      );
    }
    if (createHash('sha256').update(migration.sql).digest('hex') !== checksum) {
      throw new DatabaseStartError(
        `The migration ${name} was changed after it had been applied; the database and the code no longer agree.`,
      );
    }
  }
  const names = new Set(applied.map((row) => row.migration_name));
  return migrations.filter(({ name }) => !names.has(name));
}

import { createHash } from "node:crypto";
import pg from "pg";
import { DatabaseStartError, explainStart, isDatabaseUnavailable } from "./errors.js";
import {
  loadSchemaEngine,
  migrationList,
  NO_FILTERS,
  readMigrations
} from "./schema-engine.js";
const MIN_SERVER_VERSION = 15e4;
const CONNECT_WITHIN_MS = 5e3;
const LOCK_WITHIN_MS = 12e4;
const MIGRATION_LOCK = 5730417001;
async function migrate({ url, folder, logger }) {
  const migrations = readMigrations(folder);
  const pool = new pg.Pool({
    connectionString: url,
    max: 1,
    connectionTimeoutMillis: CONNECT_WITHIN_MS,
    idleTimeoutMillis: 0
  });
  pool.on("error", () => void 0);
  try {
    await checkServer(pool);
    if (pendingMigrations(migrations, await appliedMigrations(pool)).length === 0) return [];
    await pool.query("BEGIN");
    try {
      await pool.query(`SET LOCAL lock_timeout = ${LOCK_WITHIN_MS}`);
      await pool.query("SELECT pg_advisory_xact_lock($1)", [MIGRATION_LOCK]);
      const pending = pendingMigrations(migrations, await appliedMigrations(pool));
      if (pending.length > 0) await apply(pool, folder, migrations, pending);
      await pool.query("COMMIT");
      const names = pending.map(({ name }) => name);
      if (names.length > 0) logger.info({ migrations: names }, "the database was migrated");
      return names;
    } catch (error) {
      await pool.query("ROLLBACK").catch(() => void 0);
      throw error;
    }
  } catch (error) {
    throw explainStart(error);
  } finally {
    await pool.end();
  }
}
async function apply(pool, folder, migrations, pending) {
  await pool.query(`CREATE TABLE IF NOT EXISTS _prisma_migrations (
    id VARCHAR(36) PRIMARY KEY NOT NULL, checksum VARCHAR(64) NOT NULL, finished_at TIMESTAMPTZ,
    migration_name VARCHAR(255) NOT NULL, logs TEXT, rolled_back_at TIMESTAMPTZ,
    started_at TIMESTAMPTZ NOT NULL DEFAULT now(), applied_steps_count INTEGER NOT NULL DEFAULT 0)`);
  const scriptErrors = [];
  const engine = await loadSchemaEngine(pool, (error) => scriptErrors.push(error));
  try {
    const input = { migrationsList: migrationList(folder, migrations), filters: NO_FILTERS };
    await engine.applyMigrations(input);
  } catch (engineError) {
    const error = scriptErrors[0] ?? engineError;
    if (isDatabaseUnavailable(error)) throw error;
    const message = error instanceof Error ? error.message : String(error);
    throw new DatabaseStartError(
      `The database could not be migrated (${pending.map(({ name }) => name).join(", ")}) and is as it was: ${message.trim()}`,
      { cause: error }
    );
  } finally {
    engine.free();
  }
}
async function checkServer(pool) {
  const { rows } = await pool.query(
    `SELECT current_setting('server_version_num')::int AS number, current_setting('server_version') AS version`
  );
  const [server] = rows;
  if (server === void 0 || server.number < MIN_SERVER_VERSION) {
    throw new DatabaseStartError(
      `Souk needs PostgreSQL 15 or newer, but DATABASE_URL leads to ${server?.version}.`
    );
  }
}
async function appliedMigrations(pool) {
  const known = await pool.query(
    `SELECT to_regclass('_prisma_migrations') IS NOT NULL AS found`
  );
  if (known.rows[0]?.found !== true) return [];
  const { rows } = await pool.query(
    "SELECT migration_name, checksum, finished_at FROM _prisma_migrations WHERE rolled_back_at IS NULL"
  );
  return rows;
}
function pendingMigrations(migrations, applied) {
  const ours = new Map(migrations.map((migration) => [migration.name, migration]));
  for (const { migration_name: name, checksum, finished_at: finishedAt } of applied) {
    const migration = ours.get(name);
    if (migration === void 0) {
      throw new DatabaseStartError(
        `The database knows a migration that this Souk does not (${name}): a newer Souk has used it. Start that version.`
      );
    }
    if (finishedAt === null) {
      throw new DatabaseStartError(
        `The migration ${name} was begun by another program and never finished; restore the database, or resolve it with "prisma migrate resolve".`
      );
    }
    if (createHash("sha256").update(migration.sql).digest("hex") !== checksum) {
      throw new DatabaseStartError(
        `The migration ${name} was changed after it had been applied; the database and the code no longer agree.`
      );
    }
  }
  const names = new Set(applied.map((row) => row.migration_name));
  return migrations.filter(({ name }) => !names.has(name));
}
export {
  MIN_SERVER_VERSION,
  migrate
};
//# sourceMappingURL=migrate.js.map

import pg from "pg";
import { DatabaseStartError } from "./errors.js";
import { MIN_SERVER_VERSION } from "./migrate.js";
const APPLICATION_ROLE = "souk_app";
function createPool(options) {
  const { url, logger } = options;
  const { connectionString, startOptions } = withStartOptions(url, [
    `role=${APPLICATION_ROLE}`,
    `statement_timeout=${options.statementTimeoutMs}`,
    `lock_timeout=${options.lockTimeoutMs}`,
    `idle_in_transaction_session_timeout=${options.idleInTransactionTimeoutMs}`
  ]);
  const settings = {
    connectionString,
    options: startOptions,
    application_name: "souk",
    max: options.maxConnections,
    connectionTimeoutMillis: options.connectTimeoutMs,
    idleTimeoutMillis: 6e4,
    // A server that does not answer at all cannot keep its own time limit: ours comes a little later.
    query_timeout: options.statementTimeoutMs + 500,
    keepAlive: true,
    // What is sent without waiting travels together: a transaction's opening goes with its first statement.
    pipeline: true,
    keepAliveInitialDelayMillis: 1e4
  };
  const pool = new pg.Pool(settings);
  pool.on("error", (error) => {
    const { message, code } = error;
    if (!pool.ending) logger.warn({ reason: message, code }, "a database connection was lost");
  });
  pool.on("connect", (client) => client.on("error", () => void 0));
  pool.on("release", (_error, client) => {
    if (transactionStatus(client) !== "I") void client.end().catch(() => void 0);
  });
  return pool;
}
function inOneWrite(client, send) {
  const { stream } = client.connection;
  stream.cork();
  try {
    return send();
  } finally {
    stream.uncork();
  }
}
function transactionStatus(client) {
  return client.getTransactionStatus();
}
function withStartOptions(url, settings) {
  const [base = "", query = ""] = url.split(/\?(.*)/s);
  const parameters = new URLSearchParams(query);
  const own = settings.map((setting) => `-c ${setting}`);
  const startOptions = [...parameters.getAll("options"), ...own].join(" ");
  parameters.delete("options");
  const rest = parameters.toString();
  return { connectionString: rest === "" ? base : `${base}?${rest}`, startOptions };
}
async function verifySession(pool) {
  const facts = await sessionFacts(pool);
  if (facts.version < MIN_SERVER_VERSION) {
    throw new DatabaseStartError(`Souk needs PostgreSQL 15 or newer, but the server says ${facts.version}.`);
  }
  if (facts.role !== APPLICATION_ROLE) {
    throw new DatabaseStartError(
      `Souk must act as the role ${APPLICATION_ROLE}, but the database made it ${facts.role}; a connection pooler that drops start options cannot be used.`
    );
  }
  if (facts.superuser || facts.bypass || facts.owner) {
    throw new DatabaseStartError(
      `The role ${APPLICATION_ROLE} must not be a superuser, bypass row-level security or own tables: tenants would see each other's rows.`
    );
  }
}
async function sessionFacts(pool) {
  try {
    const { rows } = await pool.query(`
      SELECT current_setting('server_version_num')::int AS version, current_user AS role,
        rolsuper AS superuser, rolbypassrls AS bypass,
        EXISTS (SELECT 1 FROM pg_class WHERE relowner = pg_roles.oid AND relkind IN ('r', 'p')) AS owner
      FROM pg_roles WHERE rolname = current_user`);
    const [facts] = rows;
    if (facts === void 0) throw new Error("pg_roles does not list the current role.");
    return facts;
  } catch (error) {
    const { code } = error;
    if (code !== "22023" && code !== "42501") throw error;
    throw new DatabaseStartError(
      `The database has no role ${APPLICATION_ROLE} that this account may take; the migrations make it.`,
      { cause: error }
    );
  }
}
export {
  APPLICATION_ROLE,
  createPool,
  inOneWrite,
  verifySession,
  withStartOptions
};
//# sourceMappingURL=pool.js.map

/**
 * Why the database cannot be had, in one sentence for the operator (the process prints it and exits 1).
 * Not a refusal: no caller of a use case sees it.
 */
export class DatabaseStartError extends Error {
  override name = 'DatabaseStartError';
}

/**
 * A failure at start in the operator's words where it is about reaching the server, else the error itself.
 * The cause stays inside, so that `isDatabaseUnavailable` still knows it.
 */
export function explainStart(error: unknown): unknown {
  if (error instanceof DatabaseStartError) return error;
  const { code, message } = error as { code?: unknown; message?: unknown };
  const reason = [message, code].find((text) => typeof text === 'string' && text !== '') ?? 'no reason given';
  // 28…: password or account refused; 3D000: no such database.
  const isRefused = typeof code === 'string' && (code.startsWith('28') || code === '3D000');
  if (!isRefused && !isDatabaseUnavailable(error)) return error;
  return new DatabaseStartError(`The database cannot be used: ${String(reason).trim()}.`, { cause: error });
}

// Conditions of Postgres in which the same request may succeed a moment later.
const RETRYABLE_SQLSTATE_CLASSES = ['08', '53', '57P'];
const RETRYABLE_SQLSTATES = new Set([
  '57014', // query_canceled: our statement_timeout; the server is overloaded or a lock is held
  '55P03', // lock_not_available: our lock_timeout
  '25P03', // idle_in_transaction_session_timeout
  '25006', // read_only_sql_transaction: the server is a standby or its disk is full
]);
const NETWORK_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EPIPE',
  'ETIMEDOUT',
]);
// What the Prisma adapter calls them.
const ADAPTER_KINDS = new Set([
  'DatabaseNotReachable',
  'ConnectionClosed',
  'SocketTimeout',
  'TooManyConnections',
  'TlsConnectionError',
]);
const PRISMA_CODES = new Set([
  'P1001', // can't reach the server
  'P1002', // reached, but timed out
  'P1008', // operation timed out
  'P1017', // server closed the connection
  'P2024', // no connection from the pool in time
  'P2028', // no transaction could be started in time, or it was closed under us
  'P2037', // too many connections
]);
// `pg` has no codes for these.
const DRIVER_MESSAGES =
  /^(Connection terminated|timeout exceeded when trying to connect|Query read timeout|Client has encountered a connection error|The server is shutting down|Cannot use a pool after calling end|Client was closed and is not queryable)/;

/**
 * True when the error says that the database could not be reached or could not answer in time, and not that
 * the statement was wrong: the door then answers SERVICE_UNAVAILABLE, and the caller may try again.
 */
export function isDatabaseUnavailable(error: unknown): boolean {
  return someCause(error, ({ code, kind, message }) => {
    if (typeof code === 'string') {
      if (NETWORK_CODES.has(code) || PRISMA_CODES.has(code) || RETRYABLE_SQLSTATES.has(code)) return true;
      if (code.length === 5 && RETRYABLE_SQLSTATE_CLASSES.some((start) => code.startsWith(start)))
        return true;
    }
    if (typeof kind === 'string' && ADAPTER_KINDS.has(kind)) return true;
    return typeof message === 'string' && DRIVER_MESSAGES.test(message);
  });
}

/** True for a serialization failure or a deadlock: nothing was wrong, another transaction was first. */
export function isSerializationConflict(error: unknown): boolean {
  return someCause(
    error,
    ({ code, kind }) =>
      code === '40001' || code === '40P01' || code === 'P2034' || kind === 'TransactionWriteConflict',
  );
}

/**
 * True when PostgreSQL refused what was to be written: a type does not hold it, or a rule of a table forbids it. That is
 * its answer, so nothing of the statement stands.
 */
export function isDataRefused(error: unknown): boolean {
  return someCause(error, ({ code }) => typeof code === 'string' && /^2[23]\w{3}$/.test(code));
}

/**
 * True when the plan that the driver remembers for a connection is of no use there any more: a migration gave its
 * result another shape, or the server forgot it. Nothing was done; on a new connection it is planned anew.
 */
export function isStatementLost(error: unknown): boolean {
  return someCause(
    error,
    ({ code, message }) =>
      code === '26000' || (code === '0A000' && message === 'cached plan must not change result type'),
  );
}

interface ErrorParts {
  readonly code?: unknown;
  readonly kind?: unknown;
  readonly message?: unknown;
}

/** Walks `cause`, `errors` (of AggregateError) and Prisma's `meta.driverAdapterError`. */
function someCause(error: unknown, test: (parts: ErrorParts) => boolean, depth = 0): boolean {
  if (typeof error !== 'object' || error === null || depth > 8) return false;
  const parts = error as ErrorParts & {
    cause?: unknown;
    originalCode?: unknown;
    errors?: unknown;
    meta?: { driverAdapterError?: unknown };
  };
  if (test(parts) || test({ code: parts.originalCode })) return true;
  const inner = [
    parts.cause,
    parts.meta?.driverAdapterError,
    ...(Array.isArray(parts.errors) ? parts.errors : []),
  ];
  return inner.some((next) => someCause(next, test, depth + 1));
}

class DatabaseStartError extends Error {
  name = "DatabaseStartError";
}
function explainStart(error) {
  if (error instanceof DatabaseStartError) return error;
  const { code, message } = error;
  const reason = [message, code].find((text) => typeof text === "string" && text !== "") ?? "no reason given";
  const isRefused = typeof code === "string" && (code.startsWith("28") || code === "3D000");
  if (!isRefused && !isDatabaseUnavailable(error)) return error;
  return new DatabaseStartError(`The database cannot be used: ${String(reason).trim()}.`, { cause: error });
}
const RETRYABLE_SQLSTATE_CLASSES = ["08", "53", "57P"];
const RETRYABLE_SQLSTATES = /* @__PURE__ */ new Set([
  "57014",
  // query_canceled: our statement_timeout; the server is overloaded or a lock is held
  "55P03",
  // lock_not_available: our lock_timeout
  "25P03",
  // idle_in_transaction_session_timeout
  "25006"
  // read_only_sql_transaction: the server is a standby or its disk is full
]);
const NETWORK_CODES = /* @__PURE__ */ new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ECONNABORTED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "EPIPE",
  "ETIMEDOUT"
]);
const ADAPTER_KINDS = /* @__PURE__ */ new Set([
  "DatabaseNotReachable",
  "ConnectionClosed",
  "SocketTimeout",
  "TooManyConnections",
  "TlsConnectionError"
]);
const PRISMA_CODES = /* @__PURE__ */ new Set([
  "P1001",
  // can't reach the server
  "P1002",
  // reached, but timed out
  "P1008",
  // operation timed out
  "P1017",
  // server closed the connection
  "P2024",
  // no connection from the pool in time
  "P2028",
  // no transaction could be started in time, or it was closed under us
  "P2037"
  // too many connections
]);
const DRIVER_MESSAGES = /^(Connection terminated|timeout exceeded when trying to connect|Query read timeout|Client has encountered a connection error|The server is shutting down|Cannot use a pool after calling end|Client was closed and is not queryable)/;
function isDatabaseUnavailable(error) {
  return someCause(error, ({ code, kind, message }) => {
    if (typeof code === "string") {
      if (NETWORK_CODES.has(code) || PRISMA_CODES.has(code) || RETRYABLE_SQLSTATES.has(code)) return true;
      if (code.length === 5 && RETRYABLE_SQLSTATE_CLASSES.some((start) => code.startsWith(start)))
        return true;
    }
    if (typeof kind === "string" && ADAPTER_KINDS.has(kind)) return true;
    return typeof message === "string" && DRIVER_MESSAGES.test(message);
  });
}
function isSerializationConflict(error) {
  return someCause(
    error,
    ({ code, kind }) => code === "40001" || code === "40P01" || code === "P2034" || kind === "TransactionWriteConflict"
  );
}
function isStatementLost(error) {
  return someCause(
    error,
    ({ code, message }) => code === "26000" || code === "0A000" && message === "cached plan must not change result type"
  );
}
function someCause(error, test, depth = 0) {
  if (typeof error !== "object" || error === null || depth > 8) return false;
  const parts = error;
  if (test(parts) || test({ code: parts.originalCode })) return true;
  const inner = [
    parts.cause,
    parts.meta?.driverAdapterError,
    ...Array.isArray(parts.errors) ? parts.errors : []
  ];
  return inner.some((next) => someCause(next, test, depth + 1));
}
export {
  DatabaseStartError,
  explainStart,
  isDatabaseUnavailable,
  isSerializationConflict,
  isStatementLost
};
//# sourceMappingURL=errors.js.map

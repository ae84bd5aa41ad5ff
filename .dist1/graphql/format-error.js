import { GraphQLError } from "graphql";
import { isDatabaseUnavailable } from "../database/index.js";
const UNAVAILABLE_MESSAGE = "Souk cannot reach its database right now; please try again. What was under way may have been recorded: a prediction with an idempotencyKey is charged once, however often it is sent.";
const INTERNAL_MESSAGE = "Something went wrong on our side. It was logged under the request id of this answer.";
const RETRY_AFTER_SECONDS = 1;
const MAX_MESSAGE_CHARACTERS = 2e3;
const MORE_MISTAKES_MESSAGE = "The variables hold more mistakes; only the first are listed.";
function isEndOfMistakes(error) {
  return error instanceof GraphQLError && error.path === void 0 && error.message.startsWith("Too many errors processing variables");
}
function causeOf(error) {
  let cause = error;
  for (let depth = 0; depth < 16 && cause instanceof GraphQLError; depth++) {
    if (cause.originalError === void 0) break;
    cause = cause.originalError;
  }
  return cause;
}
function classifyError(error) {
  const cause = causeOf(error);
  if (isDatabaseUnavailable(cause)) return "unavailable";
  if (!(cause instanceof GraphQLError)) return "internal";
  if (isEndOfMistakes(error)) return "known";
  const { code } = error instanceof GraphQLError ? error.extensions : cause.extensions;
  return typeof code === "string" && code !== "INTERNAL_SERVER_ERROR" ? "known" : "internal";
}
function maskError(formatted, original) {
  const place = {
    ...formatted.path === void 0 ? {} : { path: formatted.path },
    ...formatted.locations === void 0 ? {} : { locations: formatted.locations }
  };
  switch (classifyError(original)) {
    case "known":
      if (isEndOfMistakes(original)) {
        return { message: MORE_MISTAKES_MESSAGE, extensions: { code: "BAD_USER_INPUT" } };
      }
      return formatted.message.length <= MAX_MESSAGE_CHARACTERS ? formatted : {
        ...formatted,
        message: `${formatted.message.slice(0, MAX_MESSAGE_CHARACTERS).replace(new RegExp("\\p{Cs}$", "u"), "")}\u2026`
      };
    case "unavailable":
      return {
        message: UNAVAILABLE_MESSAGE,
        ...place,
        extensions: { code: "SERVICE_UNAVAILABLE", retryable: true }
      };
    case "internal":
      return { message: INTERNAL_MESSAGE, ...place, extensions: { code: "INTERNAL_SERVER_ERROR" } };
  }
}
function withRequestId(error, requestId) {
  return { ...error, extensions: { code: "INTERNAL_SERVER_ERROR", ...error.extensions, requestId } };
}
function logFault(error, log) {
  const kind = classifyError(error);
  if (kind === "known") return;
  const path = error instanceof GraphQLError ? error.path : void 0;
  const details = { err: causeOf(error), path };
  if (kind === "unavailable") log.warn(details, "The database is unavailable");
  else log.error(details, "A request failed unexpectedly");
}
export {
  INTERNAL_MESSAGE,
  RETRY_AFTER_SECONDS,
  UNAVAILABLE_MESSAGE,
  causeOf,
  classifyError,
  logFault,
  maskError,
  withRequestId
};
//# sourceMappingURL=format-error.js.map

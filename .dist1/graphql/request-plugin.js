import { GraphQLError } from "graphql";
import { logFault, RETRY_AFTER_SECONDS, withRequestId } from "./format-error.js";
import { checkOperation } from "./operation-limits.js";
const DOCUMENT_CODES = /* @__PURE__ */ new Set([
  "GRAPHQL_PARSE_FAILED",
  "GRAPHQL_VALIDATION_FAILED",
  "OPERATION_RESOLUTION_FAILURE"
]);
function createRequestPlugin() {
  const listener = {
    // Apollo answers what is thrown here as the client's error; what other early hooks throw, as ours.
    async didResolveOperation({ schema, document, operation, request }) {
      if (operation === void 0) return;
      if (!schema.getRootType(operation.operation)) {
        throw new GraphQLError(`This server has no ${operation.operation} operations.`, {
          extensions: { code: "OPERATION_RESOLUTION_FAILURE" }
        });
      }
      checkOperation(schema, document, operation, request.variables ?? {});
    },
    async didEncounterErrors({ errors, contextValue }) {
      for (const error of errors) logFault(error, contextValue.log);
    },
    async willSendResponse({ response, request, contextValue }) {
      if (response.body.kind !== "single") return;
      const result = response.body.singleResult;
      if (result.errors === void 0) return;
      const accept = request.http?.headers.get("accept");
      response.body.singleResult = {
        ...result,
        errors: result.errors.map((error) => withRequestId(error, contextValue.requestId))
      };
      const status = statusOf(result, result.errors, accept);
      if (status !== null) response.http.status = status;
      if (status === 503) response.http.headers.set("retry-after", String(RETRY_AFTER_SECONDS));
    }
  };
  return { requestDidStart: async () => listener };
}
function statusOf(result, errors, accept) {
  const isNothingAnswered = Object.values(result.data ?? {}).every((value) => value === null);
  if (isNothingAnswered && errors.some(({ extensions }) => extensions?.["code"] === "SERVICE_UNAVAILABLE")) {
    return 503;
  }
  const isOlderMediaType = accept === void 0 || !accept.includes("application/graphql-response+json");
  if (isOlderMediaType && errors.every(({ extensions }) => isDocumentError(extensions))) return 200;
  return null;
}
function isDocumentError(extensions) {
  if (DOCUMENT_CODES.has(extensions?.["code"])) return true;
  return extensions?.["code"] === "BAD_USER_INPUT" && extensions["reason"] !== "LIMIT_EXCEEDED";
}
export {
  createRequestPlugin
};
//# sourceMappingURL=request-plugin.js.map

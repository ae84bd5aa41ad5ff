import { GraphQLError } from "graphql";
import { LRUCache } from "lru-cache";
import { classifyError, logFault, RETRY_AFTER_SECONDS } from "./format-error.js";
import { checkDocumentText, checkVariablesDepth } from "./limits.js";
import { createLoaders } from "./loaders.js";
const REMEMBERED_TEXTS = 1e3;
const MAX_REMEMBERED_LENGTH = 1e4;
function createContextFactory(services) {
  const passed = new LRUCache({ max: REMEMBERED_TEXTS });
  function checkLimits({ document, variables }) {
    checkVariablesDepth(variables);
    if (typeof document !== "string" || passed.has(document)) return;
    checkDocumentText(document);
    if (document.length <= MAX_REMEMBERED_LENGTH) passed.set(document, true);
  }
  return async (request) => {
    checkLimits(request);
    const { requestId, clientAddress, signal, log } = request;
    const actor = await authenticate(services, request);
    const loaders = createLoaders(services, actor);
    return { actor, services, loaders, signal, requestId, clientAddress, log };
  };
}
async function authenticate(services, request) {
  const { authorization, tenantSlug, requestId, clientAddress, log } = request;
  const credentials = { authorization, tenantHeader: tenantSlug, requestId, clientAddress };
  const result = await services.identity.authenticate(credentials).catch((fault) => {
    logFault(fault, log);
    throw maskedFault(fault);
  });
  if (result.ok) return result.value;
  throw new GraphQLError(result.error.message, {
    extensions: {
      code: "UNAUTHENTICATED",
      http: { status: 401, headers: /* @__PURE__ */ new Map([["www-authenticate", 'Bearer realm="souk"']]) }
    }
  });
}
function maskedFault(fault) {
  const isUnavailable = classifyError(fault) === "unavailable";
  const headers = /* @__PURE__ */ new Map([["retry-after", String(RETRY_AFTER_SECONDS)]]);
  return new GraphQLError("The credentials could not be checked.", {
    originalError: fault instanceof Error ? fault : new Error(String(fault)),
    extensions: { http: isUnavailable ? { status: 503, headers } : { status: 500 } }
  });
}
export {
  createContextFactory
};
//# sourceMappingURL=create-context.js.map

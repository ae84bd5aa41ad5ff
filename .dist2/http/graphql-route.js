import { fastifyApolloHandler } from "@as-integrations/fastify";
import { withRequestId } from "../graphql/format-error.js";
import { tenantHeaderOf } from "./authenticate-request.js";
const BODY_TIMEOUT_MS = 6e4;
function graphqlRoute(options) {
  const answer = fastifyApolloHandler(options.apollo, {
    context: (request, reply) => options.createContext(toContextRequest(request, reply))
  });
  return (app) => {
    app.route({
      method: ["GET", "POST"],
      url: "/graphql",
      preParsing: (request, reply, payload, done) => {
        const timer = setTimeout(() => request.raw.destroy(), BODY_TIMEOUT_MS);
        const stop = () => clearTimeout(timer);
        payload.once("end", stop);
        reply.raw.once("close", stop);
        done(null, payload);
      },
      handler: async (request, reply) => {
        if (isBrowserVisit(request)) return options.graphiql.send(reply);
        const body = await answer.call(app, request, reply);
        if (reply.statusCode < 400 || typeof body !== "string") return body;
        return completeErrors(body, request.id);
      }
    });
  };
}
function isBrowserVisit(request) {
  if (request.method !== "GET" || request.url.includes("?")) return false;
  return (request.headers.accept ?? "").startsWith("text/html");
}
function toContextRequest(request, reply) {
  const gone = new AbortController();
  reply.raw.once("close", () => {
    if (!reply.raw.writableFinished) gone.abort();
  });
  const body = isRecord(request.body) ? request.body : {};
  const search = isRecord(request.query) ? request.query : {};
  return {
    authorization: request.headers.authorization ?? null,
    tenantSlug: tenantHeaderOf(request),
    clientAddress: request.ip,
    document: request.method === "GET" ? search["query"] : body["query"],
    variables: body["variables"],
    requestId: request.id,
    signal: gone.signal,
    log: request.log
  };
}
function completeErrors(body, requestId) {
  const result = JSON.parse(body);
  const errors = result.errors?.map((error) => withRequestId(error, requestId)) ?? [];
  return JSON.stringify({ ...result, errors });
}
function isRecord(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
export {
  graphqlRoute
};
//# sourceMappingURL=graphql-route.js.map

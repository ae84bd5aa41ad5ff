import Fastify, { LogController } from "fastify";
import { newId } from "../lib/ids.js";
import { handleError, sendError, socketAnswer, toHttpError } from "./errors.js";
import { registerJsonBody } from "./json-body.js";
import { SECURITY_HEADERS } from "./security-headers.js";
const IDLE_CONNECTION_MS = 33e4;
const HEADERS_TIMEOUT_MS = 2e4;
const KEEP_ALIVE_MS = 72e3;
const CLOSING = Object.freeze({
  status: 503,
  code: "SERVICE_UNAVAILABLE",
  message: "This server is stopping; please send the request again."
});
class HttpServer {
  #app;
  #options;
  constructor(app, options) {
    this.#app = app;
    this.#options = options;
  }
  static async create(options) {
    const app = createFastify(options);
    addHooks(app, options.metrics);
    refuseWhileClosing(app);
    registerJsonBody(app, { bodyLimitBytes: options.bodyLimitBytes });
    app.setErrorHandler(handleError);
    app.setNotFoundHandler(
      (request, reply) => sendError(request, reply, {
        status: 404,
        code: "NOT_FOUND",
        message: "There is nothing at this path; GraphQL lives at /graphql."
      })
    );
    for (const register of options.routes) await register(app);
    await app.ready();
    return new HttpServer(app, options);
  }
  /** Starts to listen. Throws Node's error when the address cannot be had. Returns the URL. */
  async start() {
    const { host, port } = this.#options;
    await this.#app.listen({ host, port });
    const address = this.#app.server.address();
    const actualPort = typeof address === "object" && address !== null ? address.port : port;
    return `http://${host.includes(":") ? `[${host}]` : host}:${actualPort}`;
  }
  /** Takes no new connection, lets the requests in flight finish until the deadline, then cuts them. */
  async stop(deadlineMs) {
    const cut = setTimeout(() => this.#app.server.closeAllConnections(), deadlineMs);
    try {
      await this.#app.close();
    } finally {
      clearTimeout(cut);
    }
  }
  /** The instance, for tests that inject requests without a port. */
  get app() {
    return this.#app;
  }
}
function createFastify(options) {
  const app = Fastify({
    loggerInstance: options.log,
    // One line per request would be most of the work of a small request; the metrics count them instead.
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: "requestId" }),
    // An id that a client chose could forge the trail in logs and ledger.
    requestIdHeader: false,
    genReqId: () => newId("request"),
    bodyLimit: options.bodyLimitBytes,
    trustProxy: options.trustProxy,
    onProtoPoisoning: "error",
    onConstructorPoisoning: "error",
    connectionTimeout: IDLE_CONNECTION_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    // The time for a whole request is limited per route: an upload may rightly take long.
    requestTimeout: 0,
    http: { headersTimeout: HEADERS_TIMEOUT_MS },
    forceCloseConnections: "idle",
    // Ours says it in the form that the path's clients read: see `refuseWhileClosing`.
    return503OnClosing: false,
    clientErrorHandler: (error, socket) => {
      if (error.code === "ECONNRESET" || socket.destroyed || !socket.writable) socket.destroy();
      else socket.end(socketAnswer(error.code, newId("request")), () => socket.destroy());
    },
    frameworkErrors: (error, request, reply) => {
      void reply.headers(SECURITY_HEADERS);
      void sendError(request, reply, toHttpError(error));
    }
  });
  return app;
}
function refuseWhileClosing(app) {
  let isClosing = false;
  app.addHook("preClose", (done) => {
    isClosing = true;
    done();
  });
  app.addHook("onRequest", async (request, reply) => {
    if (isClosing) await sendError(request, reply, CLOSING);
  });
}
function addHooks(app, metrics) {
  app.addHook("onRequest", (request, reply, done) => {
    void reply.headers(SECURITY_HEADERS).header("x-request-id", request.id);
    done();
  });
  app.addHook("onResponse", (request, reply, done) => {
    const route = request.routeOptions.url ?? "unmatched";
    metrics.observeRequest(request.method, route, reply.statusCode, reply.elapsedTime);
    request.log.debug(
      { method: request.method, route, status: reply.statusCode, durationMs: reply.elapsedTime },
      "Answered"
    );
    done();
  });
}
export {
  HttpServer
};
//# sourceMappingURL=server.js.map

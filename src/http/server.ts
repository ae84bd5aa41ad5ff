/** The HTTP door: one Fastify instance, its limits, its routes, and how it closes. */
import Fastify, { LogController, type FastifyError, type FastifyInstance } from 'fastify';
import { newId } from '../lib/ids.js';
import type { Logger } from '../lib/logger.js';
import { handleError, sendError, socketAnswer, toHttpError, type HttpError } from './errors.js';
import { registerJsonBody } from './json-body.js';
import type { Metrics } from './metrics.js';
import { createRequestLog } from './request-log.js';
import { SECURITY_HEADERS } from './security-headers.js';
import { registerTurnstile } from './turnstile.js';

export interface HttpServerOptions {
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  /** Largest JSON body; uploads have a limit of their own. */
  readonly bodyLimitBytes: number;
  /** Whether `X-Forwarded-*` is believed: only behind a proxy that sets it. */
  readonly trustProxy: boolean;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Each adds its routes; none knows the others. */
  readonly routes: readonly ((app: FastifyInstance) => void | Promise<void>)[];
}

// A connection that is silent for longer than the longest answer takes (a prediction of 300 s) is dead.
const IDLE_CONNECTION_MS = 330_000;
const HEADERS_TIMEOUT_MS = 20_000;
const KEEP_ALIVE_MS = 72_000;
const CLOSING: HttpError = Object.freeze({
  status: 503,
  code: 'SERVICE_UNAVAILABLE',
  message: 'This server is stopping; please send the request again.',
});

export class HttpServer {
  readonly #app: FastifyInstance;
  readonly #options: HttpServerOptions;

  private constructor(app: FastifyInstance, options: HttpServerOptions) {
    this.#app = app;
    this.#options = options;
  }

  static async create(options: HttpServerOptions): Promise<HttpServer> {
    const app = createFastify(options);
    addHooks(app, options.metrics, options.log.isLevelEnabled('debug'));
    registerTurnstile(app);
    refuseWhileClosing(app);
    registerJsonBody(app, { bodyLimitBytes: options.bodyLimitBytes });
    app.setErrorHandler<FastifyError>(handleError);
    app.setNotFoundHandler((request, reply) =>
      sendError(request, reply, {
        status: 404,
        code: 'NOT_FOUND',
        message: 'There is nothing at this path; GraphQL lives at /graphql.',
      }),
    );
    for (const register of options.routes) await register(app);
    await app.ready();
    return new HttpServer(app, options);
  }

  /** Starts to listen. Throws Node's error when the address cannot be had. Returns the URL. */
  async start(): Promise<string> {
    const { host, port } = this.#options;
    await this.#app.listen({ host, port });
    const address = this.#app.server.address();
    const actualPort = typeof address === 'object' && address !== null ? address.port : port;
    return `http://${host.includes(':') ? `[${host}]` : host}:${actualPort}`;
  }

  /** Takes no new connection, lets the requests in flight finish until the deadline, then cuts them. */
  async stop(deadlineMs: number): Promise<void> {
    const cut = setTimeout(() => this.#app.server.closeAllConnections(), deadlineMs);
    try {
      await this.#app.close();
    } finally {
      clearTimeout(cut);
    }
  }

  /** The instance, for tests that inject requests without a port. */
  get app(): FastifyInstance {
    return this.#app;
  }
}

function createFastify(options: HttpServerOptions): FastifyInstance {
  const app = Fastify({
    loggerInstance: options.log,
    // One line per request would be most of the work of a small request; the metrics count them instead.
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    // An id that a client chose could forge the trail in logs and ledger.
    requestIdHeader: false,
    genReqId: () => newId('request'),
    childLoggerFactory: (logger, bindings, how) => createRequestLog(() => logger.child(bindings, how)),
    bodyLimit: options.bodyLimitBytes,
    trustProxy: options.trustProxy,
    onProtoPoisoning: 'error',
    onConstructorPoisoning: 'error',
    connectionTimeout: IDLE_CONNECTION_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    // The time for a whole request is limited per route: an upload may rightly take long.
    requestTimeout: 0,
    http: { headersTimeout: HEADERS_TIMEOUT_MS },
    forceCloseConnections: 'idle',
    // Ours says it in the form that the path's clients read: see `refuseWhileClosing`.
    return503OnClosing: false,
    clientErrorHandler: (error, socket) => {
      // Gone already, or in the middle of an answer, into which nothing must be mixed.
      if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) socket.destroy();
      else socket.end(socketAnswer(error.code, newId('request')), () => socket.destroy());
    },
    frameworkErrors: (error, request, reply) => {
      void reply.headers(SECURITY_HEADERS);
      void sendError(request, reply, toHttpError(error));
    },
  });
  return app as unknown as FastifyInstance;
}

/** A request that still arrives on an open connection: what it needs is being stopped. */
function refuseWhileClosing(app: FastifyInstance): void {
  let isClosing = false;
  app.addHook('preClose', (done) => {
    isClosing = true;
    done();
  });
  app.addHook('onRequest', async (request, reply) => {
    if (isClosing) await sendError(request, reply, CLOSING);
  });
}

function addHooks(app: FastifyInstance, metrics: Metrics, logsAnswers: boolean): void {
  app.addHook('onRequest', (request, reply, done) => {
    void reply.headers(SECURITY_HEADERS).header('x-request-id', request.id);
    done();
  });
  app.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url ?? 'unmatched';
    const { method } = request;
    const { statusCode: status, elapsedTime: durationMs } = reply;
    metrics.observeRequest(method, route, status, durationMs);
    if (logsAnswers) request.log.debug({ method, route, status, durationMs }, 'Answered');
    done();
  });
}

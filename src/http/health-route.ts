/** For whoever watches the server: is the process alive, can it serve, and how does it do. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { createHash, timingSafeEqual } from 'node:crypto';
import { sendError } from './errors.js';
import type { Metrics } from './metrics.js';

export interface Readiness {
  readonly isReady: boolean;
  /** What is missing, in words that give nothing away; empty when ready. */
  readonly problems: readonly string[];
}

export interface HealthRouteOptions {
  readonly version: string;
  readonly checkReadiness: () => Promise<Readiness>;
  readonly metrics: Metrics;
  /** With a token, /metrics wants it as a bearer; without one, it answers only to this machine. */
  readonly metricsToken: string | null;
}

export function healthRoute(options: HealthRouteOptions): (app: FastifyInstance) => void {
  return (app) => {
    app.get('/healthz', () => ({ status: 'ok', version: options.version }));
    app.get('/readyz', async (_request, reply) => {
      const { isReady, problems } = await options.checkReadiness();
      if (!isReady) void reply.code(503).header('retry-after', '1');
      return { status: isReady ? 'ready' : 'not ready', problems };
    });
    app.get('/metrics', async (request, reply) => {
      if (!mayReadMetrics(request, options.metricsToken)) {
        return sendError(request, reply, {
          status: 401,
          code: 'UNAUTHENTICATED',
          message:
            'Metrics are open to this machine only; set METRICS_TOKEN and send it as `Authorization: Bearer`.',
        });
      }
      const { contentType, text } = await options.metrics.render();
      return reply.type(contentType).send(text);
    });
  };
}

// What proxies and the edges of clouds add to a request that they pass on.
const FORWARDED = /^(x-forwarded-.*|forwarded|via|x-real-ip|(cf|true|fastly)-(connecting|client)-ip)$/;

function mayReadMetrics(request: FastifyRequest, token: string | null): boolean {
  if (token !== null) {
    const given = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? '';
    return timingSafeEqual(digest(given), digest(token));
  }
  // A proxy on this machine would make every stranger look local: what was forwarded is not local.
  const { headers, socket } = request;
  const isForwarded = Object.keys(headers).some((name) => FORWARDED.test(name));
  return !isForwarded && isLoopback(socket.remoteAddress ?? '');
}

function isLoopback(address: string): boolean {
  return address === '::1' || /^(::ffff:)?127\./.test(address);
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** The doors without the house: real Fastify, real Apollo, the real contract; services that do as told. */
import { createContextFactory } from '../../../src/graphql/create-context.js';
import { createEarlyRefusal } from '../../../src/graphql/early-refusal.js';
import type { Services } from '../../../src/graphql/services.js';
import type { Resolvers } from '../../../src/graphql/generated/resolvers.js';
import { createResolvers } from '../../../src/graphql/resolvers/index.js';
import { startGraphQLServer } from '../../../src/graphql/server.js';
import { createGraphiqlPage } from '../../../src/http/graphiql-route.js';
import { graphqlRoute } from '../../../src/http/graphql-route.js';
import { healthRoute, type Readiness } from '../../../src/http/health-route.js';
import { createMetrics } from '../../../src/http/metrics.js';
import { HttpServer } from '../../../src/http/server.js';
import { createLogger, type Logger } from '../../../src/lib/logger.js';

export interface DoorsOptions {
  readonly query?: Resolvers['Query'];
  readonly mutation?: Resolvers['Mutation'];
  readonly services?: Partial<Services>;
  readonly readiness?: () => Promise<Readiness>;
  readonly metricsToken?: string;
  readonly introspection?: boolean;
  readonly log?: Logger;
}

export async function openDoors(options: DoorsOptions = {}): Promise<HttpServer> {
  const log = options.log ?? createLogger('silent');
  const resolvers = createResolvers();
  const apollo = await startGraphQLServer({
    resolvers: {
      ...resolvers,
      Query: { ...resolvers.Query, ...options.query },
      Mutation: { ...resolvers.Mutation, ...options.mutation },
    },
    introspection: options.introspection ?? true,
    log,
  });
  const services = {
    identity: { authenticate: async () => ({ ok: true, value: null }) },
    server: {
      version: '0.0.0',
      maxUploadBytes: 1,
      isolation: () => ({
        kind: 'thread',
        threadsPerWorker: 1,
        walls: { ownMemory: false, networkCutOff: false, environmentHidden: false, memoryLimitBytes: null },
      }),
      importWalls: async () => ({
        filesHidden: false,
        processesHidden: false,
        networkCutOff: false,
        environmentHidden: true,
        privilegesDropped: false,
      }),
      runtimes: () => [{ runtime: 'tfjs-wasm', available: true, detail: '4.22.0' }],
      pool: () => ({ workers: [], queued: 0, queueLimit: 1 }),
    },
    predictions: { mayBeFull: () => false },
    ...options.services,
  } as unknown as Services;
  const graphiql = createGraphiqlPage();
  const metrics = createMetrics();
  return HttpServer.create({
    host: '127.0.0.1',
    port: 0,
    bodyLimitBytes: 1024 * 1024,
    trustProxy: false,
    log,
    metrics,
    routes: [
      healthRoute({
        version: '0.0.0',
        metrics,
        metricsToken: options.metricsToken ?? null,
        checkReadiness: options.readiness ?? (async () => ({ isReady: true, problems: [] })),
      }),
      graphiql.route,
      graphqlRoute({
        apollo,
        graphiql,
        createContext: createContextFactory(services),
        refuseEarly: createEarlyRefusal(services),
      }),
    ],
  });
}

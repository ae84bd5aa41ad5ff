/** GraphQL on Fastify: Apollo answers; this file watches the connection and completes error answers. */
import type { ApolloServer } from '@apollo/server';
import { fastifyApolloHandler } from '@as-integrations/fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { FormattedExecutionResult } from 'graphql';
import type { ContextRequest } from '../graphql/create-context.js';
import type { GraphQLContext } from '../graphql/context.js';
import { withRequestId } from '../graphql/format-error.js';
import { tenantHeaderOf } from './authenticate-request.js';
import type { GraphiqlPage } from './graphiql-route.js';

export interface GraphQLRouteOptions {
  readonly apollo: ApolloServer<GraphQLContext>;
  readonly createContext: (request: ContextRequest) => Promise<GraphQLContext>;
  readonly graphiql: GraphiqlPage;
}

/** Longest time for a body to arrive: one who sends a byte a minute holds memory, not just a socket. */
const BODY_TIMEOUT_MS = 60_000;

export function graphqlRoute(options: GraphQLRouteOptions): (app: FastifyInstance) => void {
  const answer = fastifyApolloHandler(options.apollo, {
    context: (request: FastifyRequest, reply: FastifyReply) =>
      options.createContext(toContextRequest(request, reply)),
  });
  return (app) => {
    app.route({
      method: ['GET', 'POST'],
      url: '/graphql',
      preParsing: (request, reply, payload, done) => {
        const timer = setTimeout(() => request.raw.destroy(), BODY_TIMEOUT_MS);
        const stop = () => clearTimeout(timer);
        payload.once('end', stop);
        reply.raw.once('close', stop);
        done(null, payload);
      },
      handler: async (request, reply) => {
        if (isBrowserVisit(request)) return options.graphiql.send(reply);
        const body: unknown = await answer.call(app, request, reply);
        // Errors inside an operation have their request id already; these came before there was one.
        if (reply.statusCode < 400 || typeof body !== 'string') return body;
        return completeErrors(body, request.id);
      },
    });
  };
}

/** A person who typed the address, not a program: asks for HTML first, and asks no question. */
function isBrowserVisit(request: FastifyRequest): boolean {
  if (request.method !== 'GET' || request.url.includes('?')) return false;
  return (request.headers.accept ?? '').startsWith('text/html');
}

function toContextRequest(request: FastifyRequest, reply: FastifyReply): ContextRequest {
  const gone = new AbortController();
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) gone.abort();
  });
  const body = isRecord(request.body) ? request.body : {};
  const search = isRecord(request.query) ? request.query : {};
  return {
    authorization: request.headers.authorization ?? null,
    tenantSlug: tenantHeaderOf(request),
    clientAddress: request.ip,
    document: request.method === 'GET' ? search['query'] : body['query'],
    variables: body['variables'],
    requestId: request.id,
    signal: gone.signal,
    log: request.log as ContextRequest['log'],
  };
}

function completeErrors(body: string, requestId: string): string {
  const result = JSON.parse(body) as FormattedExecutionResult;
  const errors = result.errors?.map((error) => withRequestId(error, requestId)) ?? [];
  return JSON.stringify({ ...result, errors });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** GraphQL on Fastify: Apollo answers; this file watches the connection and completes error answers. */
import {
  HeaderMap,
  type ApolloServer,
  type HTTPGraphQLRequest,
  type HTTPGraphQLResponse,
} from '@apollo/server';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { FormattedExecutionResult } from 'graphql';
import type { IncomingHttpHeaders } from 'node:http';
import type { ContextRequest } from '../graphql/create-context.js';
import type { GraphQLContext } from '../graphql/context.js';
import type { EarlyAnswer, RefuseEarly } from '../graphql/early-refusal.js';
import { withRequestId } from '../graphql/format-error.js';
import { tenantHeaderOf } from './authenticate-request.js';
import type { GraphiqlPage } from './graphiql-route.js';

export interface GraphQLRouteOptions {
  readonly apollo: ApolloServer<GraphQLContext>;
  readonly createContext: (request: ContextRequest) => Promise<GraphQLContext>;
  readonly graphiql: GraphiqlPage;
  readonly refuseEarly: RefuseEarly;
}

/** Longest time for a body to arrive: one who sends a byte a minute holds memory, not just a socket. */
const BODY_TIMEOUT_MS = 60_000;

export function graphqlRoute(options: GraphQLRouteOptions): (app: FastifyInstance) => void {
  const { apollo, createContext, refuseEarly } = options;
  const toApolloRequest = createTranslation();
  const signalOf = createSignals();
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
        const httpGraphQLRequest = toApolloRequest(request);
        const contextRequest = () => toContextRequest(request, signalOf(request));
        const ask = async (body: unknown, context: () => Promise<GraphQLContext>) => {
          const asked = { ...httpGraphQLRequest, body };
          return toAnswer(await apollo.executeHTTPGraphQLRequest({ httpGraphQLRequest: asked, context }));
        };
        const early = mayRefuseEarly(request) ? await refuseEarly(request.body, contextRequest, ask) : null;
        if (early !== null) return send(reply, early);
        const answer = await ask(httpGraphQLRequest.body, () => createContext(contextRequest()));
        void reply.code(answer.status);
        // Errors inside an operation have their request id already; these came before there was one.
        if (answer.status < 400) return send(reply, answer);
        return completeErrors(send(reply, answer), request.id);
      },
    });
  };
}

/** Its answer does not depend on its headers but for who sends it. */
function mayRefuseEarly(
  request: FastifyRequest,
): request is FastifyRequest & { readonly body: Record<string, unknown> } {
  return request.method === 'POST' && isRecord(request.body) && ACCEPTS_JSON.has(request.headers.accept);
}

function toAnswer({ status, headers, body }: HTTPGraphQLResponse): EarlyAnswer & { readonly status: number } {
  if (body.kind !== 'complete') throw new Error('Answers in parts are not part of the contract.');
  return { status: status ?? 200, headers: [...headers], body: body.string };
}

/** Writes the headers; what it returns is to be sent. */
function send(reply: FastifyReply, { headers, body }: EarlyAnswer): string {
  for (const [name, value] of headers) void reply.header(name, value);
  return body;
}

/** A person who typed the address, not a program: asks for HTML first, and asks no question. */
function isBrowserVisit(request: FastifyRequest): boolean {
  if (request.method !== 'GET' || request.url.includes('?')) return false;
  return (request.headers.accept ?? '').startsWith('text/html');
}

/**
 * Fires when the connection of a request is gone: one signal for all requests that come over it, since making one costs more
 * than most of what a small request does. Who listens for a request stops listening with its answer.
 */
function createSignals(): (request: FastifyRequest) => AbortSignal {
  const signals = new WeakMap<object, AbortSignal>();
  return ({ socket }) => {
    const known = signals.get(socket);
    if (known !== undefined) return known;
    const gone = new AbortController();
    socket.once('close', () => gone.abort());
    if (socket.destroyed) gone.abort();
    signals.set(socket, gone.signal);
    return gone.signal;
  };
}

// For these, Apollo's own choice of a content type is the same as for a client that accepts anything.
const ACCEPTS_JSON: ReadonlySet<string | undefined> = new Set([undefined, '*/*', 'application/json']);

/**
 * A request as Apollo takes it. Of what our parser has read as JSON, Apollo need not look at the content type again (its
 * guard against forged requests wants one that browsers ask for first, and no other is read here), nor at headers that it
 * has no use for: parsing them would cost as much as executing a small operation.
 */
function createTranslation(): (request: FastifyRequest) => HTTPGraphQLRequest {
  const readAsJson = ['apollo-require-preflight', 'application/json'] as const;
  const ordinary = new HeaderMap([readAsJson]);
  return ({ method, url, body, headers }) => {
    const { accept } = headers;
    const queryAt = url.indexOf('?');
    const search = queryAt < 0 ? '' : url.slice(queryAt);
    if (method !== 'POST' || !isRecord(body)) return { method, body, search, headers: allOf(headers) };
    if (ACCEPTS_JSON.has(accept)) return { method, body, search, headers: ordinary };
    return { method, body, search, headers: new HeaderMap([readAsJson, ['accept', accept as string]]) };
  };
}

function allOf(headers: IncomingHttpHeaders): HeaderMap {
  const all = new HeaderMap();
  for (const [name, value] of Object.entries(headers)) {
    if (value) all.set(name, Array.isArray(value) ? value.join(', ') : value);
  }
  return all;
}

function toContextRequest(request: FastifyRequest, signal: AbortSignal): ContextRequest {
  const body = isRecord(request.body) ? request.body : {};
  const search = isRecord(request.query) ? request.query : {};
  return {
    authorization: request.headers.authorization ?? null,
    tenantSlug: tenantHeaderOf(request),
    clientAddress: request.ip,
    document: request.method === 'GET' ? search['query'] : body['query'],
    variables: body['variables'],
    requestId: request.id,
    signal,
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

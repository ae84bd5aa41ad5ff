/** Errors of the HTTP door outside of GraphQL: `{error: {code, message, requestId}}`, whatever went wrong. */
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { STATUS_CODES } from 'node:http';
import { isDatabaseUnavailable } from '../database/index.js';
import { RETRY_AFTER_SECONDS, UNAVAILABLE_MESSAGE, INTERNAL_MESSAGE } from '../graphql/format-error.js';
import { SECURITY_HEADERS } from './security-headers.js';

export interface HttpError {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

const CODES: Readonly<Record<number, string>> = {
  400: 'BAD_REQUEST',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  405: 'METHOD_NOT_ALLOWED',
  408: 'REQUEST_TIMEOUT',
  413: 'PAYLOAD_TOO_LARGE',
  414: 'URI_TOO_LONG',
  415: 'UNSUPPORTED_MEDIA_TYPE',
  429: 'RATE_LIMITED',
  503: 'SERVICE_UNAVAILABLE',
};

/** An error whose status and message are meant for the client. */
export class ClientError extends Error {
  override name = 'ClientError';
  readonly statusCode: number;

  constructor(statusCode: number, message: string) {
    super(message);
    this.statusCode = statusCode;
  }
}

// Fastify's own refusals, in our words; the rest of its messages are fine as they are.
const MESSAGES: Readonly<Record<string, (error: FastifyError) => string>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: () =>
    'The request body is larger than this server takes (MAX_BODY_BYTES); send tensors as base64, or in smaller batches.',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: () => 'Send JSON: `Content-Type: application/json`, in UTF-8.',
  FST_ERR_CTP_EMPTY_JSON_BODY: () => 'The request body is empty, but its content type promises JSON.',
};

/** What the client is told about an error; faults are told nothing. */
export function toHttpError(error: FastifyError): HttpError {
  // A client that breaks off is an ECONNRESET too, but of its own making: Fastify gives it a status.
  const isClients = error.statusCode !== undefined && error.statusCode < 500;
  if (!isClients && isDatabaseUnavailable(error)) {
    return { status: 503, code: 'SERVICE_UNAVAILABLE', message: UNAVAILABLE_MESSAGE };
  }
  const status = error.statusCode ?? 500;
  if (status < 400 || status >= 500) {
    return { status: 500, code: 'INTERNAL_SERVER_ERROR', message: INTERNAL_MESSAGE };
  }
  const message = MESSAGES[error.code]?.(error) ?? error.message;
  return { status, code: CODES[status] ?? 'BAD_REQUEST', message };
}

/** Answers in the form that the path's clients read: GraphQL's `errors` under /graphql, ours elsewhere. */
export function sendError(request: FastifyRequest, reply: FastifyReply, error: HttpError): FastifyReply {
  const { status, code, message } = error;
  if (status === 503) void reply.header('retry-after', String(RETRY_AFTER_SECONDS));
  const requestId = request.id;
  const isGraphQL = request.routeOptions.url === '/graphql';
  const body = isGraphQL
    ? { errors: [{ message, extensions: { code, requestId } }] }
    : { error: { code, message, requestId } };
  return reply.code(status).type('application/json; charset=utf-8').send(JSON.stringify(body));
}

/** Node's refusals of what is no HTTP, or came too late: there is no request yet, only a socket. */
const SOCKET_ERRORS: Readonly<Record<string, HttpError>> = {
  HPE_HEADER_OVERFLOW: {
    status: 431,
    code: 'HEADERS_TOO_LARGE',
    message: 'The address and headers of the request are larger than the 16 KiB that this server takes.',
  },
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: 408,
    code: 'REQUEST_TIMEOUT',
    message: 'The request arrived too slowly.',
  },
};
const NOT_HTTP: HttpError = {
  status: 400,
  code: 'BAD_REQUEST',
  message: 'The request is not valid HTTP/1.1.',
};

/** The whole answer to a request that Node's parser gave up on; the connection ends with it. */
export function socketAnswer(errorCode: string | undefined, requestId: string): string {
  const { status, code, message } = SOCKET_ERRORS[errorCode ?? ''] ?? NOT_HTTP;
  const body = JSON.stringify({ error: { code, message, requestId } });
  const headers = {
    ...SECURITY_HEADERS,
    'content-type': 'application/json; charset=utf-8',
    'content-length': String(Buffer.byteLength(body)),
    'x-request-id': requestId,
    connection: 'close',
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('')}\r\n${body}`;
}

export function handleError(error: FastifyError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const answer = toHttpError(error);
  if (answer.status >= 500) request.log.error({ err: error }, 'A request failed unexpectedly');
  return sendError(request, reply, answer);
}

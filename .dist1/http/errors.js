import { STATUS_CODES } from "node:http";
import { isDatabaseUnavailable } from "../database/index.js";
import { RETRY_AFTER_SECONDS, UNAVAILABLE_MESSAGE, INTERNAL_MESSAGE } from "../graphql/format-error.js";
import { SECURITY_HEADERS } from "./security-headers.js";
const CODES = {
  400: "BAD_REQUEST",
  401: "UNAUTHENTICATED",
  403: "PERMISSION_DENIED",
  404: "NOT_FOUND",
  405: "METHOD_NOT_ALLOWED",
  408: "REQUEST_TIMEOUT",
  413: "PAYLOAD_TOO_LARGE",
  414: "URI_TOO_LONG",
  415: "UNSUPPORTED_MEDIA_TYPE",
  429: "RATE_LIMITED",
  503: "SERVICE_UNAVAILABLE"
};
class ClientError extends Error {
  name = "ClientError";
  statusCode;
  constructor(statusCode, message) {
    super(message);
    this.statusCode = statusCode;
  }
}
const MESSAGES = {
  FST_ERR_CTP_BODY_TOO_LARGE: () => "The request body is larger than this server takes (MAX_BODY_BYTES); send tensors as base64, or in smaller batches.",
  FST_ERR_CTP_INVALID_MEDIA_TYPE: () => "Send JSON: `Content-Type: application/json`, in UTF-8.",
  FST_ERR_CTP_EMPTY_JSON_BODY: () => "The request body is empty, but its content type promises JSON."
};
function toHttpError(error) {
  const isClients = error.statusCode !== void 0 && error.statusCode < 500;
  if (!isClients && isDatabaseUnavailable(error)) {
    return { status: 503, code: "SERVICE_UNAVAILABLE", message: UNAVAILABLE_MESSAGE };
  }
  const status = error.statusCode ?? 500;
  if (status < 400 || status >= 500) {
    return { status: 500, code: "INTERNAL_SERVER_ERROR", message: INTERNAL_MESSAGE };
  }
  const message = MESSAGES[error.code]?.(error) ?? error.message;
  return { status, code: CODES[status] ?? "BAD_REQUEST", message };
}
function sendError(request, reply, error) {
  const { status, code, message } = error;
  if (status === 503) void reply.header("retry-after", String(RETRY_AFTER_SECONDS));
  const requestId = request.id;
  const isGraphQL = request.routeOptions.url === "/graphql";
  const body = isGraphQL ? { errors: [{ message, extensions: { code, requestId } }] } : { error: { code, message, requestId } };
  return reply.code(status).type("application/json; charset=utf-8").send(JSON.stringify(body));
}
const SOCKET_ERRORS = {
  HPE_HEADER_OVERFLOW: {
    status: 431,
    code: "HEADERS_TOO_LARGE",
    message: "The address and headers of the request are larger than the 16 KiB that this server takes."
  },
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: 408,
    code: "REQUEST_TIMEOUT",
    message: "The request arrived too slowly."
  }
};
const NOT_HTTP = {
  status: 400,
  code: "BAD_REQUEST",
  message: "The request is not valid HTTP/1.1."
};
function socketAnswer(errorCode, requestId) {
  const { status, code, message } = SOCKET_ERRORS[errorCode ?? ""] ?? NOT_HTTP;
  const body = JSON.stringify({ error: { code, message, requestId } });
  const headers = {
    ...SECURITY_HEADERS,
    "content-type": "application/json; charset=utf-8",
    "content-length": String(Buffer.byteLength(body)),
    "x-request-id": requestId,
    connection: "close"
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r
`);
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r
${lines.join("")}\r
${body}`;
}
function handleError(error, request, reply) {
  const answer = toHttpError(error);
  if (answer.status >= 500) request.log.error({ err: error }, "A request failed unexpectedly");
  return sendError(request, reply, answer);
}
export {
  ClientError,
  handleError,
  sendError,
  socketAnswer,
  toHttpError
};
//# sourceMappingURL=errors.js.map

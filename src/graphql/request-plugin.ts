/** What happens around every operation: limits before it runs, the log and the request id after it. */
import type { ApolloServerPlugin, GraphQLRequestListener } from '@apollo/server';
import { GraphQLError, type FormattedExecutionResult, type GraphQLFormattedError } from 'graphql';
import type { GraphQLContext } from './context.js';
import { logFault, RETRY_AFTER_SECONDS, withRequestId } from './format-error.js';
import { createOperationCheck } from './operation-limits.js';
import { createRateLimitHeaders } from './rate-limit-headers.js';

// Codes of errors that Apollo finds before execution.
const DOCUMENT_CODES: ReadonlySet<unknown> = new Set([
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
  'OPERATION_RESOLUTION_FAILURE',
]);

export function createRequestPlugin(): ApolloServerPlugin<GraphQLContext> {
  const checkOperation = createOperationCheck();
  const rateLimitHeaders = createRateLimitHeaders();
  // Holds no state of a request, so one listener serves all requests.
  const listener: GraphQLRequestListener<GraphQLContext> = {
    // Apollo answers what is thrown here as the client's error; what other early hooks throw, as ours.
    async didResolveOperation({ schema, document, operation, request }) {
      if (operation === undefined) return;
      if (!schema.getRootType(operation.operation)) {
        throw new GraphQLError(`This server has no ${operation.operation} operations.`, {
          extensions: { code: 'OPERATION_RESOLUTION_FAILURE' },
        });
      }
      checkOperation(schema, document, operation, request.variables ?? {});
    },
    async didEncounterErrors({ errors, contextValue }) {
      for (const error of errors) logFault(error, contextValue.log);
    },
    async willSendResponse({ response, request, contextValue }) {
      if (response.body.kind !== 'single') return;
      for (const [name, value] of rateLimitHeaders(contextValue.rateLimits)) {
        response.http.headers.set(name, value);
      }
      const result = response.body.singleResult;
      if (result.errors === undefined) return;
      const accept = request.http?.headers.get('accept');
      response.body.singleResult = {
        ...result,
        errors: result.errors.map((error) => withRequestId(error, contextValue.requestId)),
      };
      const status = statusOf(result, result.errors, accept);
      if (status !== null) response.http.status = status;
      if (status === 503) response.http.headers.set('retry-after', String(RETRY_AFTER_SECONDS));
    },
  };
  return { requestDidStart: async () => listener };
}

/** The HTTP status where Apollo's choice is not ours; `null` leaves Apollo's. */
function statusOf(
  result: FormattedExecutionResult,
  errors: readonly GraphQLFormattedError[],
  accept: string | undefined,
): number | null {
  const isNothingAnswered = Object.values(result.data ?? {}).every((value) => value === null);
  if (isNothingAnswered && errors.some(({ extensions }) => extensions?.['code'] === 'SERVICE_UNAVAILABLE')) {
    return 503;
  }
  // "GraphQL over HTTP": to a client of the older media type, a document that cannot be run is a
  // well-formed answer (200); only `application/graphql-response+json` says it by the status.
  const isOlderMediaType = accept === undefined || !accept.includes('application/graphql-response+json');
  if (isOlderMediaType && errors.every(({ extensions }) => isDocumentError(extensions))) return 200;
  return null;
}

function isDocumentError(extensions: GraphQLFormattedError['extensions']): boolean {
  if (DOCUMENT_CODES.has(extensions?.['code'])) return true;
  return extensions?.['code'] === 'BAD_USER_INPUT' && extensions['reason'] !== 'LIMIT_EXCEEDED';
}

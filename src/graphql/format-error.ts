/**
 * The one mask. What a client may read are GraphQL errors that were written for it; everything else is a
 * fault: logged once with its request id, and answered with a sentence that gives nothing away.
 */
import { GraphQLError, type GraphQLFormattedError } from 'graphql';
import { isDatabaseUnavailable } from '../database/index.js';
import type { Logger } from '../lib/logger.js';

/** `known`: written for the client. `unavailable`: worth a retry. `internal`: a defect of ours. */
export type ErrorClass = 'known' | 'unavailable' | 'internal';

export const UNAVAILABLE_MESSAGE =
  'Souk cannot reach its database right now; please try again. What was under way may have been recorded: a prediction with an idempotencyKey is charged once, however often it is sent.';
export const INTERNAL_MESSAGE =
  'Something went wrong on our side. It was logged under the request id of this answer.';
export const RETRY_AFTER_SECONDS = 1;

/** An error may quote what it complains about, and that may be as long as the request. */
const MAX_MESSAGE_CHARACTERS = 2_000;
const MORE_MISTAKES_MESSAGE = 'The variables hold more mistakes; only the first are listed.';

/** graphql-js ends with this, without a code, when it has counted enough mistakes in the variables. */
function isEndOfMistakes(error: unknown): boolean {
  return (
    error instanceof GraphQLError &&
    error.path === undefined &&
    error.message.startsWith('Too many errors processing variables')
  );
}

/** What was thrown first: GraphQL wraps a resolver's error to say where it happened. */
export function causeOf(error: unknown): unknown {
  let cause = error;
  for (let depth = 0; depth < 16 && cause instanceof GraphQLError; depth++) {
    if (cause.originalError === undefined) break;
    cause = cause.originalError;
  }
  return cause;
}

export function classifyError(error: unknown): ErrorClass {
  const cause = causeOf(error);
  if (isDatabaseUnavailable(cause)) return 'unavailable';
  if (!(cause instanceof GraphQLError)) return 'internal';
  if (isEndOfMistakes(error)) return 'known';
  // A GraphQL error without a code is graphql-js complaining about what a resolver returned. Those that
  // it makes about the client's request (syntax, validation, variables) reach us with a code from Apollo.
  const { code } = error instanceof GraphQLError ? error.extensions : cause.extensions;
  return typeof code === 'string' && code !== 'INTERNAL_SERVER_ERROR' ? 'known' : 'internal';
}

/** For Apollo's `formatError`: decides by the original error, answers with what may be shown. */
export function maskError(formatted: GraphQLFormattedError, original: unknown): GraphQLFormattedError {
  const place = {
    ...(formatted.path === undefined ? {} : { path: formatted.path }),
    ...(formatted.locations === undefined ? {} : { locations: formatted.locations }),
  };
  switch (classifyError(original)) {
    case 'known':
      if (isEndOfMistakes(original)) {
        return { message: MORE_MISTAKES_MESSAGE, extensions: { code: 'BAD_USER_INPUT' } };
      }
      return formatted.message.length <= MAX_MESSAGE_CHARACTERS
        ? formatted
        : {
            ...formatted,
            message: `${formatted.message.slice(0, MAX_MESSAGE_CHARACTERS).replace(/\p{Cs}$/u, '')}…`,
          };
    case 'unavailable':
      return {
        message: UNAVAILABLE_MESSAGE,
        ...place,
        extensions: { code: 'SERVICE_UNAVAILABLE', retryable: true },
      };
    case 'internal':
      return { message: INTERNAL_MESSAGE, ...place, extensions: { code: 'INTERNAL_SERVER_ERROR' } };
  }
}

/** Adds the request id, by which the client and the log speak of the same thing. */
export function withRequestId(error: GraphQLFormattedError, requestId: string): GraphQLFormattedError {
  return { ...error, extensions: { code: 'INTERNAL_SERVER_ERROR', ...error.extensions, requestId } };
}

/** Logs a fault; a known error is the client's affair and is not logged. */
export function logFault(error: unknown, log: Logger): void {
  const kind = classifyError(error);
  if (kind === 'known') return;
  const path = error instanceof GraphQLError ? error.path : undefined;
  const details = { err: causeOf(error), path };
  if (kind === 'unavailable') log.warn(details, 'The database is unavailable');
  else log.error(details, 'A request failed unexpectedly');
}

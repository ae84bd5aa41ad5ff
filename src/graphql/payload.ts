import { GraphQLError } from 'graphql';
import type { Refusal, Result } from '../lib/result.js';

/**
 * A mutation's answer: the named results on success, the refusal (or refusals) in `errors` otherwise.
 * The type of each error is its code in PascalCase followed by `Error`; see `resolvers/user-error.ts`.
 */
export function toPayload<T, P extends object>(
  result: Result<T, Refusal | readonly Refusal[]>,
  onSuccess: (value: T) => P,
): Partial<P> & { readonly errors: readonly Refusal[] } {
  if (result.ok) return { ...onSuccess(result.value), errors: [] };
  const { error } = result;
  const errors: readonly Refusal[] = isList(error) ? error : [error];
  // Every field of a payload but `errors` is nullable, so none of them is a whole answer too.
  return { errors } as Partial<P> & { readonly errors: readonly Refusal[] };
}

/** `Array.isArray` does not narrow lists that are read-only. */
function isList(error: Refusal | readonly Refusal[]): error is readonly Refusal[] {
  return Array.isArray(error);
}

const QUERY_CODES: Readonly<Record<string, string>> = { INVALID_INPUT: 'BAD_USER_INPUT' };

/** A query has no payload to carry a refusal: the value, or a GraphQL error with the refusal's code. */
export function valueOrThrow<T, E extends Refusal>(result: Result<T, E>): T {
  if (result.ok) return result.value;
  const { code, message, path } = result.error;
  throw new GraphQLError(message, {
    extensions: { code: QUERY_CODES[code] ?? code, ...(path === undefined ? {} : { argumentPath: path }) },
  });
}

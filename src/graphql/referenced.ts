import { GraphQLError } from 'graphql';

/**
 * What a foreign key promises to be there. Its absence is a fault of ours, not an answer: thrown, so that it
 * is logged and masked instead of becoming a `null` that the contract excludes.
 */
export function referenced<T>(value: T | null, what: string): T {
  if (value === null) throw new Error(`${what} is referred to but was not found.`);
  return value;
}

/**
 * What is there, but perhaps not for whoever sees what refers to it: a key that may publish, grant or move aliases without
 * MODEL_READ. An answer, not a fault.
 * @param of what refers to it
 */
export function visible<T>(value: T | null, what: string, of: string): T {
  if (value !== null) return value;
  throw new GraphQLError(`You may not see the ${what} of this ${of}.`, { extensions: { code: 'NOT_FOUND' } });
}

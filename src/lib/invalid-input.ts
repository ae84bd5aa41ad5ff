import type { Refusal } from './result.js';

export type InvalidInput = Refusal<'INVALID_INPUT'>;

/**
 * What a caller wrote cannot be meant.
 * @param path of the argument, from the input inwards
 */
export function invalidInput(path: readonly string[], message: string): InvalidInput {
  return { code: 'INVALID_INPUT', message, path };
}

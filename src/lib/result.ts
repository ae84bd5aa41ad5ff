/**
 * The answer of every use case. A refusal is an expected answer: plain data with a `code`, never
 * thrown, so the compiler makes each door handle it. A fault (bug, lost database) is thrown.
 */
export type Result<T, E> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: E };

/** Plain data, so that it survives `postMessage` and JSON. Rooms add their own fields. */
export interface Refusal<Code extends string = string> {
  readonly code: Code;
  readonly message: string;
  /** Where in the input the mistake is, e.g. `['inputs', '0', 'shape']`. */
  readonly path?: readonly string[];
}

export function ok<T>(value: T): { readonly ok: true; readonly value: T } {
  return { ok: true, value };
}

export function refuse<E>(error: E): { readonly ok: false; readonly error: E } {
  return { ok: false, error };
}

/** The last branch of an exhaustive switch: does not compile while a case is missing, throws if data lies. */
export function unreachable(value: never): never {
  throw new Error(`Unreachable case: ${JSON.stringify(value)}`);
}

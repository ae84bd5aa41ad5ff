import { invalidInput, type InvalidInput } from './invalid-input.js';
import { ok, refuse, type Result } from './result.js';

/** What a list is asked for: Relay's `first`/`after`, already checked. */
export interface PageRequest {
  readonly first: number;
  /** Values of the sort key of the last row seen; `null` for the first page. */
  readonly after: readonly (string | number)[] | null;
}

/** One page of a keyset list. `cursors[i]` belongs to `items[i]`. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly cursors: readonly string[];
  readonly hasNextPage: boolean;
}

export const DEFAULT_PAGE_SIZE = 20;
export const MAX_PAGE_SIZE = 100;

/** A cursor is base64url JSON `[version, sort name, ...sort key]`: opaque to clients, refused when the order changed. */
export function encodeCursor(sort: string, key: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify([1, sort, ...key])).toString('base64url');
}

export interface PageInput {
  readonly first?: number | null | undefined;
  readonly after?: string | null | undefined;
}

/** The values of a cursor's sort key, as a client may have made them up. */
export type CursorKey = readonly (string | number)[];

/**
 * Checks `first` (1 to 100; refused outside, not clipped) and `after` (a cursor of the same sort).
 * @param isKey whether a key of the right length holds what the query may be given: ids of its kind, times, numbers in bounds
 */
export function parsePageRequest(
  sort: string,
  keyLength: number,
  input: PageInput,
  isKey: (key: CursorKey) => boolean = () => true,
): Result<PageRequest, InvalidInput> {
  const first = input.first ?? DEFAULT_PAGE_SIZE;
  if (!Number.isInteger(first) || first < 1 || first > MAX_PAGE_SIZE) {
    return refuse(invalidInput(['first'], `first must be between 1 and ${MAX_PAGE_SIZE}.`));
  }
  if (input.after === null || input.after === undefined) return ok({ first, after: null });
  const key = decodeCursor(sort, keyLength, input.after);
  if (key === null || !isKey(key)) {
    return refuse(invalidInput(['after'], 'after is not a cursor of this list.'));
  }
  return ok({ first, after: key });
}

function decodeCursor(sort: string, keyLength: number, cursor: string): (string | number)[] | null {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    if (!Array.isArray(parsed) || parsed[0] !== 1 || parsed[1] !== sort) return null;
    const key: unknown[] = parsed.slice(2);
    if (key.length !== keyLength) return null;
    return key.every(isKeyPart) ? key : null;
  } catch {
    return null;
  }
}

/** A forged cursor must not reach the database with text that it cannot keep: NUL, half of a surrogate pair. */
function isKeyPart(part: unknown): part is string | number {
  return typeof part === 'number' || (typeof part === 'string' && !/[\0\p{Cs}]/u.test(part));
}

/** Cuts the one row too many that the query fetched, and writes the cursors. */
export function toPage<T>(
  rows: readonly T[],
  request: PageRequest,
  sort: string,
  keyOf: (row: T) => readonly (string | number)[],
): Page<T> {
  const items = rows.slice(0, request.first);
  return {
    items,
    cursors: items.map((item) => encodeCursor(sort, keyOf(item))),
    hasNextPage: rows.length > request.first,
  };
}

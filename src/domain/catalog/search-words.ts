/**
 * A search text as words, and the words as a query of Postgres. Users never write the query's own syntax:
 * whatever is not a letter, mark or digit only separates words, on this side and in the generated column
 * `search_vector` alike.
 */
import { ok, refuse, type Result } from '../../lib/result.js';
import { invalidInput, type InvalidInput } from './errors.js';

export const MAX_SEARCH_CHARACTERS = 200;

/** More words than this narrow nothing further; each costs an index scan. */
const MAX_WORDS = 16;

/** Lower-case words in order of appearance, each once. Empty for an empty text. */
export function searchWords(text: string): readonly string[] {
  const words =
    text
      .normalize('NFC')
      .toLowerCase()
      .match(/[\p{L}\p{M}\p{N}]+/gu) ?? [];
  return [...new Set(words)].slice(0, MAX_WORDS);
}

/** For `to_tsquery('simple', …)`: all words must occur, each at least as a beginning. */
export function toTsQuery(words: readonly string[]): string {
  return words.map((word) => `'${word}':*`).join(' & ');
}

/** The words of a search; `[]` means that everything matches, `null` that nothing can: only separators were given. */
export function checkSearch(text: string | null | undefined): Result<readonly string[] | null, InvalidInput> {
  const trimmed = (text ?? '').trim();
  if (trimmed.length > MAX_SEARCH_CHARACTERS) {
    const found = `this one has ${trimmed.length}`;
    return refuse(
      invalidInput(['search'], `A search has at most ${MAX_SEARCH_CHARACTERS} characters; ${found}.`),
    );
  }
  if (trimmed === '') return ok([]);
  const words = searchWords(trimmed);
  return ok(words.length === 0 ? null : words);
}

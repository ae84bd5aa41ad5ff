import { ok, refuse } from "../../lib/result.js";
import { invalidInput } from "./errors.js";
const MAX_SEARCH_CHARACTERS = 200;
const MAX_WORDS = 16;
function searchWords(text) {
  const words = text.normalize("NFC").toLowerCase().match(/[\p{L}\p{M}\p{N}]+/gu) ?? [];
  return [...new Set(words)].slice(0, MAX_WORDS);
}
function toTsQuery(words) {
  return words.map((word) => `'${word}':*`).join(" & ");
}
function checkSearch(text) {
  const trimmed = (text ?? "").trim();
  if (trimmed.length > MAX_SEARCH_CHARACTERS) {
    const found = `this one has ${trimmed.length}`;
    return refuse(
      invalidInput(["search"], `A search has at most ${MAX_SEARCH_CHARACTERS} characters; ${found}.`)
    );
  }
  if (trimmed === "") return ok([]);
  const words = searchWords(trimmed);
  return ok(words.length === 0 ? null : words);
}
export {
  MAX_SEARCH_CHARACTERS,
  checkSearch,
  searchWords,
  toTsQuery
};
//# sourceMappingURL=search-words.js.map

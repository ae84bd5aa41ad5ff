import { ok, refuse } from "./result.js";
const DEFAULT_PAGE_SIZE = 20;
const MAX_PAGE_SIZE = 100;
function encodeCursor(sort, key) {
  return Buffer.from(JSON.stringify([1, sort, ...key])).toString("base64url");
}
function parsePageRequest(sort, keyLength, input) {
  const first = input.first ?? DEFAULT_PAGE_SIZE;
  if (!Number.isInteger(first) || first < 1 || first > MAX_PAGE_SIZE) {
    return refuse({
      code: "INVALID_INPUT",
      message: `first must be between 1 and ${MAX_PAGE_SIZE}.`,
      path: ["first"]
    });
  }
  if (input.after === null || input.after === void 0) return ok({ first, after: null });
  const key = decodeCursor(sort, keyLength, input.after);
  if (key === null) {
    return refuse({ code: "INVALID_INPUT", message: "after is not a cursor of this list.", path: ["after"] });
  }
  return ok({ first, after: key });
}
function decodeCursor(sort, keyLength, cursor) {
  try {
    const parsed = JSON.parse(Buffer.from(cursor, "base64url").toString("utf8"));
    if (!Array.isArray(parsed) || parsed[0] !== 1 || parsed[1] !== sort) return null;
    const key = parsed.slice(2);
    if (key.length !== keyLength) return null;
    return key.every(isKeyPart) ? key : null;
  } catch {
    return null;
  }
}
function isKeyPart(part) {
  return typeof part === "number" || typeof part === "string" && !/[\0\p{Cs}]/u.test(part);
}
function toPage(rows, request, sort, keyOf) {
  const items = rows.slice(0, request.first);
  return {
    items,
    cursors: items.map((item) => encodeCursor(sort, keyOf(item))),
    hasNextPage: rows.length > request.first
  };
}
export {
  DEFAULT_PAGE_SIZE,
  MAX_PAGE_SIZE,
  encodeCursor,
  parsePageRequest,
  toPage
};
//# sourceMappingURL=page.js.map

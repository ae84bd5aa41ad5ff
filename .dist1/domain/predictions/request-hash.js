import { createHash } from "node:crypto";
import { MAX_RANK } from "./limits.js";
function requestHash({ target, inputs }) {
  if (!inputs.every((input) => isShallow(input.data, MAX_RANK))) return null;
  const hash = createHash("sha256").update(JSON.stringify(target));
  for (const { name, datatype, shape, data } of inputs) {
    hash.update(`
${JSON.stringify([name ?? null, datatype ?? null, shape ?? null])}
`);
    hash.update(JSON.stringify(data) ?? "null");
  }
  return hash.digest("hex");
}
function isShallow(data, depth) {
  if (typeof data !== "object" || data === null) return true;
  return depth > 0 && Array.isArray(data) && data.every((element) => isShallow(element, depth - 1));
}
export {
  requestHash
};
//# sourceMappingURL=request-hash.js.map

import { IMPORT_LIMITS } from "./limits.js";
import { refuseImport } from "./refused.js";
function parseJson(text, what) {
  if (text.length > IMPORT_LIMITS.maxJsonBytes) {
    refuseImport(
      "LIMIT_EXCEEDED",
      what,
      `${what} has ${text.length} characters; at most ${IMPORT_LIMITS.maxJsonBytes} are read.`
    );
  }
  if (nestingDepth(text) > IMPORT_LIMITS.maxJsonDepth) {
    refuseImport("LIMIT_EXCEEDED", what, `${what} nests deeper than ${IMPORT_LIMITS.maxJsonDepth} levels.`);
  }
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch {
    return refuseImport("CORRUPT_ARTIFACT", what, `${what} is not valid JSON.`);
  }
}
function nestingDepth(text) {
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const char = text.charCodeAt(i);
    if (inString) {
      if (char === 92) i++;
      else if (char === 34) inString = false;
    } else if (char === 34) inString = true;
    else if (char === 123 || char === 91) deepest = Math.max(deepest, ++depth);
    else if (char === 125 || char === 93) depth--;
  }
  return deepest;
}
function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
function own(object, key) {
  return Object.hasOwn(object, key) ? object[key] : void 0;
}
function ownString(object, key) {
  const value = own(object, key);
  return typeof value === "string" ? value : null;
}
function ownObject(object, key) {
  const value = own(object, key);
  return isObject(value) ? value : null;
}
function ownArray(object, key) {
  const value = own(object, key);
  return Array.isArray(value) ? value : null;
}
function isDimension(value) {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value < 2 ** 31;
}
function isBuiltInName(name) {
  return name === "__proto__" || name in {};
}
export {
  isBuiltInName,
  isDimension,
  isObject,
  nestingDepth,
  own,
  ownArray,
  ownObject,
  ownString,
  parseJson
};
//# sourceMappingURL=json.js.map

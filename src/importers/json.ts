/** Reading a stranger's JSON: size and depth bounded before parsing, prototypes never reached afterwards. */
import { IMPORT_LIMITS } from './limits.js';
import { refuseImport } from './refused.js';

export type JsonObject = { readonly [key: string]: unknown };

/**
 * Parses `text`, refusing what is not JSON or nests deeper than the limit (our own walks recurse).
 * @param what the document's name in messages, e.g. `config.json`
 */
export function parseJson(text: string, what: string): unknown {
  if (text.length > IMPORT_LIMITS.maxJsonBytes) {
    refuseImport(
      'LIMIT_EXCEEDED',
      what,
      `${what} has ${text.length} characters; at most ${IMPORT_LIMITS.maxJsonBytes} are read.`,
    );
  }
  if (nestingDepth(text) > IMPORT_LIMITS.maxJsonDepth) {
    refuseImport('LIMIT_EXCEEDED', what, `${what} nests deeper than ${IMPORT_LIMITS.maxJsonDepth} levels.`);
  }
  try {
    // Some editors put a byte order mark in front, which JSON does not know.
    return JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch {
    return refuseImport('CORRUPT_ARTIFACT', what, `${what} is not valid JSON.`);
  }
}

/** Deepest bracket nesting outside of strings; one pass, no recursion. */
export function nestingDepth(text: string): number {
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const char = text.charCodeAt(i);
    if (inString) {
      if (char === 0x5c) i++;
      else if (char === 0x22) inString = false;
    } else if (char === 0x22) inString = true;
    else if (char === 0x7b || char === 0x5b) deepest = Math.max(deepest, ++depth);
    else if (char === 0x7d || char === 0x5d) depth--;
  }
  return deepest;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** An own property only: a key such as `constructor` finds nothing unless the file has it. */
export function own(object: JsonObject, key: string): unknown {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

export function ownString(object: JsonObject, key: string): string | null {
  const value = own(object, key);
  return typeof value === 'string' ? value : null;
}

export function ownObject(object: JsonObject, key: string): JsonObject | null {
  const value = own(object, key);
  return isObject(value) ? value : null;
}

export function ownArray(object: JsonObject, key: string): readonly unknown[] | null {
  const value = own(object, key);
  return Array.isArray(value) ? value : null;
}

export function isDimension(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < 2 ** 31;
}

/**
 * Names that every object answers to. `__proto__` is named apart, because in the child, where it is deleted
 * from `Object.prototype`, it would pass, and still mean something in the process that serves the model.
 */
export function isBuiltInName(name: string): boolean {
  return name === '__proto__' || name in {};
}

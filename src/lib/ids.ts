import { randomFillSync } from 'node:crypto';

/**
 * Ids are a typed prefix and 26 characters of Crockford base 32: 48 bits of milliseconds, 80 bits of
 * randomness (the ULID layout), so they sort by creation in every index and name their kind in every log.
 */
export const ID_PREFIXES = {
  tenant: 'ten',
  user: 'usr',
  membership: 'mbr',
  invitation: 'inv',
  session: 'ses',
  apiKey: 'key',
  model: 'mdl',
  upload: 'upl',
  publication: 'pub',
  version: 'ver',
  yank: 'ynk',
  grant: 'grt',
  aliasRequest: 'alr',
  plan: 'pln',
  subscription: 'sub',
  statement: 'stm',
  quotaLease: 'lse',
  limit: 'lim',
  prediction: 'prd',
  dataset: 'dst',
  evaluation: 'evl',
  usageEvent: 'use',
  auditEvent: 'aud',
  request: 'req',
} as const;

export type IdKind = keyof typeof ID_PREFIXES;

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';

// 80 random bits per id are drawn from a pool: one call of the system's generator per 400 ids.
const pool = new Uint8Array(4000);
let poolUsed = pool.length;

function randomBytes(count: number): Uint8Array {
  if (poolUsed + count > pool.length) {
    randomFillSync(pool);
    poolUsed = 0;
  }
  poolUsed += count;
  return pool.subarray(poolUsed - count, poolUsed);
}

/** All texts of two characters, by their ten bits. */
const PAIRS = Array.from({ length: 1024 }, (_, bits) => `${ALPHABET[bits >> 5]}${ALPHABET[bits & 31]}`);

let lastMs = -1;
let lastTime = '';

/** Many ids are made in one millisecond. */
function timeOf(nowMs: number): string {
  if (nowMs === lastMs) return lastTime;
  let time = '';
  for (let rest = nowMs, i = 0; i < 10; i++, rest = Math.floor(rest / 32)) time = ALPHABET[rest % 32] + time;
  lastMs = nowMs;
  lastTime = time;
  return time;
}

/** A new id of the kind, e.g. `mdl_01k...`. `nowMs` is for tests. */
export function newId(kind: IdKind, nowMs: number = Date.now()): string {
  let random = '';
  const bytes = randomBytes(16);
  // 16 characters, each from the low 5 bits of its own byte: uniform, since 256 is a multiple of 32.
  for (let i = 0; i < 16; i += 2) {
    random += PAIRS[(((bytes[i] as number) & 31) << 5) | ((bytes[i + 1] as number) & 31)];
  }
  return `${ID_PREFIXES[kind]}_${timeOf(nowMs)}${random}`;
}

const SHORT_PLAIN_TEXT = /^[\x21-\x7e]{1,64}$/;

/**
 * Whether a text from a client is worth looking up as an id or slug. What is not is simply not found; a NUL among
 * its characters, which PostgreSQL refuses in any text, must not become a fault of ours.
 */
export function mayBeId(text: string): boolean {
  return SHORT_PLAIN_TEXT.test(text);
}

const ID_PATTERN = /^([a-z]{3})_[0-9a-hjkmnp-tv-z]{26}$/;

/** The kind that an id's prefix names, or `null` when the text is not an id of ours. */
export function kindOfId(id: string): IdKind | null {
  const prefix = ID_PATTERN.exec(id)?.[1];
  if (prefix === undefined) return null;
  for (const [kind, value] of Object.entries(ID_PREFIXES)) if (value === prefix) return kind as IdKind;
  return null;
}

import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { Secrets } from './secrets.js';

// souk_live_ + 30 base-62 characters (178 random bits) + 6 of CRC-32. The checksum lets a scanner for
// leaked secrets be sure, and lets us refuse a mistyped key without asking the database.
const PREFIX = 'souk_live_';
const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const RANDOM_CHARACTERS = 30;
const CHECKSUM_CHARACTERS = 6;
const SHAPE = /^souk_live_[0-9A-Za-z]{36}$/;
/** How much of the random part is kept readable, to recognise a key by. */
const SHOWN_CHARACTERS = 4;
// The largest multiple of 62 that a byte reaches: bytes from here on are drawn again, else the first
// characters of the alphabet would come more often.
const UNBIASED = 248;

export function newApiKeySecret(): string {
  let random = '';
  while (random.length < RANDOM_CHARACTERS) {
    for (const byte of randomBytes(40)) {
      if (byte < UNBIASED && random.length < RANDOM_CHARACTERS) random += ALPHABET[byte % 62];
    }
  }
  const body = PREFIX + random;
  return body + checksumOf(body);
}

/** Whether the text has the shape of an API key and its checksum is right. Says nothing about its existence. */
export function isWellFormedApiKey(text: string): boolean {
  if (!SHAPE.test(text)) return false;
  const body = text.slice(0, -CHECKSUM_CHARACTERS);
  return timingSafeEqual(Buffer.from(checksumOf(body)), Buffer.from(text.slice(-CHECKSUM_CHARACTERS)));
}

/** True when somebody means an API key, well-formed or not. */
export function looksLikeApiKey(text: string): boolean {
  return text.startsWith('souk_');
}

/** What is stored and looked up: HMAC-SHA-256 under the server's pepper, hex. */
export function hashApiKey(secrets: Secrets, secret: string): string {
  return createHmac('sha256', secrets.apiKeyPepper).update(secret).digest('hex');
}

/** The parts that may be shown for ever; 130 bits stay unknown. */
export function shownPartsOf(secret: string): { readonly prefix: string; readonly lastFour: string } {
  return { prefix: secret.slice(0, PREFIX.length + SHOWN_CHARACTERS), lastFour: secret.slice(-4) };
}

function checksumOf(body: string): string {
  let text = '';
  for (let rest = crc32(Buffer.from(body)), i = 0; i < CHECKSUM_CHARACTERS; i++) {
    text = (ALPHABET[rest % 62] as string) + text;
    rest = Math.floor(rest / 62);
  }
  return text;
}

import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { crc32 } from "node:zlib";
const PREFIX = "souk_live_";
const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const RANDOM_CHARACTERS = 30;
const CHECKSUM_CHARACTERS = 6;
const SHAPE = /^souk_live_[0-9A-Za-z]{36}$/;
const SHOWN_CHARACTERS = 4;
const UNBIASED = 248;
function newApiKeySecret() {
  let random = "";
  while (random.length < RANDOM_CHARACTERS) {
    for (const byte of randomBytes(40)) {
      if (byte < UNBIASED && random.length < RANDOM_CHARACTERS) random += ALPHABET[byte % 62];
    }
  }
  const body = PREFIX + random;
  return body + checksumOf(body);
}
function isWellFormedApiKey(text) {
  if (!SHAPE.test(text)) return false;
  const body = text.slice(0, -CHECKSUM_CHARACTERS);
  return timingSafeEqual(Buffer.from(checksumOf(body)), Buffer.from(text.slice(-CHECKSUM_CHARACTERS)));
}
function looksLikeApiKey(text) {
  return text.startsWith("souk_");
}
function hashApiKey(secrets, secret) {
  return createHmac("sha256", secrets.apiKeyPepper).update(secret).digest("hex");
}
function shownPartsOf(secret) {
  return { prefix: secret.slice(0, PREFIX.length + SHOWN_CHARACTERS), lastFour: secret.slice(-4) };
}
function checksumOf(body) {
  let text = "";
  for (let rest = crc32(Buffer.from(body)), i = 0; i < CHECKSUM_CHARACTERS; i++) {
    text = ALPHABET[rest % 62] + text;
    rest = Math.floor(rest / 62);
  }
  return text;
}
export {
  hashApiKey,
  isWellFormedApiKey,
  looksLikeApiKey,
  newApiKeySecret,
  shownPartsOf
};
//# sourceMappingURL=api-key-secret.js.map

import { randomFillSync } from "node:crypto";
const ID_PREFIXES = {
  tenant: "ten",
  user: "usr",
  membership: "mbr",
  invitation: "inv",
  session: "ses",
  apiKey: "key",
  model: "mdl",
  upload: "upl",
  publication: "pub",
  version: "ver",
  grant: "grt",
  reservation: "rsv",
  prediction: "prd",
  usageEvent: "use",
  auditEvent: "aud",
  request: "req"
};
const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";
const pool = new Uint8Array(4e3);
let poolUsed = pool.length;
function randomBytes(count) {
  if (poolUsed + count > pool.length) {
    randomFillSync(pool);
    poolUsed = 0;
  }
  poolUsed += count;
  return pool.subarray(poolUsed - count, poolUsed);
}
function newId(kind, nowMs = Date.now()) {
  let time = "";
  for (let rest = nowMs, i = 0; i < 10; i++, rest = Math.floor(rest / 32)) time = ALPHABET[rest % 32] + time;
  let random = "";
  for (const byte of randomBytes(16)) random += ALPHABET[byte & 31];
  return `${ID_PREFIXES[kind]}_${time}${random}`;
}
const SHORT_PLAIN_TEXT = /^[\x21-\x7e]{1,64}$/;
function mayBeId(text) {
  return SHORT_PLAIN_TEXT.test(text);
}
const ID_PATTERN = /^([a-z]{3})_[0-9a-hjkmnp-tv-z]{26}$/;
function kindOfId(id) {
  const prefix = ID_PATTERN.exec(id)?.[1];
  if (prefix === void 0) return null;
  for (const [kind, value] of Object.entries(ID_PREFIXES)) if (value === prefix) return kind;
  return null;
}
export {
  ID_PREFIXES,
  kindOfId,
  mayBeId,
  newId
};
//# sourceMappingURL=ids.js.map

import { createSecretKey, hkdfSync } from "node:crypto";
const MIN_SECRET_BYTES = 32;
const KNOWN_DEFAULTS = /change.?me|your.*secret|secret.?key|example|placeholder|0123456789abcdef0123456789abcdef/i;
const MIN_DISTINCT_CHARACTERS = 10;
function weaknessOfSecret(jwtSecret) {
  const bytes = Buffer.byteLength(jwtSecret);
  if (bytes < MIN_SECRET_BYTES) return `has ${bytes} bytes; expected at least ${MIN_SECRET_BYTES}`;
  if (KNOWN_DEFAULTS.test(jwtSecret)) return "is a sample value; expected random characters";
  const distinct = new Set(jwtSecret).size;
  if (distinct < MIN_DISTINCT_CHARACTERS) {
    return `repeats ${distinct} characters; expected random ones`;
  }
  return null;
}
function createSecrets(jwtSecret) {
  const weakness = weaknessOfSecret(jwtSecret);
  if (weakness !== null) throw new Error(`JWT_SECRET ${weakness}.`);
  const derive = (label, bytes) => Buffer.from(hkdfSync("sha256", jwtSecret, "", `souk ${label} v1`, bytes));
  return Object.freeze({
    accessTokenKey: createSecretKey(derive("access token", 32)),
    accessTokenKeyId: derive("access token key id", 9).toString("base64url"),
    apiKeyPepper: createSecretKey(derive("api key pepper", 32))
  });
}
export {
  MIN_SECRET_BYTES,
  createSecrets,
  weaknessOfSecret
};
//# sourceMappingURL=secrets.js.map

const DIGEST_PATTERN = /^[0-9a-f]{64}$/;
function isDigest(text) {
  return DIGEST_PATTERN.test(text);
}
function assertDigest(text) {
  if (!isDigest(text)) throw new Error("A digest must be 64 lower-case hexadecimal digits.");
}
export {
  assertDigest,
  isDigest
};
//# sourceMappingURL=digest.js.map

import { createHash, randomBytes } from "node:crypto";
function createSecretTokenKind(prefix) {
  const shape = new RegExp(`^${prefix}[0-9A-Za-z_-]{43}$`);
  return Object.freeze({
    make: () => prefix + randomBytes(32).toString("base64url"),
    hash: (token) => shape.test(token) ? createHash("sha256").update(token).digest("hex") : null
  });
}
export {
  createSecretTokenKind
};
//# sourceMappingURL=secret-token.js.map

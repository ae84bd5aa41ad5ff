import { ok, refuse } from "../../lib/result.js";
import { permissionsOf } from "../access/index.js";
import { verifyAccessToken } from "./access-token.js";
import { hashApiKey, isWellFormedApiKey, looksLikeApiKey } from "./api-key-secret.js";
import { findLiveKeyAcrossTenants, findLiveSession, findRole } from "./credential-store.js";
import { credentialNotValid, notYourTenant } from "./errors.js";
const BEARER = /^Bearer +([\x21-\x7e]+)$/i;
const MAX_HEADER_CHARACTERS = 4096;
const TENANT_NAME = /^[a-z0-9_-]{1,64}$/;
const NOTHING = /* @__PURE__ */ new Set();
async function authenticate(parts, credentials) {
  const { authorization, tenantHeader, requestId } = credentials;
  if (authorization === null || authorization === void 0) return ok(null);
  if (authorization.length > MAX_HEADER_CHARACTERS) return refuse(credentialNotValid());
  const token = BEARER.exec(authorization)?.[1];
  if (token === void 0) return refuse(credentialNotValid());
  const tenantName = tenantHeader ?? null;
  return looksLikeApiKey(token) ? authenticateKey(parts, token, tenantName, requestId) : authenticateUser(parts, token, tenantName, requestId);
}
async function authenticateUser({ database, clock, secrets }, token, tenantName, requestId) {
  const now = clock.now();
  const claims = verifyAccessToken(secrets, token, now);
  if (claims === null) return refuse(credentialNotValid());
  if (tenantName !== null && !TENANT_NAME.test(tenantName)) return refuse(notYourTenant());
  const { userId, sessionId } = claims;
  const query = database.single({ userId });
  const session = await findLiveSession(query, userId, sessionId, tenantName, now);
  if (session === null) return refuse(credentialNotValid());
  const { tenantId, role, isOperator } = session;
  if (tenantName !== null && tenantId === null) return refuse(notYourTenant());
  const permissions = role === null ? NOTHING : permissionsOf(role, isOperator === true);
  return ok({ kind: "user", userId, sessionId, tenantId, role, permissions, requestId });
}
async function authenticateKey(parts, secret, tenantName, requestId) {
  if (!isWellFormedApiKey(secret)) return refuse(credentialNotValid());
  const { database, clock, secrets, lastUse } = parts;
  const proof = hashApiKey(secrets, secret);
  const key = await findLiveKeyAcrossTenants(database.single({ proof }), proof, clock.now());
  if (key === null) return refuse(credentialNotValid());
  const { id: apiKeyId, tenantId, slug, isUseStale } = key;
  if (tenantName !== null && tenantName !== slug && tenantName !== tenantId) return refuse(notYourTenant());
  if (isUseStale) lastUse.note(tenantId, apiKeyId);
  return ok({
    kind: "apiKey",
    apiKeyId,
    tenantId,
    permissions: await permissionsOfKey(parts, key),
    requestId
  });
}
async function permissionsOfKey({ database }, { tenantId, isOperator, scopes, createdBy }) {
  const possible = permissionsOf("OWNER", isOperator);
  const permissions = new Set(scopes.filter((scope) => possible.has(scope)));
  if (permissions.has("PLATFORM_OPERATE")) {
    const role = createdBy === null ? null : await findRole(database.single({ tenantId }), tenantId, createdBy);
    if (role === null || !permissionsOf(role, isOperator).has("PLATFORM_OPERATE")) {
      permissions.delete("PLATFORM_OPERATE");
    }
  }
  return permissions;
}
export {
  authenticate
};
//# sourceMappingURL=authenticate.js.map

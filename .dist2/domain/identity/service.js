import { can } from "../access/index.js";
import {
  apiKeys,
  createApiKey,
  getApiKeysByIds,
  revokeApiKey
} from "./api-keys.js";
import { createAttemptLimiter } from "./attempt-limiter.js";
import { authenticate } from "./authenticate.js";
import { bootstrapOperatorAcrossTenants } from "./bootstrap.js";
import { createLastUse } from "./last-use.js";
import { createPasswords } from "./passwords.js";
import { refreshSession, signOut } from "./sessions.js";
import { signIn } from "./sign-in.js";
import { signUp } from "./sign-up.js";
import { findUsersAcrossTenants } from "./user-store.js";
function createIdentityService(deps) {
  const { database, clock, audit, tenants, secrets, signUpMode } = deps;
  const parts = Object.freeze({
    database,
    clock,
    audit,
    tenants,
    secrets,
    signUpMode,
    passwords: createPasswords(deps.passwordLimits),
    attempts: createAttemptLimiter(clock, deps.attemptLimits)
  });
  const lastUse = createLastUse(database, clock);
  return Object.freeze({
    authenticate: authenticate.bind(null, { database, clock, secrets, lastUse }),
    signUp: signUp.bind(null, parts),
    signIn: signIn.bind(null, parts),
    refreshSession: refreshSession.bind(null, parts),
    signOut: signOut.bind(null, parts),
    createApiKey: createApiKey.bind(null, parts),
    revokeApiKey: revokeApiKey.bind(null, parts),
    apiKeys: apiKeys.bind(null, parts),
    getApiKeysByIds: getApiKeysByIds.bind(null, parts),
    bootstrapOperatorAcrossTenants: bootstrapOperatorAcrossTenants.bind(null, parts),
    async getUsersByIds(actor, ids) {
      const userId = actor.kind === "user" ? actor.userId : void 0;
      const tenantId = can(actor, "TENANT_READ") ? actor.tenantId ?? void 0 : void 0;
      const found = await database.transaction({ tenantId, userId }, (tx) => findUsersAcrossTenants(tx, ids));
      return ids.map((id) => found.find((user) => user.id === id) ?? null);
    },
    lastUseFailures: lastUse.failures,
    drain: lastUse.drain
  });
}
export {
  createIdentityService
};
//# sourceMappingURL=service.js.map

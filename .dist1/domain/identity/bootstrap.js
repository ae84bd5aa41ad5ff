import { newId } from "../../lib/ids.js";
import { ok, refuse } from "../../lib/result.js";
import { permissionsOf, PERMISSIONS } from "../access/index.js";
import {
  checkEmail,
  checkName,
  checkSlug,
  slugTaken
} from "../tenants/index.js";
import { hashApiKey, newApiKeySecret, shownPartsOf } from "./api-key-secret.js";
import { insertApiKey } from "./api-key-store.js";
import { emailTaken } from "./errors.js";
import { checkPassword } from "./passwords.js";
import * as users from "./user-store.js";
async function bootstrapOperatorAcrossTenants({ database, clock, audit, tenants, secrets, passwords }, input) {
  const isDone = () => database.transaction({ acrossTenants: true }, (tx) => tenants.hasOperatorTenantAcrossTenants(tx));
  if (await isDone()) return ok(null);
  const email = checkEmail(input.email, "email");
  if (!email.ok) return email;
  const password = checkPassword(input.password, "password");
  if (!password.ok) return password;
  const name = checkName(input.name, "name");
  if (!name.ok) return name;
  const slug = checkSlug(input.tenantSlug, "tenantSlug");
  if (!slug.ok) return slug;
  const tenantName = checkName(input.tenantName, "tenantName");
  if (!tenantName.ok) return tenantName;
  const passwordHash = await passwords.hash(password.value);
  if (!passwordHash.ok) return passwordHash;
  const now = clock.now();
  const user = {
    id: newId("user", now.getTime()),
    name: name.value,
    email: email.value,
    createdAt: now
  };
  const tenantId = newId("tenant", now.getTime());
  const secret = newApiKeySecret();
  const possible = permissionsOf("OWNER", true);
  const apiKey = {
    id: newId("apiKey", now.getTime()),
    tenantId,
    name: "First start",
    ...shownPartsOf(secret),
    scopes: PERMISSIONS.filter((permission) => possible.has(permission)),
    predictionsPerMonth: null,
    createdBy: user.id,
    expiresAt: null,
    lastUsedAt: null,
    revokedAt: null,
    createdAt: now
  };
  const context = { tenantId, userId: user.id, acrossTenants: true };
  const made = await database.transaction(context, async (tx) => {
    if (!await users.insertUser(tx, user)) return refuse(emailTaken());
    await users.insertPassword(tx, user.id, passwordHash.value, now);
    const tenant = await tenants.foundTenant(tx, {
      tenantId,
      slug: slug.value,
      name: tenantName.value,
      ownerUserId: user.id,
      isOperator: true
    });
    if (tenant === null) return refuse(slugTaken(slug.value, "tenantSlug"));
    await insertApiKey(tx, tenantId, apiKey, hashApiKey(secrets, secret));
    await audit.record(
      tx,
      { tenantId, userId: user.id, requestId: input.requestId },
      { action: "bootstrapOperator", subjectId: tenantId, details: { tenantSlug: tenant.slug } }
    );
    const credentials = {
      email: user.email,
      password: password.value,
      tenantSlug: slug.value,
      apiKey: secret
    };
    await input.deliver?.(credentials);
    return ok({ user, tenant, credentials });
  });
  return !made.ok && await isDone() ? ok(null) : made;
}
export {
  bootstrapOperatorAcrossTenants
};
//# sourceMappingURL=bootstrap.js.map

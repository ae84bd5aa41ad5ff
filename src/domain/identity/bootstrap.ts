import { newId } from '../../lib/ids.js';
import { ok, refuse, type Result } from '../../lib/result.js';
import { permissionsOf, PERMISSIONS } from '../access/index.js';
import {
  checkEmail,
  checkName,
  checkSlug,
  slugTaken,
  type Conflict,
  type InvalidInput,
  type Tenant,
} from '../tenants/index.js';
import { hashApiKey, newApiKeySecret, shownPartsOf } from './api-key-secret.js';
import { insertApiKey } from './api-key-store.js';
import type { IdentityParts } from './deps.js';
import { emailTaken, type RateLimited } from './errors.js';
import { checkPassword } from './passwords.js';
import * as users from './user-store.js';
import type { ApiKey, User } from './user.js';

export interface BootstrapInput {
  readonly email: string;
  readonly password: string;
  /** The owner's name. */
  readonly name: string;
  readonly tenantSlug: string;
  readonly tenantName: string;
  readonly requestId: string;
  /**
   * Called with the credentials inside the transaction, before it commits: where it fails, nothing was made
   * and the next start tries again. So no owner exists whose credentials nobody was given.
   */
  readonly deliver?: ((credentials: OperatorCredentials) => Promise<void>) | undefined;
}

export interface OperatorCredentials {
  readonly email: string;
  readonly password: string;
  readonly tenantSlug: string;
  /** A key with all that an owner of the operator's tenant may do. */
  readonly apiKey: string;
}

export interface Bootstrapped {
  readonly user: User;
  readonly tenant: Tenant;
  readonly credentials: OperatorCredentials;
}

/**
 * The first start: makes the operator's tenant, its owner and an API key. `null` when the server has been
 * bootstrapped already; of several processes that start at once exactly one gets credentials. Across
 * tenants, because no tenant may make itself the operator's.
 */
export async function bootstrapOperatorAcrossTenants(
  { database, clock, audit, tenants, secrets, passwords }: IdentityParts,
  input: BootstrapInput,
): Promise<Result<Bootstrapped | null, InvalidInput | Conflict | RateLimited>> {
  const isDone = () =>
    database.transaction({ acrossTenants: true }, (tx) => tenants.hasOperatorTenantAcrossTenants(tx));
  if (await isDone()) return ok(null);
  const email = checkEmail(input.email, 'email');
  if (!email.ok) return email;
  const password = checkPassword(input.password, 'password');
  if (!password.ok) return password;
  const name = checkName(input.name, 'name');
  if (!name.ok) return name;
  const slug = checkSlug(input.tenantSlug, 'tenantSlug');
  if (!slug.ok) return slug;
  const tenantName = checkName(input.tenantName, 'tenantName');
  if (!tenantName.ok) return tenantName;
  const passwordHash = await passwords.hash(password.value);
  if (!passwordHash.ok) return passwordHash;

  const now = clock.now();
  const user: User = {
    id: newId('user', now.getTime()),
    name: name.value,
    email: email.value,
    createdAt: now,
  };
  const tenantId = newId('tenant', now.getTime());
  const secret = newApiKeySecret();
  const possible = permissionsOf('OWNER', true);
  const apiKey: ApiKey = {
    id: newId('apiKey', now.getTime()),
    tenantId,
    name: 'First start',
    ...shownPartsOf(secret),
    scopes: PERMISSIONS.filter((permission) => possible.has(permission)),
    predictionsPerMonth: null,
    createdBy: user.id,
    expiresAt: null,
    lastUsedAt: null,
    revokedAt: null,
    createdAt: now,
  };
  const context = { tenantId, userId: user.id, acrossTenants: true };
  const made = await database.transaction<Result<Bootstrapped, Conflict>>(context, async (tx) => {
    if (!(await users.insertUser(tx, user))) return refuse(emailTaken());
    await users.insertPassword(tx, user.id, passwordHash.value, now);
    const tenant = await tenants.foundTenant(tx, {
      tenantId,
      slug: slug.value,
      name: tenantName.value,
      ownerUserId: user.id,
      isOperator: true,
    });
    if (tenant === null) return refuse(slugTaken(slug.value, 'tenantSlug'));
    await insertApiKey(tx, tenantId, apiKey, hashApiKey(secrets, secret));
    await audit.record(
      tx,
      { tenantId, userId: user.id, requestId: input.requestId },
      { action: 'bootstrapOperator', subjectId: tenantId, details: { tenantSlug: tenant.slug } },
    );
    const credentials = {
      email: user.email,
      password: password.value,
      tenantSlug: slug.value,
      apiKey: secret,
    };
    await input.deliver?.(credentials);
    return ok({ user, tenant, credentials });
  }); // A clash with a rival's bootstrap, which has committed by now, is no clash.
  return !made.ok && (await isDone()) ? ok(null) : made;
}

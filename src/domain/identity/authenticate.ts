import { ok, refuse, type Result } from '../../lib/result.js';
import { permissionsOf, type Actor, type Permission } from '../access/index.js';
import type { InvalidCredentials } from '../tenants/index.js';
import { verifyAccessToken } from './access-token.js';
import { hashApiKey, isWellFormedApiKey, looksLikeApiKey } from './api-key-secret.js';
import { findLiveKeyAcrossTenants, findLiveSession, findRole, type LiveKeyRow } from './credential-store.js';
import type { IdentityParts } from './deps.js';
import { credentialNotValid, notYourTenant } from './errors.js';
import type { LastUse } from './last-use.js';

export interface Credentials {
  /** The `Authorization` header; absent or null: anonymous. */
  readonly authorization: string | null | undefined;
  /** The `Souk-Tenant` header: slug or id of the tenant to act for. */
  readonly tenantHeader: string | null | undefined;
  readonly requestId: string;
  /**
   * Where the request comes from. Not consulted: 178 random bits cannot be guessed, and a limit by address
   * would let one client shut out its neighbours.
   */
  readonly clientAddress?: string | null | undefined;
}

type Parts = Pick<IdentityParts, 'database' | 'clock' | 'secrets'> & { readonly lastUse: LastUse };
type Authenticated = Promise<Result<Actor | null, InvalidCredentials>>;

const BEARER = /^Bearer +([\x21-\x7e]+)$/i;
const MAX_HEADER_CHARACTERS = 4096;
const TENANT_NAME = /^[a-z0-9_-]{1,64}$/;
const NOTHING: ReadonlySet<Permission> = new Set();

/**
 * Who makes a request. Nothing is cached: sessions, memberships and keys are read each time, so what was
 * revoked is refused from the reply to the revocation on. One transaction of one statement.
 */
export async function authenticate(parts: Parts, credentials: Credentials): Authenticated {
  const { authorization, tenantHeader, requestId } = credentials;
  if (authorization === null || authorization === undefined) return ok(null);
  if (authorization.length > MAX_HEADER_CHARACTERS) return refuse(credentialNotValid());
  const token = BEARER.exec(authorization)?.[1];
  if (token === undefined) return refuse(credentialNotValid());
  const tenantName = tenantHeader ?? null;
  return looksLikeApiKey(token)
    ? authenticateKey(parts, token, tenantName, requestId)
    : authenticateUser(parts, token, tenantName, requestId);
}

async function authenticateUser(
  { database, clock, secrets }: Parts,
  token: string,
  tenantName: string | null,
  requestId: string,
): Authenticated {
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
  return ok({ kind: 'user', userId, sessionId, tenantId, role, permissions, requestId });
}

async function authenticateKey(
  parts: Parts,
  secret: string,
  tenantName: string | null,
  requestId: string,
): Authenticated {
  if (!isWellFormedApiKey(secret)) return refuse(credentialNotValid());
  const { database, clock, secrets, lastUse } = parts;
  const proof = hashApiKey(secrets, secret);
  const key = await findLiveKeyAcrossTenants(database.single({ proof }), proof, clock.now());
  if (key === null) return refuse(credentialNotValid());
  const { id: apiKeyId, tenantId, slug, isUseStale } = key;
  if (tenantName !== null && tenantName !== slug && tenantName !== tenantId) return refuse(notYourTenant());
  if (isUseStale) lastUse.note(tenantId, apiKeyId);
  return ok({
    kind: 'apiKey',
    apiKeyId,
    tenantId,
    permissions: await permissionsOfKey(parts, key),
    requestId,
  });
}

/**
 * The key's scopes, as far as anybody in its tenant could hold them. Keys outlive their maker, with one
 * exception: power over other tenants goes when the maker's own does.
 */
async function permissionsOfKey(
  { database }: Parts,
  { tenantId, isOperator, scopes, createdBy }: LiveKeyRow,
): Promise<ReadonlySet<Permission>> {
  const possible = permissionsOf('OWNER', isOperator);
  const permissions = new Set(scopes.filter((scope) => possible.has(scope)));
  if (permissions.has('PLATFORM_OPERATE')) {
    // A second transaction, for the few operators' keys only.
    const role =
      createdBy === null ? null : await findRole(database.single({ tenantId }), tenantId, createdBy);
    if (role === null || !permissionsOf(role, isOperator).has('PLATFORM_OPERATE')) {
      permissions.delete('PLATFORM_OPERATE');
    }
  }
  return permissions;
}

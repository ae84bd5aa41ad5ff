import type { Clock } from '../../lib/clock.js';
import { ok, refuse, type Result } from '../../lib/result.js';
import type { Actor } from '../access/index.js';
import type { InvalidCredentials } from '../tenants/index.js';
import { verifyAccessToken } from './access-token.js';
import { looksLikeApiKey } from './api-key-secret.js';
import { credentialNotValid, notYourTenant } from './errors.js';
import type { LastUse } from './last-use.js';
import type { LiveCredentials } from './live-credentials.js';
import type { Secrets } from './secrets.js';

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

/** What `authenticate` works with. */
export interface AuthenticateParts {
  readonly clock: Clock;
  readonly secrets: Secrets;
  readonly live: LiveCredentials;
  readonly lastUse: LastUse;
}

type Authenticated = Promise<Result<Actor | null, InvalidCredentials>>;

const BEARER = /^Bearer +([\x21-\x7e]+)$/i;
const MAX_HEADER_CHARACTERS = 4096;
const TENANT_NAME = /^[a-z0-9_-]{1,64}$/;

/**
 * Who makes a request. What is known of a credential is remembered for at most a second, and not across any change of it
 * that this process has heard of: what was revoked is refused from the reply to the revocation on.
 */
export async function authenticate(parts: AuthenticateParts, credentials: Credentials): Authenticated {
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
  { clock, secrets, live }: AuthenticateParts,
  token: string,
  tenantName: string | null,
  requestId: string,
): Authenticated {
  const claims = verifyAccessToken(secrets, token, clock.now());
  if (claims === null) return refuse(credentialNotValid());
  if (tenantName !== null && !TENANT_NAME.test(tenantName)) return refuse(notYourTenant());
  const { userId, sessionId } = claims;
  const session = await live.session(userId, sessionId, tenantName);
  if (session === null) return refuse(credentialNotValid());
  const { tenantId, role, permissions } = session;
  if (tenantName !== null && tenantId === null) return refuse(notYourTenant());
  return ok({ kind: 'user', userId, sessionId, tenantId, role, permissions, requestId });
}

async function authenticateKey(
  { live, lastUse }: AuthenticateParts,
  secret: string,
  tenantName: string | null,
  requestId: string,
): Authenticated {
  const key = await live.key(secret);
  if (key === null) return refuse(credentialNotValid());
  const { id: apiKeyId, tenantId, slug, permissions } = key;
  if (tenantName !== null && tenantName !== slug && tenantName !== tenantId) return refuse(notYourTenant());
  if (key.isUseStale) lastUse.note(key);
  return ok({ kind: 'apiKey', apiKeyId, tenantId, permissions, requestId });
}

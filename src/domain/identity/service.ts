import type { Page } from '../../lib/page.js';
import type { Result } from '../../lib/result.js';
import { can, type Actor, type PermissionDenied, type TenantActor } from '../access/index.js';
import type { Conflict, InvalidCredentials, InvalidInput, NotFound, PageInput } from '../tenants/index.js';
import {
  apiKeys,
  createApiKey,
  getApiKeysByIds,
  revokeApiKey,
  type CreateApiKeyInput,
  type NewApiKey,
} from './api-keys.js';
import { createAttemptLimiter, type AttemptLimits } from './attempt-limiter.js';
import { actorNow } from './acting-for.js';
import { authenticate, type Credentials } from './authenticate.js';
import { bootstrapOperatorAcrossTenants, type Bootstrapped, type BootstrapInput } from './bootstrap.js';
import type { Caller, IdentityParts, SharedParts } from './deps.js';
import type { RateLimited } from './errors.js';
import type { GateLimits } from './gate.js';
import { createLastUse } from './last-use.js';
import { createLiveCredentials } from './live-credentials.js';
import { createPasswords } from './passwords.js';
import { refreshSession, signOut } from './sessions.js';
import { signIn, type SignedIn, type SignInInput } from './sign-in.js';
import { signUp, type SignedUp, type SignUpInput, type SignUpRefusal } from './sign-up.js';
import { findUsersAcrossTenants } from './user-store.js';
import type { ApiKey, SessionTokens, User } from './user.js';

export interface IdentityDeps extends SharedParts {
  /** How fast passwords may be tried; `ATTEMPT_LIMITS` when absent. */
  readonly attemptLimits?: AttemptLimits | undefined;
  /** How many passwords are computed at once; `PASSWORD_LIMITS` when absent. */
  readonly passwordLimits?: GateLimits | undefined;
}

export interface IdentityService {
  authenticate(credentials: Credentials): Promise<Result<Actor | null, InvalidCredentials>>;
  /** Mistakes of the input come all at once, as a list. */
  signUp(
    caller: Caller,
    input: SignUpInput,
  ): Promise<Result<SignedUp, SignUpRefusal | readonly SignUpRefusal[]>>;
  signIn(caller: Caller, input: SignInInput): Promise<Result<SignedIn, InvalidCredentials | RateLimited>>;
  refreshSession(
    caller: Caller,
    input: { readonly refreshToken: string },
  ): Promise<Result<SessionTokens, InvalidCredentials>>;
  signOut(
    actor: Actor,
    input: {
      readonly sessionId?: string | null | undefined;
      readonly everywhere?: boolean | null | undefined;
    },
  ): Promise<Result<{ endedSessionIds: readonly string[] }, NotFound>>;
  createApiKey(
    actor: TenantActor,
    input: CreateApiKeyInput,
  ): Promise<Result<NewApiKey, InvalidInput | PermissionDenied>>;
  revokeApiKey(
    actor: TenantActor,
    input: { readonly apiKeyId: string },
  ): Promise<Result<ApiKey, PermissionDenied | NotFound>>;
  /** A tenant's keys, newest first; `null` unless it is the actor's tenant and the actor holds API_KEY_READ. */
  apiKeys(
    actor: Actor,
    tenantId: string,
    input: PageInput,
  ): Promise<Result<Page<ApiKey> | null, InvalidInput>>;
  /** In the order of the ids; with API_KEY_READ those of the actor's tenant; a key always sees itself. */
  getApiKeysByIds(actor: Actor, ids: readonly string[]): Promise<(ApiKey | null)[]>;
  /** In the order of the ids; oneself, and with TENANT_READ the members of the actor's tenant. */
  getUsersByIds(actor: Actor, ids: readonly string[]): Promise<(User | null)[]>;
  bootstrapOperatorAcrossTenants(
    input: BootstrapInput,
  ): Promise<Result<Bootstrapped | null, InvalidInput | Conflict | RateLimited>>;
  /**
   * Who a user or API key of the tenant is now, for work that goes on after its request; `null` when the key is
   * revoked or expired, or the user no member any more.
   */
  actorNow(tenantId: string, authorId: string, requestId: string): Promise<TenantActor | null>;
  /** How often the last use of a key could not be noted since the start: for the metrics. */
  lastUseFailures(): number;
  /** Resolves when nothing is being written beside requests any more: call it before the database closes. */
  drain(): Promise<void>;
}

export function createIdentityService(deps: IdentityDeps): IdentityService {
  const { database, clock, audit, tenants, secrets, signUpMode } = deps;
  const parts: IdentityParts = Object.freeze({
    database,
    clock,
    audit,
    tenants,
    secrets,
    signUpMode,
    passwords: createPasswords(deps.passwordLimits),
    attempts: createAttemptLimiter(clock, deps.attemptLimits),
  });
  const lastUse = createLastUse(database, clock);
  const live = createLiveCredentials(database, clock, secrets);

  return Object.freeze({
    authenticate: authenticate.bind(null, { clock, secrets, live, lastUse }),
    signUp: signUp.bind(null, parts),
    signIn: signIn.bind(null, parts),
    refreshSession: refreshSession.bind(null, parts),
    signOut: signOut.bind(null, parts),
    createApiKey: createApiKey.bind(null, parts),
    revokeApiKey: revokeApiKey.bind(null, parts),
    apiKeys: apiKeys.bind(null, parts),
    getApiKeysByIds: getApiKeysByIds.bind(null, parts),
    bootstrapOperatorAcrossTenants: bootstrapOperatorAcrossTenants.bind(null, parts),

    async getUsersByIds(actor: Actor, ids: readonly string[]) {
      const userId = actor.kind === 'user' ? actor.userId : undefined;
      // Without the permission, the transaction is only the person's, and shows nobody else.
      const tenantId = can(actor, 'TENANT_READ') ? (actor.tenantId ?? undefined) : undefined;
      const found = await database.transaction({ tenantId, userId }, (tx) => findUsersAcrossTenants(tx, ids));
      return ids.map((id) => found.find((user) => user.id === id) ?? null);
    },

    actorNow: actorNow.bind(null, { database, clock }),
    lastUseFailures: lastUse.failures,
    drain: lastUse.drain,
  });
}

import type { Tx } from '../../database/index.js';
import { kindOfId, newId } from '../../lib/ids.js';
import { ok, refuse, type Result } from '../../lib/result.js';
import type { Actor } from '../access/index.js';
import type { InvalidCredentials, NotFound } from '../tenants/index.js';
import { issueAccessToken } from './access-token.js';
import type { Caller, IdentityParts } from './deps.js';
import { refreshFailed, sessionNotFound } from './errors.js';
import { refreshTokens } from './refresh-token.js';
import * as store from './session-store.js';
import { findHomeTenant } from './user-store.js';
import type { SessionTokens } from './user.js';

const DAY_MS = 24 * 60 * 60 * 1000;
/** However busily it is refreshed, a session ends then: a stolen one too. */
const SESSION_LIFETIME_MS = 90 * DAY_MS;
/** A session that nobody uses ends then. */
const REFRESH_TOKEN_LIFETIME_MS = 30 * DAY_MS;

/** Starts a session in the caller's transaction, which must be the user's. */
export async function startSession(
  parts: Pick<IdentityParts, 'clock' | 'secrets'>,
  tx: Tx,
  userId: string,
): Promise<SessionTokens> {
  const now = parts.clock.now();
  const session = {
    id: newId('session', now.getTime()),
    userId,
    expiresAt: new Date(now.getTime() + SESSION_LIFETIME_MS),
    createdAt: now,
  };
  await store.insertSession(tx, session);
  return issueTokens(parts, tx, session, now);
}

async function issueTokens(
  { secrets }: Pick<IdentityParts, 'secrets'>,
  tx: Tx,
  session: { readonly id: string; readonly userId: string; readonly expiresAt: Date },
  now: Date,
): Promise<SessionTokens> {
  const refreshToken = refreshTokens.make();
  const refreshTokenExpiresAt = new Date(
    Math.min(now.getTime() + REFRESH_TOKEN_LIFETIME_MS, session.expiresAt.getTime()),
  );
  await store.insertRefreshToken(tx, {
    tokenHash: refreshTokens.hash(refreshToken) as string,
    sessionId: session.id,
    userId: session.userId,
    expiresAt: refreshTokenExpiresAt,
    createdAt: now,
  });
  const { accessToken, expiresAt } = issueAccessToken(
    secrets,
    { userId: session.userId, sessionId: session.id },
    now,
  );
  return {
    sessionId: session.id,
    accessToken,
    accessTokenExpiresAt: expiresAt,
    refreshToken,
    refreshTokenExpiresAt,
  };
}

/**
 * Exchanges a refresh token for a new pair. Each works once. One that comes back was copied, and nobody can
 * tell the thief from the owner, so the whole session ends: also when an honest client sends two at once.
 */
export async function refreshSession(
  parts: IdentityParts,
  caller: Caller,
  input: { readonly refreshToken: string },
): Promise<Result<SessionTokens, InvalidCredentials>> {
  const { database, clock, audit } = parts;
  const proof = refreshTokens.hash(input.refreshToken);
  if (proof === null) return refuse(refreshFailed());
  const token = await database.transaction({ proof }, (tx) => store.findRefreshTokenAcrossTenants(tx, proof));
  if (token === null) return refuse(refreshFailed());
  const { userId, sessionId } = token;
  // Needed before the transaction starts, because its event is written under the tenant's name.
  const tenantId = await database.transaction({ userId }, (tx) => findHomeTenant(tx, userId));

  // `null`, not a refusal: a refusal would roll back the revocation.
  const tokens = await database.transaction<SessionTokens | null>(
    { userId, tenantId: tenantId ?? undefined },
    async (tx) => {
      const now = clock.now();
      const session = await store.lockLiveSession(tx, userId, sessionId, now);
      if (session === null) return null;
      if (await store.useRefreshToken(tx, userId, proof, now)) {
        await store.deleteExpiredRefreshTokens(tx, userId, sessionId, now);
        return issueTokens(parts, tx, { id: sessionId, userId, expiresAt: session.expiresAt }, now);
      }
      if (await store.wasRefreshTokenUsed(tx, userId, proof)) {
        await store.revokeSessions(tx, userId, sessionId, now);
        if (tenantId !== null) {
          await audit.record(
            tx,
            { tenantId, userId, requestId: caller.requestId },
            { action: 'refreshSession', subjectId: sessionId, details: { reuse: true, revoked: true } },
          );
        }
      }
      return null;
    },
  );
  return tokens === null ? refuse(refreshFailed()) : ok(tokens);
}

/** Ends the named session of the acting user, or this one, or all. Ending what has ended is no mistake. */
export async function signOut(
  { database, clock, audit }: IdentityParts,
  actor: Actor,
  input: { readonly sessionId?: string | null | undefined; readonly everywhere?: boolean | null | undefined },
): Promise<Result<{ endedSessionIds: readonly string[] }, NotFound>> {
  if (actor.kind !== 'user') return refuse(sessionNotFound());
  const { userId, tenantId, requestId } = actor;
  const sessionId = input.everywhere === true ? null : (input.sessionId ?? actor.sessionId);
  if (sessionId !== null && kindOfId(sessionId) !== 'session') return refuse(sessionNotFound());
  return database.transaction<Result<{ endedSessionIds: readonly string[] }, NotFound>>(
    { userId, tenantId: tenantId ?? undefined },
    async (tx) => {
      const endedSessionIds = await store.revokeSessions(tx, userId, sessionId, clock.now());
      if (sessionId !== null && endedSessionIds.length === 0) {
        return (await store.hasSession(tx, userId, sessionId))
          ? ok({ endedSessionIds })
          : refuse(sessionNotFound());
      }
      if (tenantId !== null) {
        await audit.record(
          tx,
          { tenantId, userId, requestId },
          { action: 'signOut', subjectId: sessionId, details: { endedSessionIds } },
        );
      }
      return ok({ endedSessionIds });
    },
  );
}

import { kindOfId, newId } from "../../lib/ids.js";
import { ok, refuse } from "../../lib/result.js";
import { issueAccessToken } from "./access-token.js";
import { refreshFailed, sessionNotFound } from "./errors.js";
import { refreshTokens } from "./refresh-token.js";
import * as store from "./session-store.js";
import { findHomeTenant } from "./user-store.js";
const DAY_MS = 24 * 60 * 60 * 1e3;
const SESSION_LIFETIME_MS = 90 * DAY_MS;
const REFRESH_TOKEN_LIFETIME_MS = 30 * DAY_MS;
async function startSession(parts, tx, userId) {
  const now = parts.clock.now();
  const session = {
    id: newId("session", now.getTime()),
    userId,
    expiresAt: new Date(now.getTime() + SESSION_LIFETIME_MS),
    createdAt: now
  };
  await store.insertSession(tx, session);
  return issueTokens(parts, tx, session, now);
}
async function issueTokens({ secrets }, tx, session, now) {
  const refreshToken = refreshTokens.make();
  const refreshTokenExpiresAt = new Date(
    Math.min(now.getTime() + REFRESH_TOKEN_LIFETIME_MS, session.expiresAt.getTime())
  );
  await store.insertRefreshToken(tx, {
    tokenHash: refreshTokens.hash(refreshToken),
    sessionId: session.id,
    userId: session.userId,
    expiresAt: refreshTokenExpiresAt,
    createdAt: now
  });
  const { accessToken, expiresAt } = issueAccessToken(
    secrets,
    { userId: session.userId, sessionId: session.id },
    now
  );
  return {
    sessionId: session.id,
    accessToken,
    accessTokenExpiresAt: expiresAt,
    refreshToken,
    refreshTokenExpiresAt
  };
}
async function refreshSession(parts, caller, input) {
  const { database, clock, audit } = parts;
  const proof = refreshTokens.hash(input.refreshToken);
  if (proof === null) return refuse(refreshFailed());
  const token = await database.transaction({ proof }, (tx) => store.findRefreshTokenAcrossTenants(tx, proof));
  if (token === null) return refuse(refreshFailed());
  const { userId, sessionId } = token;
  const tenantId = await database.transaction({ userId }, (tx) => findHomeTenant(tx, userId));
  const tokens = await database.transaction(
    { userId, tenantId: tenantId ?? void 0 },
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
            { action: "refreshSession", subjectId: sessionId, details: { reuse: true, revoked: true } }
          );
        }
      }
      return null;
    }
  );
  return tokens === null ? refuse(refreshFailed()) : ok(tokens);
}
async function signOut({ database, clock, audit }, actor, input) {
  if (actor.kind !== "user") return refuse(sessionNotFound());
  const { userId, tenantId, requestId } = actor;
  const sessionId = input.everywhere === true ? null : input.sessionId ?? actor.sessionId;
  if (sessionId !== null && kindOfId(sessionId) !== "session") return refuse(sessionNotFound());
  return database.transaction(
    { userId, tenantId: tenantId ?? void 0 },
    async (tx) => {
      const endedSessionIds = await store.revokeSessions(tx, userId, sessionId, clock.now());
      if (sessionId !== null && endedSessionIds.length === 0) {
        return await store.hasSession(tx, userId, sessionId) ? ok({ endedSessionIds }) : refuse(sessionNotFound());
      }
      if (tenantId !== null) {
        await audit.record(
          tx,
          { tenantId, userId, requestId },
          { action: "signOut", subjectId: sessionId, details: { endedSessionIds } }
        );
      }
      return ok({ endedSessionIds });
    }
  );
}
export {
  refreshSession,
  signOut,
  startSession
};
//# sourceMappingURL=sessions.js.map

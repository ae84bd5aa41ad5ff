import type { Tx } from '../../database/index.js';

export interface NewRefreshToken {
  readonly tokenHash: string;
  readonly sessionId: string;
  readonly userId: string;
  readonly expiresAt: Date;
  readonly createdAt: Date;
}

export async function insertSession(
  tx: Tx,
  session: {
    readonly id: string;
    readonly userId: string;
    readonly expiresAt: Date;
    readonly createdAt: Date;
  },
): Promise<void> {
  await tx.session.createMany({ data: [session] });
}

export async function insertRefreshToken(tx: Tx, token: NewRefreshToken): Promise<void> {
  await tx.refreshToken.createMany({ data: [token] });
}

/** Only in a transaction whose proof is this hash: whose token it is. */
export async function findRefreshTokenAcrossTenants(
  tx: Tx,
  tokenHash: string,
): Promise<{ sessionId: string; userId: string } | null> {
  return tx.refreshToken.findUnique({ where: { tokenHash }, select: { sessionId: true, userId: true } });
}

/**
 * Holds the session's row until the transaction ends, so that two uses of its tokens come one after the
 * other. `null` when the session has ended.
 */
export async function lockLiveSession(
  tx: Tx,
  userId: string,
  sessionId: string,
  now: Date,
): Promise<{ expiresAt: Date } | null> {
  await tx.$queryRaw`SELECT id FROM sessions WHERE id = ${sessionId} AND user_id = ${userId} FOR NO KEY UPDATE`;
  return tx.session.findFirst({
    where: { id: sessionId, userId, revokedAt: null, expiresAt: { gt: now } },
    select: { expiresAt: true },
  });
}

/** Uses a token up; `false` when it was used before, or has expired. */
export async function useRefreshToken(
  tx: Tx,
  userId: string,
  tokenHash: string,
  now: Date,
): Promise<boolean> {
  const { count } = await tx.refreshToken.updateMany({
    where: { tokenHash, userId, usedAt: null, expiresAt: { gt: now } },
    data: { usedAt: now },
  });
  return count === 1;
}

export async function wasRefreshTokenUsed(tx: Tx, userId: string, tokenHash: string): Promise<boolean> {
  return (await tx.refreshToken.count({ where: { tokenHash, userId, usedAt: { not: null } } })) > 0;
}

/** Used tokens are kept to recognise their reuse, until they would have expired anyway. */
export async function deleteExpiredRefreshTokens(
  tx: Tx,
  userId: string,
  sessionId: string,
  now: Date,
): Promise<void> {
  await tx.refreshToken.deleteMany({ where: { userId, sessionId, expiresAt: { lte: now } } });
}

export async function hasSession(tx: Tx, userId: string, sessionId: string): Promise<boolean> {
  return (await tx.session.count({ where: { id: sessionId, userId } })) > 0;
}

/** Ends one session of the user, or all; returns the ids of those that had not ended before. */
export async function revokeSessions(
  tx: Tx,
  userId: string,
  sessionId: string | null,
  now: Date,
): Promise<string[]> {
  const ended = await tx.session.updateManyAndReturn({
    where: { userId, revokedAt: null, ...(sessionId === null ? {} : { id: sessionId }) },
    data: { revokedAt: now },
    select: { id: true },
  });
  return ended.map(({ id }) => id);
}

async function insertSession(tx, session) {
  await tx.session.createMany({ data: [session] });
}
async function insertRefreshToken(tx, token) {
  await tx.refreshToken.createMany({ data: [token] });
}
async function findRefreshTokenAcrossTenants(tx, tokenHash) {
  return tx.refreshToken.findUnique({ where: { tokenHash }, select: { sessionId: true, userId: true } });
}
async function lockLiveSession(tx, userId, sessionId, now) {
  await tx.$queryRaw`SELECT id FROM sessions WHERE id = ${sessionId} AND user_id = ${userId} FOR NO KEY UPDATE`;
  return tx.session.findFirst({
    where: { id: sessionId, userId, revokedAt: null, expiresAt: { gt: now } },
    select: { expiresAt: true }
  });
}
async function useRefreshToken(tx, userId, tokenHash, now) {
  const { count } = await tx.refreshToken.updateMany({
    where: { tokenHash, userId, usedAt: null, expiresAt: { gt: now } },
    data: { usedAt: now }
  });
  return count === 1;
}
async function wasRefreshTokenUsed(tx, userId, tokenHash) {
  return await tx.refreshToken.count({ where: { tokenHash, userId, usedAt: { not: null } } }) > 0;
}
async function deleteExpiredRefreshTokens(tx, userId, sessionId, now) {
  await tx.refreshToken.deleteMany({ where: { userId, sessionId, expiresAt: { lte: now } } });
}
async function hasSession(tx, userId, sessionId) {
  return await tx.session.count({ where: { id: sessionId, userId } }) > 0;
}
async function revokeSessions(tx, userId, sessionId, now) {
  const ended = await tx.session.updateManyAndReturn({
    where: { userId, revokedAt: null, ...sessionId === null ? {} : { id: sessionId } },
    data: { revokedAt: now },
    select: { id: true }
  });
  return ended.map(({ id }) => id);
}
export {
  deleteExpiredRefreshTokens,
  findRefreshTokenAcrossTenants,
  hasSession,
  insertRefreshToken,
  insertSession,
  lockLiveSession,
  revokeSessions,
  useRefreshToken,
  wasRefreshTokenUsed
};
//# sourceMappingURL=session-store.js.map

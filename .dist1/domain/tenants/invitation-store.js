function fromRow(row) {
  const { id, tenantId, email, role, invitedBy, expiresAt, createdAt } = row;
  return { id, tenantId, email, role, invitedBy, expiresAt, createdAt };
}
function open(now) {
  return { acceptedAt: null, revokedAt: null, expiresAt: { gt: now } };
}
async function insertInvitation(tx, tenantId, invitation, tokenHash) {
  await tx.invitation.createMany({ data: [{ ...invitation, tenantId, tokenHash }] });
}
async function listOpenInvitations(tx, tenantId, now) {
  const rows = await tx.invitation.findMany({
    where: { tenantId, ...open(now) },
    orderBy: { id: "asc" }
  });
  return rows.map(fromRow);
}
async function findOpenInvitations(tx, tenantId, ids, now) {
  const rows = await tx.invitation.findMany({ where: { tenantId, id: { in: [...ids] }, ...open(now) } });
  return rows.map(fromRow);
}
async function findInvitationByTokenAcrossTenants(tx, tokenHash, now) {
  const row = await tx.invitation.findFirst({ where: { tokenHash, ...open(now) } });
  return row === null ? null : fromRow(row);
}
async function acceptOpen(tx, tenantId, id, now) {
  const { count } = await tx.invitation.updateMany({
    where: { tenantId, id, ...open(now) },
    data: { acceptedAt: now }
  });
  return count === 1;
}
async function revokeOpen(tx, tenantId, ids, now) {
  const { count } = await tx.invitation.updateMany({
    where: { tenantId, id: { in: [...ids] }, ...open(now) },
    data: { revokedAt: now }
  });
  return count;
}
async function findEmailOfUser(tx, userId) {
  const row = await tx.user.findUnique({ where: { id: userId }, select: { email: true } });
  return row?.email ?? null;
}
export {
  acceptOpen,
  findEmailOfUser,
  findInvitationByTokenAcrossTenants,
  findOpenInvitations,
  insertInvitation,
  listOpenInvitations,
  revokeOpen
};
//# sourceMappingURL=invitation-store.js.map

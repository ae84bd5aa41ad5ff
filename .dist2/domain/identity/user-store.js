async function insertUser(tx, user) {
  const { count } = await tx.user.createMany({ data: [user], skipDuplicates: true });
  return count === 1;
}
async function insertPassword(tx, userId, passwordHash, now) {
  await tx.userPassword.createMany({ data: [{ userId, passwordHash, updatedAt: now }] });
}
async function findUserByEmailAcrossTenants(tx, email) {
  return tx.user.findUnique({ where: { email } });
}
async function findSignIn(tx, userId) {
  const password = await tx.userPassword.findUnique({ where: { userId } });
  return { passwordHash: password?.passwordHash ?? null, homeTenantId: await findHomeTenant(tx, userId) };
}
async function findHomeTenant(tx, userId) {
  const oldest = await tx.membership.findFirst({
    where: { userId },
    orderBy: [{ createdAt: "asc" }, { id: "asc" }],
    select: { tenantId: true }
  });
  return oldest?.tenantId ?? null;
}
async function findUsersAcrossTenants(tx, ids) {
  return tx.user.findMany({ where: { id: { in: [...ids] } } });
}
export {
  findHomeTenant,
  findSignIn,
  findUserByEmailAcrossTenants,
  findUsersAcrossTenants,
  insertPassword,
  insertUser
};
//# sourceMappingURL=user-store.js.map

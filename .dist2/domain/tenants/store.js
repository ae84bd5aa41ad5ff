function fromMembershipRow(row) {
  return { ...row, role: row.role };
}
async function insertTenant(tx, tenant) {
  const { count } = await tx.tenant.createMany({ data: [tenant], skipDuplicates: true });
  return count === 1;
}
async function insertPlan(tx, tenantId, predictionsPerMonth, now) {
  await tx.tenantPlan.createMany({
    data: [
      {
        tenantId,
        predictionsPerMonth: predictionsPerMonth === null ? null : BigInt(predictionsPerMonth),
        updatedAt: now
      }
    ]
  });
}
async function insertMembership(tx, tenantId, membership) {
  const { count } = await tx.membership.createMany({
    data: [{ ...membership, tenantId }],
    skipDuplicates: true
  });
  return count === 1;
}
async function lockTenant(tx, tenantId) {
  const rows = await tx.$queryRaw`
    SELECT is_operator AS "isOperator" FROM tenants WHERE id = ${tenantId} FOR NO KEY UPDATE`;
  const row = rows[0];
  if (row === void 0) throw new Error(`The tenant ${tenantId} of an actor does not exist.`);
  return row;
}
async function updateTenantName(tx, tenantId, name) {
  return tx.tenant.update({ where: { id: tenantId }, data: { name } });
}
async function findTenantsAcrossTenants(tx, ids) {
  return tx.tenant.findMany({ where: { id: { in: [...ids] } } });
}
async function findTenantBySlugAcrossTenants(tx, slug) {
  return tx.tenant.findUnique({ where: { slug } });
}
async function hasOperatorTenantAcrossTenants(tx) {
  return await tx.tenant.count({ where: { isOperator: true } }) > 0;
}
async function listMembers(tx, tenantId, page) {
  const after = page.after?.[0];
  const rows = await tx.membership.findMany({
    where: { tenantId, ...after === void 0 ? {} : { id: { gt: String(after) } } },
    orderBy: { id: "asc" },
    take: page.first + 1
  });
  return rows.map(fromMembershipRow);
}
async function listMembershipsOfUserAcrossTenants(tx, userId) {
  const rows = await tx.membership.findMany({
    where: { userId },
    orderBy: [{ createdAt: "asc" }, { id: "asc" }],
    take: 1e3
  });
  return rows.map(fromMembershipRow);
}
async function findMembershipsAcrossTenants(tx, ids) {
  const rows = await tx.membership.findMany({ where: { id: { in: [...ids] } } });
  return rows.map(fromMembershipRow);
}
async function findMembership(tx, tenantId, id) {
  const row = await tx.membership.findFirst({ where: { tenantId, id } });
  return row === null ? null : fromMembershipRow(row);
}
async function findRoleOfUser(tx, tenantId, userId) {
  const row = await tx.membership.findUnique({ where: { tenantId_userId: { tenantId, userId } } });
  return row === null ? null : row.role;
}
async function hasMemberWithEmail(tx, tenantId, email) {
  return await tx.membership.count({ where: { tenantId, user: { email } } }) > 0;
}
async function countOwners(tx, tenantId) {
  return tx.membership.count({ where: { tenantId, role: "OWNER" } });
}
async function updateRole(tx, tenantId, id, role) {
  await tx.membership.updateMany({ where: { tenantId, id }, data: { role } });
}
async function deleteMembership(tx, tenantId, id) {
  await tx.membership.deleteMany({ where: { tenantId, id } });
}
export {
  countOwners,
  deleteMembership,
  findMembership,
  findMembershipsAcrossTenants,
  findRoleOfUser,
  findTenantBySlugAcrossTenants,
  findTenantsAcrossTenants,
  hasMemberWithEmail,
  hasOperatorTenantAcrossTenants,
  insertMembership,
  insertPlan,
  insertTenant,
  listMembers,
  listMembershipsOfUserAcrossTenants,
  lockTenant,
  updateRole,
  updateTenantName
};
//# sourceMappingURL=store.js.map

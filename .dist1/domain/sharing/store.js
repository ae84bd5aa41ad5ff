function fromRow(row) {
  return {
    id: row.id,
    tenantId: row.tenantId,
    modelId: row.modelId,
    granteeTenantId: row.granteeTenantId,
    // Holds because of the table's check grants_rights.
    rights: row.rights,
    expiresAt: row.expiresAt,
    createdAt: row.createdAt
  };
}
function inForce(now) {
  return { revokedAt: null, OR: [{ expiresAt: null }, { expiresAt: { gt: now } }] };
}
async function findTenantIdBySlugAcrossTenants(tx, slug) {
  const row = await tx.tenant.findUnique({ where: { slug }, select: { id: true } });
  return row?.id ?? null;
}
async function replaceGrant(tx, tenantId, grant) {
  const { modelId, granteeTenantId, createdAt } = grant;
  await tx.grant.updateMany({
    where: { tenantId, modelId, granteeTenantId, revokedAt: null },
    data: { revokedAt: createdAt }
  });
  return fromRow(await tx.grant.create({ data: { ...grant, rights: [...grant.rights], tenantId } }));
}
async function revokeGrant(tx, tenantId, grantId, now) {
  const [row] = await tx.grant.updateManyAndReturn({
    where: { id: grantId, tenantId, ...inForce(now) },
    data: { revokedAt: now }
  });
  return row === void 0 ? null : fromRow(row);
}
async function listGrants(tx, tenantId, modelId, page, now) {
  const after = page.after === null ? {} : { id: { lt: String(page.after[0]) } };
  const rows = await tx.grant.findMany({
    where: { tenantId, modelId, ...inForce(now), ...after },
    orderBy: { id: "desc" },
    take: page.first + 1
  });
  return rows.map(fromRow);
}
async function findGrants(tx, tenantId, ids, sides, now) {
  const either = [
    ...sides.asOwner ? [{ tenantId }] : [],
    ...sides.asGrantee ? [{ granteeTenantId: tenantId }] : []
  ];
  if (either.length === 0) return [];
  const rows = await tx.grant.findMany({
    where: { id: { in: [...ids] }, AND: [{ OR: either }, inForce(now)] }
  });
  return rows.map(fromRow);
}
export {
  findGrants,
  findTenantIdBySlugAcrossTenants,
  listGrants,
  replaceGrant,
  revokeGrant
};
//# sourceMappingURL=store.js.map

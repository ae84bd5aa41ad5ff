function fromRow({ secretHash: _secretHash, ...row }) {
  return {
    ...row,
    scopes: row.scopes,
    predictionsPerMonth: row.predictionsPerMonth === null ? null : Number(row.predictionsPerMonth)
  };
}
async function insertApiKey(tx, tenantId, key, secretHash) {
  const predictionsPerMonth = key.predictionsPerMonth === null ? null : BigInt(key.predictionsPerMonth);
  await tx.apiKey.createMany({
    data: [{ ...key, tenantId, secretHash, scopes: [...key.scopes], predictionsPerMonth }]
  });
}
async function listApiKeys(tx, tenantId, page) {
  const before = page.after?.[0];
  const rows = await tx.apiKey.findMany({
    where: { tenantId, ...before === void 0 ? {} : { id: { lt: String(before) } } },
    orderBy: { id: "desc" },
    take: page.first + 1
  });
  return rows.map(fromRow);
}
async function findApiKeys(tx, tenantId, ids) {
  const rows = await tx.apiKey.findMany({ where: { tenantId, id: { in: [...ids] } } });
  return rows.map(fromRow);
}
async function lockApiKey(tx, tenantId, id) {
  await tx.$queryRaw`SELECT id FROM api_keys WHERE id = ${id} AND tenant_id = ${tenantId} FOR NO KEY UPDATE`;
  const [key] = await findApiKeys(tx, tenantId, [id]);
  return key ?? null;
}
async function markRevoked(tx, tenantId, id, now) {
  await tx.apiKey.updateMany({ where: { tenantId, id, revokedAt: null }, data: { revokedAt: now } });
}
async function lockRole(tx, tenantId, userId) {
  const rows = await tx.$queryRaw`
    SELECT m.role, t.is_operator AS "isOperator"
    FROM memberships m JOIN tenants t ON t.id = m.tenant_id
    WHERE m.tenant_id = ${tenantId} AND m.user_id = ${userId}
    FOR SHARE OF m`;
  return rows[0] ?? null;
}
async function updateLastUse(query, tenantId, id, now) {
  await query(
    `UPDATE api_keys SET last_used_at = $3
     WHERE tenant_id = $1 AND id = $2 AND (last_used_at IS NULL OR last_used_at <= $3::timestamptz - interval '1 minute')`,
    [tenantId, id, now]
  );
}
export {
  findApiKeys,
  insertApiKey,
  listApiKeys,
  lockApiKey,
  lockRole,
  markRevoked,
  updateLastUse
};
//# sourceMappingURL=api-key-store.js.map

async function findLiveSession(query, userId, sessionId, tenantName, now) {
  const rows = await query(
    `SELECT m.tenant_id AS "tenantId", m.role, m.is_operator AS "isOperator"
     FROM sessions s
     LEFT JOIN LATERAL (
         SELECT m.tenant_id, m.role, t.is_operator
         FROM memberships m JOIN tenants t ON t.id = m.tenant_id
         WHERE m.user_id = s.user_id AND ($3::text IS NULL OR t.slug = $3 OR t.id = $3)
         ORDER BY m.created_at, m.id
         LIMIT 1
     ) m ON true
     WHERE s.id = $2 AND s.user_id = $1 AND s.revoked_at IS NULL AND s.expires_at > $4`,
    [userId, sessionId, tenantName, now]
  );
  return rows[0] ?? null;
}
async function findLiveKeyAcrossTenants(query, secretHash, now) {
  const rows = await query(
    `SELECT k.id, k.tenant_id AS "tenantId", t.slug, t.is_operator AS "isOperator", k.scopes,
         k.created_by AS "createdBy",
         (k.last_used_at IS NULL OR k.last_used_at <= $2::timestamptz - interval '1 minute') AS "isUseStale"
     FROM api_keys k JOIN tenants t ON t.id = k.tenant_id
     WHERE k.secret_hash = $1 AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > $2)`,
    [secretHash, now]
  );
  return rows[0] ?? null;
}
async function findRole(query, tenantId, userId) {
  const rows = await query(
    "SELECT role FROM memberships WHERE tenant_id = $1 AND user_id = $2",
    [tenantId, userId]
  );
  return rows[0]?.role ?? null;
}
export {
  findLiveKeyAcrossTenants,
  findLiveSession,
  findRole
};
//# sourceMappingURL=credential-store.js.map

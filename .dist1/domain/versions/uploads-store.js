function fromRow(row) {
  return { ...row, bytes: Number(row.bytes) };
}
async function lockPending(tx, tenantId) {
  await tx.$queryRaw`SELECT 1 AS locked FROM pg_advisory_xact_lock(hashtextextended(${`pending ${tenantId}`}, 0))`;
}
async function pendingOf(tx, tenantId) {
  const [row] = await tx.$queryRaw`
    SELECT count(*) AS count, coalesce(sum(bytes), 0)::bigint AS bytes FROM (
      SELECT bytes FROM uploads WHERE tenant_id = ${tenantId}
      UNION ALL
      SELECT bytes FROM publications WHERE tenant_id = ${tenantId} AND status IN ('QUEUED', 'RUNNING')
    ) pending`;
  return { count: Number(row?.count ?? 0), bytes: Number(row?.bytes ?? 0) };
}
async function insertUpload(tx, tenantId, upload) {
  const { id, digest, bytes, expiresAt, createdAt } = upload;
  await tx.$executeRaw`
    INSERT INTO artifacts (digest, bytes, created_at) VALUES (${digest}, ${bytes}, ${createdAt})
    ON CONFLICT (digest) DO NOTHING`;
  await tx.upload.create({ data: { id, tenantId, digest, bytes: BigInt(bytes), expiresAt, createdAt } });
}
async function findUpload(tx, tenantId, id, now) {
  const row = await tx.upload.findFirst({ where: { id, tenantId, expiresAt: { gt: now } } });
  return row === null ? null : fromRow(row);
}
async function takeUpload(tx, tenantId, id, now) {
  const rows = await tx.$queryRaw`
    DELETE FROM uploads WHERE id = ${id} AND tenant_id = ${tenantId} AND expires_at > ${now}
    RETURNING id, tenant_id AS "tenantId", digest, bytes, expires_at AS "expiresAt", created_at AS "createdAt"`;
  return rows[0] === void 0 ? null : fromRow(rows[0]);
}
const EXPIRY_BATCH = 500;
async function takeExpiredAcrossTenants(query, now) {
  const rows = await query(
    `DELETE FROM uploads WHERE id IN (
       SELECT id FROM uploads WHERE expires_at <= $1 ORDER BY expires_at LIMIT ${EXPIRY_BATCH}
     ) RETURNING digest`,
    [now]
  );
  return rows.map((row) => row.digest);
}
export {
  findUpload,
  insertUpload,
  lockPending,
  pendingOf,
  takeExpiredAcrossTenants,
  takeUpload
};
//# sourceMappingURL=uploads-store.js.map

function fromRow(row) {
  const status = row.status;
  return {
    id: row.id,
    tenantId: row.tenant_id,
    modelId: row.model_id,
    uploadId: row.upload_id,
    digest: row.digest,
    bytes: Number(row.bytes),
    notes: row.notes,
    status,
    phase: status === "RUNNING" ? row.phase : null,
    progress: row.progress,
    versionId: row.version_id,
    refusal: row.refusal_reason === null ? null : {
      code: "IMPORT_REFUSED",
      message: row.refusal_message ?? "",
      path: ["uploadId"],
      reason: row.refusal_reason,
      subject: row.refusal_subject
    },
    createdBy: row.created_by,
    requestId: row.request_id,
    attempts: row.attempts,
    createdAt: row.created_at,
    finishedAt: row.finished_at
  };
}
const COLUMNS = `id, tenant_id, model_id, upload_id, digest, bytes, notes, status, phase, progress, version_id,
  refusal_reason, refusal_message, refusal_subject, created_by, request_id, attempts, created_at, finished_at`;
async function findOwnTarget(tx, tenantId, modelId) {
  const row = await tx.model.findFirst({ where: { id: modelId, tenantId }, select: { archivedAt: true } });
  return row === null ? null : { isArchived: row.archivedAt !== null };
}
async function insertPublication(tx, tenantId, publication) {
  const { id, modelId, uploadId, digest, bytes, notes, status, createdBy, requestId, createdAt } = publication;
  await tx.publication.create({
    data: {
      id,
      tenantId,
      modelId,
      uploadId,
      digest,
      bytes: BigInt(bytes),
      notes,
      status,
      createdBy,
      requestId,
      createdAt
    }
  });
}
async function findIdByUpload(tx, tenantId, uploadId) {
  const row = await tx.publication.findFirst({ where: { uploadId, tenantId }, select: { id: true } });
  return row?.id ?? null;
}
async function findPublications(query, tenantId, ids) {
  const rows = await query(
    `SELECT ${COLUMNS} FROM publications WHERE tenant_id = $1 AND id = ANY ($2)`,
    [tenantId, ids]
  );
  return rows.map(fromRow);
}
async function claimNextAcrossTenants(query, owner, leaseMs) {
  const [row] = await query(
    `UPDATE publications SET status = 'RUNNING', phase = NULL, progress = 0, attempts = attempts + 1,
       lease_owner = $1, lease_expires_at = clock_timestamp() + $2 * interval '1 millisecond'
     WHERE id = (
       SELECT p.id FROM publications p
       WHERE p.status IN ('QUEUED', 'RUNNING')
         AND (p.lease_expires_at IS NULL OR p.lease_expires_at < clock_timestamp())
       ORDER BY
         (SELECT count(*) FROM publications r WHERE r.tenant_id = p.tenant_id AND r.status = 'RUNNING'
            AND r.lease_expires_at >= clock_timestamp()),
         (SELECT max(f.finished_at) FROM publications f WHERE f.tenant_id = p.tenant_id) NULLS FIRST,
         p.id
       LIMIT 1 FOR UPDATE SKIP LOCKED
     )
     RETURNING ${COLUMNS}`,
    [owner, leaseMs]
  );
  return row === void 0 ? null : fromRow(row);
}
async function renewLease(query, tenantId, id, owner, leaseMs, progress) {
  const rows = await query(
    `UPDATE publications SET phase = coalesce($5, phase), progress = greatest(progress, coalesce($6, progress)),
       lease_expires_at = clock_timestamp() + $4 * interval '1 millisecond'
     WHERE id = $1 AND tenant_id = $2 AND status = 'RUNNING' AND lease_owner = $3 RETURNING id`,
    [id, tenantId, owner, leaseMs, progress?.phase ?? null, progress?.fraction ?? null]
  );
  return rows.length === 1;
}
async function requeue(query, tenantId, id, owner, { refundAttempts, restMs }) {
  await query(
    `UPDATE publications SET status = 'QUEUED', phase = NULL, progress = 0, lease_owner = NULL,
       lease_expires_at = clock_timestamp() + $5 * interval '1 millisecond', attempts = greatest(0, attempts - $4)
     WHERE id = $1 AND tenant_id = $2 AND status = 'RUNNING' AND lease_owner = $3`,
    [id, tenantId, owner, refundAttempts, restMs]
  );
}
async function markSucceeded(tx, tenantId, id, owner, versionId, now) {
  const count = await tx.$executeRaw`
    UPDATE publications SET status = 'SUCCEEDED', phase = NULL, progress = 1, version_id = ${versionId},
      finished_at = ${now}, lease_owner = NULL, lease_expires_at = NULL
    WHERE id = ${id} AND tenant_id = ${tenantId} AND status = 'RUNNING' AND lease_owner = ${owner}`;
  return count === 1;
}
async function markRefused(tx, tenantId, id, owner, refusal, now) {
  const count = await tx.$executeRaw`
    UPDATE publications SET status = 'REFUSED', phase = NULL, refusal_reason = ${refusal.reason},
      refusal_message = ${refusal.message}, refusal_subject = ${refusal.subject}, finished_at = ${now},
      lease_owner = NULL, lease_expires_at = NULL
    WHERE id = ${id} AND tenant_id = ${tenantId} AND status = 'RUNNING' AND lease_owner = ${owner}`;
  return count === 1;
}
async function runningAcrossTenants(query, ids) {
  const rows = await query(
    `SELECT id FROM publications WHERE id = ANY ($1) AND status = 'RUNNING' AND lease_expires_at >= clock_timestamp()`,
    [ids]
  );
  return rows.map((row) => row.id);
}
async function endedAcrossTenants(query, ids) {
  const rows = await query(
    `SELECT id FROM publications WHERE id = ANY ($1) AND status IN ('SUCCEEDED', 'REFUSED')`,
    [ids]
  );
  return rows.map((row) => row.id);
}
export {
  claimNextAcrossTenants,
  endedAcrossTenants,
  findIdByUpload,
  findOwnTarget,
  findPublications,
  insertPublication,
  markRefused,
  markSucceeded,
  renewLease,
  requeue,
  runningAcrossTenants
};
//# sourceMappingURL=publications-store.js.map

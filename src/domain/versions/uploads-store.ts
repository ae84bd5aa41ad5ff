import type { SqlQuery, Tx } from '../../database/index.js';
import type { Pending, Upload } from './upload.js';

interface UploadRow {
  readonly id: string;
  readonly tenantId: string;
  readonly digest: string;
  readonly bytes: bigint;
  readonly expiresAt: Date;
  readonly createdAt: Date;
}

function fromRow(row: UploadRow): Upload {
  return { ...row, bytes: Number(row.bytes) };
}

/**
 * Makes the insertions of one tenant take turns, so that two files cannot both take the last place.
 * Held until the transaction ends; taken before any digest's lock.
 */
export async function lockPending(tx: Tx, tenantId: string): Promise<void> {
  await tx.$queryRaw`SELECT 1 AS locked FROM pg_advisory_xact_lock(hashtextextended(${`pending ${tenantId}`}, 0))`;
}

/** Uploads that arrive in pieces, that wait, and files that are being imported. */
export async function pendingOf(tx: Tx, tenantId: string): Promise<Pending> {
  const [row] = await tx.$queryRaw<{ count: bigint; bytes: bigint }[]>`
    SELECT count(*) AS count, coalesce(sum(bytes), 0)::bigint AS bytes FROM (
      SELECT bytes FROM uploads WHERE tenant_id = ${tenantId}
      UNION ALL
      SELECT bytes FROM publications WHERE tenant_id = ${tenantId} AND status IN ('QUEUED', 'RUNNING')
      UNION ALL
      SELECT reserved_bytes FROM transfers WHERE tenant_id = ${tenantId} AND finished_at IS NULL
    ) pending`;
  return { count: Number(row?.count ?? 0), bytes: Number(row?.bytes ?? 0) };
}

/** The caller holds the digest's lock. */
export async function insertUpload(tx: Tx, tenantId: string, upload: Upload): Promise<void> {
  const { id, digest, bytes, expiresAt, createdAt } = upload;
  await tx.$executeRaw`
    INSERT INTO artifacts (digest, bytes, created_at) VALUES (${digest}, ${bytes}, ${createdAt})
    ON CONFLICT (digest) DO NOTHING`;
  await tx.upload.create({ data: { id, tenantId, digest, bytes: BigInt(bytes), expiresAt, createdAt } });
}

/** An upload that has not expired. */
export async function findUpload(tx: Tx, tenantId: string, id: string, now: Date): Promise<Upload | null> {
  const row = await tx.upload.findFirst({ where: { id, tenantId, expiresAt: { gt: now } } });
  return row === null ? null : fromRow(row);
}

/** Takes the upload away, for the one caller that gets it. */
export async function takeUpload(tx: Tx, tenantId: string, id: string, now: Date): Promise<Upload | null> {
  const rows = await tx.$queryRaw<UploadRow[]>`
    DELETE FROM uploads WHERE id = ${id} AND tenant_id = ${tenantId} AND expires_at > ${now}
    RETURNING id, tenant_id AS "tenantId", digest, bytes, expires_at AS "expiresAt", created_at AS "createdAt"`;
  return rows[0] === undefined ? null : fromRow(rows[0]);
}

const EXPIRY_BATCH = 500;

/** Takes expired uploads away; answers their digests, at most a few hundred at a time. */
export async function takeExpiredAcrossTenants(query: SqlQuery, now: Date): Promise<string[]> {
  const rows = await query<{ digest: string }>(
    `DELETE FROM uploads WHERE id IN (
       SELECT id FROM uploads WHERE expires_at <= $1 ORDER BY expires_at LIMIT ${EXPIRY_BATCH}
     ) RETURNING digest`,
    [now],
  );
  return rows.map((row) => row.digest);
}

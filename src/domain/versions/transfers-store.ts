import type { SqlQuery, Tx } from '../../database/index.js';
import type { TransferRole, TransferRow } from './transfer.js';

interface Row {
  readonly id: string;
  readonly tenant_id: string;
  readonly role: string;
  readonly length: string | bigint | null;
  readonly metadata: string | null;
  readonly expected_digest: string | null;
  readonly parts: readonly string[];
  readonly checked_bytes: string | bigint | null;
  readonly digest: string | null;
  readonly finished_at: Date | null;
  readonly expires_at: Date;
  readonly created_at: Date;
}

const COLUMNS = `id, tenant_id, role, length, metadata, expected_digest, parts, checked_bytes, digest, finished_at,
  expires_at, created_at`;

function fromRow(row: Row): TransferRow {
  return {
    id: row.id,
    tenantId: row.tenant_id,
    role: row.role as TransferRole,
    length: row.length === null ? null : Number(row.length),
    metadata: row.metadata,
    expectedDigest: row.expected_digest,
    parts: row.parts,
    checkedBytes: row.checked_bytes === null ? null : Number(row.checked_bytes),
    digest: row.digest,
    finishedAt: row.finished_at,
    expiresAt: row.expires_at,
    createdAt: row.created_at,
  };
}

/** The caller holds the tenant's pending. */
export async function insertTransfer(
  tx: Tx,
  tenantId: string,
  transfer: TransferRow,
  reservedBytes: number,
): Promise<void> {
  const { length, parts, checkedBytes, ...rest } = transfer;
  await tx.transfer.create({
    data: {
      ...rest,
      tenantId,
      parts: [...parts],
      length: length === null ? null : BigInt(length),
      checkedBytes: checkedBytes === null ? null : BigInt(checkedBytes),
      reservedBytes: BigInt(reservedBytes),
    },
  });
}

export async function findTransfer(
  query: SqlQuery,
  tenantId: string,
  id: string,
): Promise<(TransferRow & { readonly isLocked: boolean }) | null> {
  const [row] = await query<Row & { is_locked: boolean }>(
    `SELECT ${COLUMNS}, coalesce(lock_expires_at > clock_timestamp(), false) AS is_locked
     FROM transfers WHERE id = $1 AND tenant_id = $2`,
    [id, tenantId],
  );
  return row === undefined ? null : { ...fromRow(row), isLocked: row.is_locked };
}

/** What was joined from these parts, in this order: the answer to a request that is sent again. */
export async function findJoined(
  query: SqlQuery,
  tenantId: string,
  parts: readonly string[],
): Promise<TransferRow | null> {
  const [row] = await query<Row>(
    `SELECT ${COLUMNS} FROM transfers WHERE tenant_id = $1 AND role = 'JOINED' AND parts = $2::text[]`,
    [tenantId, parts],
  );
  return row === undefined ? null : fromRow(row);
}

/** Takes the lock if nobody has it. `null`: somebody has, or there is no such transfer. */
export async function takeLock(
  query: SqlQuery,
  tenantId: string,
  id: string,
  token: string,
  leaseMs: number,
): Promise<TransferRow | null> {
  const [row] = await query<Row>(
    `UPDATE transfers SET lock_token = $3, lock_asked = false,
       lock_expires_at = clock_timestamp() + $4 * interval '1 millisecond'
     WHERE id = $1 AND tenant_id = $2 AND coalesce(lock_expires_at <= clock_timestamp(), true)
     RETURNING ${COLUMNS}`,
    [id, tenantId, token, leaseMs],
  );
  return row === undefined ? null : fromRow(row);
}

/** `null`: the lock is lost. */
export async function renewLock(
  query: SqlQuery,
  tenantId: string,
  id: string,
  token: string,
  leaseMs: number,
): Promise<{ readonly isAsked: boolean } | null> {
  const [row] = await query<{ is_asked: boolean }>(
    `UPDATE transfers SET lock_expires_at = clock_timestamp() + $4 * interval '1 millisecond'
     WHERE id = $1 AND tenant_id = $2 AND lock_token = $3 RETURNING lock_asked AS is_asked`,
    [id, tenantId, token, leaseMs],
  );
  return row === undefined ? null : { isAsked: row.is_asked };
}

export async function askForLock(query: SqlQuery, tenantId: string, id: string): Promise<void> {
  await query('UPDATE transfers SET lock_asked = true WHERE id = $1 AND tenant_id = $2', [id, tenantId]);
}

export async function dropLock(query: SqlQuery, tenantId: string, id: string, token: string): Promise<void> {
  await query(
    `UPDATE transfers SET lock_token = NULL, lock_expires_at = NULL, lock_asked = false
     WHERE id = $1 AND tenant_id = $2 AND lock_token = $3`,
    [id, tenantId, token],
  );
}

/** Notes down how much is checked; `null`: all that is there. */
export async function setCheckedBytes(
  query: SqlQuery,
  tenantId: string,
  id: string,
  bytes: number | null,
): Promise<void> {
  await query('UPDATE transfers SET checked_bytes = $3 WHERE id = $1 AND tenant_id = $2', [
    id,
    tenantId,
    bytes,
  ]);
}

export async function setReserved(
  tx: Tx,
  tenantId: string,
  id: string,
  reservedBytes: number,
  length: number | null,
): Promise<void> {
  await tx.transfer.updateMany({
    where: { id, tenantId },
    data: { reservedBytes: BigInt(reservedBytes), length: length === null ? null : BigInt(length) },
  });
}

/** For the holder of the lock: what was a transfer is an upload from here on. False: the lock is lost. */
export async function markFinished(
  tx: Tx,
  tenantId: string,
  id: string,
  token: string,
  end: { readonly digest: string; readonly finishedAt: Date; readonly expiresAt: Date },
): Promise<boolean> {
  const { count } = await tx.transfer.updateMany({
    where: { id, tenantId, lockToken: token, finishedAt: null },
    data: { ...end, reservedBytes: 0n },
  });
  return count === 1;
}

/** For the holder of the locks. Answers how many went. */
export async function deleteLocked(
  tx: Tx,
  tenantId: string,
  locks: readonly { readonly id: string; readonly token: string }[],
): Promise<number> {
  const { count } = await tx.transfer.deleteMany({
    where: { tenantId, OR: locks.map(({ id, token }) => ({ id, lockToken: token })) },
  });
  return count;
}

export async function isUnfinished(tx: Tx, tenantId: string, id: string): Promise<boolean> {
  return (await tx.transfer.count({ where: { id, tenantId, finishedAt: null } })) > 0;
}

const EXPIRY_BATCH = 500;

/** Takes expired transfers away that nobody writes; answers their ids, a few hundred at a time. */
export async function takeExpiredAcrossTenants(query: SqlQuery, now: Date): Promise<string[]> {
  const rows = await query<{ id: string }>(
    `DELETE FROM transfers WHERE id IN (
       SELECT id FROM transfers
       WHERE expires_at <= $1 AND coalesce(lock_expires_at <= clock_timestamp(), true)
       ORDER BY expires_at LIMIT ${EXPIRY_BATCH}
     ) RETURNING id`,
    [now],
  );
  return rows.map((row) => row.id);
}

/** Which of these ids have no transfer, or one that needs no file any more. */
export async function withoutUseAcrossTenants(query: SqlQuery, ids: readonly string[]): Promise<string[]> {
  const rows = await query<{ id: string }>(
    `SELECT f.id FROM unnest($1::text[]) AS f(id)
     WHERE NOT EXISTS (SELECT 1 FROM transfers t WHERE t.id = f.id AND t.finished_at IS NULL)`,
    [ids],
  );
  return rows.map((row) => row.id);
}

/** The embedded database has one process: what an earlier one held is held by nobody. */
export async function dropLocksAcrossTenants(query: SqlQuery): Promise<void> {
  await query(
    'UPDATE transfers SET lock_token = NULL, lock_expires_at = NULL, lock_asked = false WHERE lock_token IS NOT NULL',
    [],
  );
}

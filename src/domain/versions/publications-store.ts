import { isPresent, type SqlQuery, type Tx } from '../../database/index.js';
import type { ImportSample } from '../../importers/index.js';
import { reportFromJson, type PublicationReport } from './import-run.js';
import { metricsFromJson } from './metrics.js';
import type { ImportRefused, Publication, PublicationPhase, PublicationStatus } from './publication.js';
import { sampleFromText } from './sample.js';

interface PublicationRow {
  readonly id: string;
  readonly tenant_id: string;
  readonly model_id: string;
  readonly upload_id: string;
  readonly digest: string;
  readonly bytes: string | number | bigint;
  readonly notes: string;
  readonly derived_from: string | null;
  readonly metrics: unknown;
  readonly status: string;
  readonly phase: string | null;
  readonly progress: number;
  readonly version_id: string | null;
  readonly refusal_reason: string | null;
  readonly refusal_message: string | null;
  readonly refusal_subject: string | null;
  readonly report: unknown;
  readonly created_by: string | null;
  readonly request_id: string;
  readonly attempts: number;
  readonly created_at: Date;
  readonly finished_at: Date | null;
}

function fromRow(row: PublicationRow): Publication {
  const status = row.status as PublicationStatus;
  return {
    id: row.id,
    tenantId: row.tenant_id,
    modelId: row.model_id,
    uploadId: row.upload_id,
    digest: row.digest,
    bytes: Number(row.bytes),
    notes: row.notes,
    derivedFrom: row.derived_from,
    metrics: metricsFromJson(row.metrics),
    status,
    phase: status === 'RUNNING' ? (row.phase as Publication['phase']) : null,
    progress: row.progress,
    versionId: row.version_id,
    refusal:
      row.refusal_reason === null
        ? null
        : {
            code: 'IMPORT_REFUSED',
            message: row.refusal_message ?? '',
            path: ['uploadId'],
            reason: row.refusal_reason as ImportRefused['reason'],
            subject: row.refusal_subject,
          },
    report: reportFromJson(row.report),
    createdBy: row.created_by,
    requestId: row.request_id,
    attempts: row.attempts,
    createdAt: row.created_at,
    finishedAt: row.finished_at,
  };
}

const COLUMNS = `id, tenant_id, model_id, upload_id, digest, bytes, notes, derived_from, metrics, status, phase, progress,
  version_id, refusal_reason, refusal_message, refusal_subject, report, created_by, request_id, attempts, created_at,
  finished_at`;

/**
 * SQL: nobody runs the publication `p`: its lease is over, or was given back, or its process is dead. A lease's owner is
 * `process/claim` when the process could show that it lives as it took the lease (see `Presence` in the database room),
 * else one word: then only the time decides.
 */
const IS_FREE = `(p.lease_expires_at IS NULL OR p.lease_expires_at < clock_timestamp()
  OR (p.status = 'RUNNING' AND p.lease_owner LIKE '%/%'
    AND NOT ${isPresent("split_part(p.lease_owner, '/', 1)")}))`;

/** What matters of the model that is to get a version; `null` when the tenant owns no such model. */
export async function findOwnTarget(
  tx: Tx,
  tenantId: string,
  modelId: string,
): Promise<{ readonly isArchived: boolean } | null> {
  const row = await tx.model.findFirst({ where: { id: modelId, tenantId }, select: { archivedAt: true } });
  return row === null ? null : { isArchived: row.archivedAt !== null };
}

/** @param sample as `checkSample` wrote it; `null`: none was sent */
export async function insertPublication(
  tx: Tx,
  tenantId: string,
  publication: Publication,
  sample: string | null,
): Promise<void> {
  const { id, modelId, uploadId, digest, bytes, notes, derivedFrom, status } = publication;
  const { createdBy, requestId, createdAt } = publication;
  await tx.publication.create({
    data: {
      id,
      tenantId,
      modelId,
      uploadId,
      digest,
      bytes: BigInt(bytes),
      notes,
      derivedFrom,
      metrics: publication.metrics.map((metric) => ({ ...metric })),
      status,
      createdBy,
      requestId,
      createdAt,
      sample,
    },
  });
}

/** Apart from the rest, because it may be large and only the run needs it. */
export async function findSample(
  query: SqlQuery,
  tenantId: string,
  id: string,
): Promise<ImportSample | null> {
  const [row] = await query<{ readonly sample: string | null }>(
    'SELECT sample FROM publications WHERE id = $1 AND tenant_id = $2',
    [id, tenantId],
  );
  return row?.sample == null ? null : sampleFromText(row.sample);
}

/** The publication that consumed an upload. */
export async function findIdByUpload(tx: Tx, tenantId: string, uploadId: string): Promise<string | null> {
  const row = await tx.publication.findFirst({ where: { uploadId, tenantId }, select: { id: true } });
  return row?.id ?? null;
}

export async function findPublications(
  query: SqlQuery,
  tenantId: string,
  ids: readonly string[],
): Promise<Publication[]> {
  const rows = await query<PublicationRow>(
    `SELECT ${COLUMNS} FROM publications WHERE tenant_id = $1 AND id = ANY ($2)`,
    [tenantId, ids],
  );
  return rows.map(fromRow);
}

/** Those that became these versions. */
export async function findPublicationsOfVersions(
  query: SqlQuery,
  tenantId: string,
  versionIds: readonly string[],
): Promise<Publication[]> {
  const rows = await query<PublicationRow>(
    `SELECT ${COLUMNS} FROM publications WHERE tenant_id = $1 AND version_id = ANY ($2)`,
    [tenantId, versionIds],
  );
  return rows.map(fromRow);
}

/**
 * Leases the next publication that nobody runs: tenants take turns (fewest running, then longest unserved),
 * each tenant's in order. `null` when there is none. Leases are measured by the database's clock alone.
 * @param owner of this claim alone, so that nobody ends what was taken over, the same process neither
 * @param ownName what this process takes for its presence: it never takes itself for dead
 */
export async function claimNextAcrossTenants(
  query: SqlQuery,
  owner: string,
  leaseMs: number,
  ownName: string,
): Promise<Publication | null> {
  const [row] = await query<PublicationRow>(
    `UPDATE publications SET status = 'RUNNING', phase = 'STARTING', progress = 0, attempts = attempts + 1,
       lease_owner = $1, lease_expires_at = clock_timestamp() + $2 * interval '1 millisecond'
     WHERE id = (
       SELECT p.id FROM publications p
       WHERE p.status IN ('QUEUED', 'RUNNING') AND ${IS_FREE}
         AND (p.lease_owner IS NULL OR split_part(p.lease_owner, '/', 1) <> $3 OR p.lease_expires_at < clock_timestamp())
       ORDER BY
         (SELECT count(*) FROM publications r WHERE r.tenant_id = p.tenant_id AND r.status = 'RUNNING'
            AND r.lease_expires_at >= clock_timestamp()),
         (SELECT max(f.finished_at) FROM publications f WHERE f.tenant_id = p.tenant_id) NULLS FIRST,
         p.id
       LIMIT 1 FOR UPDATE SKIP LOCKED
     )
     RETURNING ${COLUMNS}`,
    [owner, leaseMs, ownName],
  );
  return row === undefined ? null : fromRow(row);
}

/** Renews the lease, with the progress if there is some. False: the lease is lost, somebody else runs it. */
export async function renewLease(
  query: SqlQuery,
  tenantId: string,
  id: string,
  owner: string,
  leaseMs: number,
  progress: { readonly phase: PublicationPhase; readonly fraction: number } | null,
): Promise<boolean> {
  const rows = await query<{ id: string }>(
    `UPDATE publications SET phase = coalesce($5, phase), progress = greatest(progress, coalesce($6, progress)),
       lease_expires_at = clock_timestamp() + $4 * interval '1 millisecond'
     WHERE id = $1 AND tenant_id = $2 AND status = 'RUNNING' AND lease_owner = $3 RETURNING id`,
    [id, tenantId, owner, leaseMs, progress?.phase ?? null, progress?.fraction ?? null],
  );
  return rows.length === 1;
}

/**
 * Puts it back into the queue, to be taken again after `restMs`; `refundAttempts` when it was our hurry and
 * not its fault that it did not end.
 */
export async function requeue(
  query: SqlQuery,
  tenantId: string,
  id: string,
  owner: string,
  { refundAttempts, restMs }: { readonly refundAttempts: number; readonly restMs: number },
): Promise<void> {
  await query(
    `UPDATE publications SET status = 'QUEUED', phase = NULL, progress = 0, lease_owner = NULL,
       lease_expires_at = clock_timestamp() + $5 * interval '1 millisecond', attempts = greatest(0, attempts - $4)
     WHERE id = $1 AND tenant_id = $2 AND status = 'RUNNING' AND lease_owner = $3`,
    [id, tenantId, owner, refundAttempts, restMs],
  );
}

/** Ends it as a version. False when the lease is lost: nothing of ours may be written then. */
export async function markSucceeded(
  tx: Tx,
  tenantId: string,
  id: string,
  owner: string,
  versionId: string,
  report: PublicationReport,
  now: Date,
): Promise<boolean> {
  const count = await tx.$executeRaw`
    UPDATE publications SET status = 'SUCCEEDED', phase = NULL, progress = 1, version_id = ${versionId},
      report = ${JSON.stringify(report)}::jsonb, sample = NULL, finished_at = ${now}, lease_owner = NULL,
      lease_expires_at = NULL
    WHERE id = ${id} AND tenant_id = ${tenantId} AND status = 'RUNNING' AND lease_owner = ${owner}`;
  return count === 1;
}

/** Ends it as refused. False when the lease is lost. */
export async function markRefused(
  tx: Tx,
  tenantId: string,
  id: string,
  owner: string,
  refusal: ImportRefused,
  report: PublicationReport | null,
  now: Date,
): Promise<boolean> {
  const count = await tx.$executeRaw`
    UPDATE publications SET status = 'REFUSED', phase = NULL, refusal_reason = ${refusal.reason},
      refusal_message = ${refusal.message}, refusal_subject = ${refusal.subject},
      report = ${report === null ? null : JSON.stringify(report)}::jsonb, sample = NULL, finished_at = ${now},
      lease_owner = NULL, lease_expires_at = NULL
    WHERE id = ${id} AND tenant_id = ${tenantId} AND status = 'RUNNING' AND lease_owner = ${owner}`;
  return count === 1;
}

/** Of these publications, the ones that somebody runs right now. */
export async function runningAcrossTenants(query: SqlQuery, ids: readonly string[]): Promise<string[]> {
  const rows = await query<{ id: string }>(
    `SELECT p.id FROM publications p WHERE p.id = ANY ($1) AND p.status = 'RUNNING' AND NOT ${IS_FREE}`,
    [ids],
  );
  return rows.map((row) => row.id);
}

/** Of these publications, the ones that have ended. */
export async function endedAcrossTenants(query: SqlQuery, ids: readonly string[]): Promise<string[]> {
  const rows = await query<{ id: string }>(
    `SELECT id FROM publications WHERE id = ANY ($1) AND status IN ('SUCCEEDED', 'REFUSED')`,
    [ids],
  );
  return rows.map((row) => row.id);
}

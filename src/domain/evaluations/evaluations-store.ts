import type { Prisma, SqlQuery, Tx } from '../../database/index.js';
import type { PageRequest } from '../../lib/page.js';
import type { Evaluation, EvaluationFailure, EvaluationStatus } from './evaluation.js';
import type { EvaluationReport } from './report.js';

interface Row {
  readonly id: string;
  readonly tenant_id: string;
  readonly version_id: string;
  readonly dataset_id: string;
  readonly dataset_name: string;
  readonly dataset_digest: string;
  readonly rows: number;
  readonly plan: unknown;
  readonly status: string;
  readonly rows_done: number;
  readonly charged: number;
  readonly report: unknown;
  readonly failure_code: string | null;
  readonly failure_message: string | null;
  readonly created_by: string | null;
  readonly request_id: string;
  readonly attempts: number;
  readonly created_at: Date;
  readonly started_at: Date | null;
  readonly finished_at: Date | null;
}

const COLUMNS = `id, tenant_id, version_id, dataset_id, dataset_name, dataset_digest, rows, plan, status, rows_done,
  charged, report, failure_code, failure_message, created_by, request_id, attempts, created_at, started_at, finished_at`;

function fromRow(row: Row): Evaluation {
  return {
    id: row.id,
    tenantId: row.tenant_id,
    versionId: row.version_id,
    datasetId: row.dataset_id,
    datasetName: row.dataset_name,
    datasetDigest: row.dataset_digest,
    rows: row.rows,
    plan: row.plan as Evaluation['plan'],
    status: row.status as EvaluationStatus,
    rowsDone: row.rows_done,
    charged: row.charged,
    report: row.report as Evaluation['report'],
    failure:
      row.failure_code === null ? null : { code: row.failure_code, message: row.failure_message ?? '' },
    createdBy: row.created_by,
    requestId: row.request_id,
    attempts: row.attempts,
    createdAt: row.created_at,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
  };
}

export async function insertEvaluation(tx: Tx, tenantId: string, evaluation: Evaluation): Promise<void> {
  const { id, versionId, datasetId, datasetName, datasetDigest, rows, plan, status, createdBy, requestId } =
    evaluation;
  await tx.evaluation.create({
    data: {
      id,
      tenantId,
      versionId,
      datasetId,
      datasetName,
      datasetDigest,
      rows,
      plan: plan as unknown as Prisma.InputJsonObject,
      status,
      createdBy,
      requestId,
      createdAt: evaluation.createdAt,
    },
  });
}

/** How many wait or run. The caller holds a lock of the tenant's. */
export async function countUnfinished(tx: Tx, tenantId: string): Promise<number> {
  return tx.evaluation.count({ where: { tenantId, status: { in: ['QUEUED', 'RUNNING'] } } });
}

/** One that still reads the dataset. */
export async function findUnfinishedOn(tx: Tx, tenantId: string, datasetId: string): Promise<string | null> {
  const row = await tx.evaluation.findFirst({
    where: { tenantId, datasetId, status: { in: ['QUEUED', 'RUNNING'] } },
    select: { id: true },
  });
  return row?.id ?? null;
}

export async function findEvaluations(
  query: SqlQuery,
  tenantId: string,
  ids: readonly string[],
): Promise<Evaluation[]> {
  const rows = await query<Row>(`SELECT ${COLUMNS} FROM evaluations WHERE tenant_id = $1 AND id = ANY ($2)`, [
    tenantId,
    ids,
  ]);
  return rows.map(fromRow);
}

export interface EvaluationFilter {
  readonly versionId?: string | null | undefined;
  readonly datasetId?: string | null | undefined;
}

/** Newest first, one more than the page holds. */
export async function listEvaluations(
  query: SqlQuery,
  tenantId: string,
  filter: EvaluationFilter,
  page: PageRequest,
): Promise<Evaluation[]> {
  const rows = await query<Row>(
    `SELECT ${COLUMNS} FROM evaluations WHERE tenant_id = $1 AND ($2::text IS NULL OR id < $2)
       AND ($4::text IS NULL OR version_id = $4) AND ($5::text IS NULL OR dataset_id = $5)
     ORDER BY id DESC LIMIT $3`,
    [tenantId, page.after?.[0] ?? null, page.first + 1, filter.versionId ?? null, filter.datasetId ?? null],
  );
  return rows.map(fromRow);
}

/**
 * Leases the next evaluation that nobody runs: tenants take turns (fewest running, then longest unserved), each
 * tenant's in order. Leases are measured by the database's clock alone.
 */
export async function claimNextAcrossTenants(
  query: SqlQuery,
  owner: string,
  leaseMs: number,
): Promise<Evaluation | null> {
  const [row] = await query<Row>(
    `UPDATE evaluations SET status = 'RUNNING', attempts = attempts + 1, started_at = coalesce(started_at, clock_timestamp()),
       lease_owner = $1, lease_expires_at = clock_timestamp() + $2 * interval '1 millisecond'
     WHERE id = (
       SELECT e.id FROM evaluations e
       WHERE e.status IN ('QUEUED', 'RUNNING')
         AND (e.lease_expires_at IS NULL OR e.lease_expires_at < clock_timestamp())
       ORDER BY
         (SELECT count(*) FROM evaluations r WHERE r.tenant_id = e.tenant_id AND r.status = 'RUNNING'
            AND r.lease_expires_at >= clock_timestamp()),
         (SELECT max(f.finished_at) FROM evaluations f WHERE f.tenant_id = e.tenant_id) NULLS FIRST,
         e.id
       LIMIT 1 FOR UPDATE SKIP LOCKED
     )
     RETURNING ${COLUMNS}`,
    [owner, leaseMs],
  );
  return row === undefined ? null : fromRow(row);
}

/** Frees what a dead process held; only where no other process can be alive. */
export async function freeLeasesAcrossTenants(query: SqlQuery): Promise<void> {
  await query(`UPDATE evaluations SET lease_expires_at = NULL WHERE status IN ('QUEUED', 'RUNNING')`, []);
}

/** False: the lease is lost, or the evaluation was cancelled. */
export async function renewLease(
  query: SqlQuery,
  tenantId: string,
  id: string,
  owner: string,
  leaseMs: number,
): Promise<boolean> {
  const rows = await query<object>(
    `UPDATE evaluations SET lease_expires_at = clock_timestamp() + $4 * interval '1 millisecond'
     WHERE id = $1 AND tenant_id = $2 AND status = 'RUNNING' AND lease_owner = $3 RETURNING id`,
    [id, tenantId, owner, leaseMs],
  );
  return rows.length === 1;
}

export interface ChunkResult {
  readonly index: number;
  readonly rows: number;
  readonly records: Buffer;
  readonly computeMs: number;
  readonly charged: number;
}

/**
 * Keeps the result of a chunk and renews the lease, in one transaction; whoever lost the lease keeps nothing.
 * A chunk got through, so the attempts count from anew.
 */
export async function keepChunk(
  query: SqlQuery,
  tenantId: string,
  id: string,
  owner: string,
  leaseMs: number,
  chunk: ChunkResult,
): Promise<boolean> {
  const rows = await query<object>(
    `WITH held AS (
       UPDATE evaluations SET rows_done = rows_done + $6, charged = charged + $9, attempts = 1,
         lease_expires_at = clock_timestamp() + $4 * interval '1 millisecond'
       WHERE id = $1 AND tenant_id = $2 AND status = 'RUNNING' AND lease_owner = $3 RETURNING id
     )
     INSERT INTO evaluation_chunks (evaluation_id, tenant_id, "index", rows, records, compute_ms)
     SELECT id, $2, $5, $6, $7, $8 FROM held RETURNING evaluation_id`,
    [id, tenantId, owner, leaseMs, chunk.index, chunk.rows, chunk.records, chunk.computeMs, chunk.charged],
  );
  return rows.length === 1;
}

export interface KeptChunk {
  readonly index: number;
  readonly records: Buffer;
  readonly computeMs: number;
}

/** Which chunks are done. */
export async function chunkIndices(query: SqlQuery, tenantId: string, id: string): Promise<number[]> {
  const rows = await query<{ index: number }>(
    'SELECT "index" FROM evaluation_chunks WHERE tenant_id = $1 AND evaluation_id = $2 ORDER BY "index"',
    [tenantId, id],
  );
  return rows.map(({ index }) => index);
}

/** In order. */
export async function readChunks(query: SqlQuery, tenantId: string, id: string): Promise<KeptChunk[]> {
  return query<KeptChunk>(
    `SELECT "index", records, compute_ms AS "computeMs" FROM evaluation_chunks
     WHERE tenant_id = $1 AND evaluation_id = $2 ORDER BY "index"`,
    [tenantId, id],
  );
}

/** Puts it back into the queue, to be taken again after `restMs`. */
export async function requeue(
  query: SqlQuery,
  tenantId: string,
  id: string,
  owner: string,
  { refundAttempts, restMs }: { readonly refundAttempts: number; readonly restMs: number },
): Promise<void> {
  await query(
    `UPDATE evaluations SET status = 'QUEUED', lease_owner = NULL, attempts = greatest(0, attempts - $4),
       lease_expires_at = clock_timestamp() + $5 * interval '1 millisecond'
     WHERE id = $1 AND tenant_id = $2 AND status = 'RUNNING' AND lease_owner = $3`,
    [id, tenantId, owner, refundAttempts, restMs],
  );
}

/** Ends a run. False when the lease is lost or it was cancelled: nothing of ours may be written then. */
export async function endEvaluation(
  query: SqlQuery,
  tenantId: string,
  id: string,
  owner: string,
  report: EvaluationReport | null,
  failure: EvaluationFailure | null,
): Promise<boolean> {
  const rows = await query<object>(
    `UPDATE evaluations SET status = $4, report = $5, failure_code = $6, failure_message = $7,
       finished_at = clock_timestamp(), lease_owner = NULL, lease_expires_at = NULL
     WHERE id = $1 AND tenant_id = $2 AND status = 'RUNNING' AND lease_owner = $3 RETURNING id`,
    [
      id,
      tenantId,
      owner,
      failure === null ? 'SUCCEEDED' : 'FAILED',
      report === null ? null : JSON.stringify(report),
      failure?.code ?? null,
      failure?.message ?? null,
    ],
  );
  return rows.length === 1;
}

/** Cancels it, whoever runs it: the runner finds its lease lost. False: it had ended. */
export async function cancel(tx: Tx, tenantId: string, id: string): Promise<boolean> {
  const count = await tx.$executeRaw`
    UPDATE evaluations SET status = 'CANCELLED', finished_at = clock_timestamp(), lease_owner = NULL, lease_expires_at = NULL
    WHERE id = ${id} AND tenant_id = ${tenantId} AND status IN ('QUEUED', 'RUNNING')`;
  return count === 1;
}

/** The report of what a cancelled run had done. */
export async function keepReport(
  query: SqlQuery,
  tenantId: string,
  id: string,
  report: EvaluationReport,
): Promise<void> {
  await query(
    `UPDATE evaluations SET report = $3 WHERE id = $1 AND tenant_id = $2 AND status = 'CANCELLED'`,
    [id, tenantId, JSON.stringify(report)],
  );
}

/** Puts one that failed or was cancelled back into the queue. False: it is in another state. */
export async function resume(tx: Tx, tenantId: string, id: string): Promise<boolean> {
  const count = await tx.$executeRaw`
    UPDATE evaluations SET status = 'QUEUED', report = NULL, failure_code = NULL, failure_message = NULL,
      finished_at = NULL, attempts = 0, lease_owner = NULL, lease_expires_at = NULL
    WHERE id = ${id} AND tenant_id = ${tenantId} AND status IN ('FAILED', 'CANCELLED')`;
  return count === 1;
}

/** Of these evaluations, the ones that have ended. */
export async function endedAcrossTenants(query: SqlQuery, ids: readonly string[]): Promise<string[]> {
  const rows = await query<{ id: string }>(
    `SELECT id FROM evaluations WHERE id = ANY ($1) AND status IN ('SUCCEEDED', 'FAILED', 'CANCELLED')`,
    [ids],
  );
  return rows.map((row) => row.id);
}

import { Prisma, type SqlQuery, type Tx } from '../../database/index.js';
import type { PageRequest } from '../../lib/page.js';
import type { Dataset } from './dataset.js';

interface Row {
  readonly id: string;
  readonly tenant_id: string;
  readonly name: string;
  readonly format: string;
  readonly digest: string;
  readonly bytes: string | number | bigint;
  readonly source_digest: string;
  readonly source_bytes: string | number | bigint;
  readonly rows: number;
  readonly columns: unknown;
  readonly label_kind: string;
  readonly classes: unknown;
  readonly findings: readonly string[];
  readonly created_by: string | null;
  readonly created_at: Date;
}

const COLUMNS = `id, tenant_id, name, format, digest, bytes, source_digest, source_bytes, rows, columns, label_kind,
  classes, findings, created_by, created_at`;

/** The casts hold because of the table's checks and of what `insertDataset` writes. */
function fromRow(row: Row): Dataset {
  return {
    id: row.id,
    tenantId: row.tenant_id,
    name: row.name,
    format: row.format as Dataset['format'],
    digest: row.digest,
    bytes: Number(row.bytes),
    sourceDigest: row.source_digest,
    sourceBytes: Number(row.source_bytes),
    rows: row.rows,
    columns: row.columns as Dataset['columns'],
    labelKind: row.label_kind as Dataset['labelKind'],
    classes: row.classes as Dataset['classes'],
    findings: row.findings,
    createdBy: row.created_by,
    createdAt: row.created_at,
  };
}

/** Makes the insertions of one tenant take turns, so that two cannot both take the last place. Held to the end. */
export async function lockDatasets(tx: Tx, tenantId: string): Promise<void> {
  await tx.$queryRaw`SELECT 1 AS locked FROM pg_advisory_xact_lock(hashtextextended(${`datasets ${tenantId}`}, 0))`;
}

export async function datasetTotals(
  tx: Tx,
  tenantId: string,
): Promise<{ readonly count: number; readonly bytes: number }> {
  const { _count, _sum } = await tx.dataset.aggregate({
    where: { tenantId },
    _count: true,
    _sum: { bytes: true },
  });
  return { count: _count, bytes: Number(_sum.bytes ?? 0) };
}

export async function isNameTaken(tx: Tx, tenantId: string, name: string): Promise<boolean> {
  return (await tx.dataset.count({ where: { tenantId, name } })) > 0;
}

/** The caller holds the digest's lock. */
export async function insertDataset(tx: Tx, tenantId: string, dataset: Dataset): Promise<void> {
  const { bytes, sourceBytes, columns, classes, findings, ...rest } = dataset;
  await tx.dataset.create({
    data: {
      ...rest,
      tenantId,
      bytes: BigInt(bytes),
      sourceBytes: BigInt(sourceBytes),
      columns: columns as unknown as Prisma.InputJsonArray,
      classes: classes === null ? Prisma.DbNull : (classes as unknown as Prisma.InputJsonArray),
      findings: [...findings],
    },
  });
}

export async function findDatasets(
  query: SqlQuery,
  tenantId: string,
  ids: readonly string[],
): Promise<Dataset[]> {
  const rows = await query<Row>(`SELECT ${COLUMNS} FROM datasets WHERE tenant_id = $1 AND id = ANY ($2)`, [
    tenantId,
    ids,
  ]);
  return rows.map(fromRow);
}

/** Newest first, one more than the page holds. */
export async function listDatasets(query: SqlQuery, tenantId: string, page: PageRequest): Promise<Dataset[]> {
  const rows = await query<Row>(
    `SELECT ${COLUMNS} FROM datasets WHERE tenant_id = $1 AND ($2::text IS NULL OR id < $2) ORDER BY id DESC LIMIT $3`,
    [tenantId, page.after?.[0] ?? null, page.first + 1],
  );
  return rows.map(fromRow);
}

/**
 * Holds the dataset until the transaction ends, so that no evaluation begins on one that goes; false when there is
 * none. By a lock beside the row: the application may not change datasets, so it cannot lock their rows either.
 */
export async function lockDataset(tx: Tx, tenantId: string, id: string): Promise<boolean> {
  await tx.$queryRaw`SELECT 1 AS locked FROM pg_advisory_xact_lock(hashtextextended(${`dataset ${id}`}, 0))`;
  return (await tx.dataset.count({ where: { id, tenantId } })) === 1;
}

/** The digest of what was there; `null` when there was nothing. */
export async function deleteDatasetRow(tx: Tx, tenantId: string, id: string): Promise<string | null> {
  const rows = await tx.$queryRaw<{ digest: string }[]>`
    DELETE FROM datasets WHERE id = ${id} AND tenant_id = ${tenantId} RETURNING digest`;
  return rows[0]?.digest ?? null;
}

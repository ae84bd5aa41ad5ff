/** Yanks are kept after they ended, for the record; every read here shows only those in force. */
import type { SqlQuery, Tx } from '../../database/index.js';
import type { PinnedCallers, Yank } from './yank.js';

interface YankRow {
  readonly version_id: string;
  readonly tenant_id: string;
  readonly reason: string;
  readonly pinned_callers: string;
  readonly yanked_by: string | null;
  readonly yanked_at: Date;
}

const COLUMNS = 'y.version_id, y.tenant_id, y.reason, y.pinned_callers, y.yanked_by, y.yanked_at';

function fromRow(row: YankRow): Yank {
  return {
    versionId: row.version_id,
    tenantId: row.tenant_id,
    reason: row.reason,
    // Holds because of the table's check version_yanks_pinned_callers.
    pinnedCallers: row.pinned_callers as PinnedCallers,
    yankedBy: row.yanked_by,
    since: row.yanked_at,
  };
}

/** Joins the yank in force as `y`. At most one row: see the index version_yanks_one_in_force. */
export const YANK_IN_FORCE_JOIN = 'LEFT JOIN version_yanks y ON y.version_id = v.id AND y.ended_at IS NULL';

/** Number of the newest version in service of the model `m`; null when there is none. Walks down the index of numbers. */
export const NEWEST_IN_SERVICE = `(SELECT n.number FROM versions n
  WHERE n.model_id = m.id
    AND NOT EXISTS (SELECT 1 FROM version_yanks ny WHERE ny.version_id = n.id AND ny.ended_at IS NULL)
  ORDER BY n.number DESC LIMIT 1)`;

/** Those in force on these versions, of models that row-level security shows to the tenant. */
export async function findYanks(query: SqlQuery, versionIds: readonly string[]): Promise<Yank[]> {
  const rows = await query<YankRow>(
    `SELECT ${COLUMNS} FROM version_yanks y WHERE y.version_id = ANY ($1) AND y.ended_at IS NULL`,
    [versionIds],
  );
  return rows.map(fromRow);
}

/** The model of a version of the tenant; `null` when the tenant owns no such version. */
export async function findModelOfOwnVersion(
  tx: Tx,
  tenantId: string,
  versionId: string,
): Promise<string | null> {
  const row = await tx.version.findFirst({ where: { id: versionId, tenantId }, select: { modelId: true } });
  return row?.modelId ?? null;
}

/** The publisher's words on a version that is out of service; `null`: it is in service. */
export async function findYankReason(tx: Tx, tenantId: string, versionId: string): Promise<string | null> {
  const row = await tx.versionYank.findFirst({
    where: { versionId, tenantId, endedAt: null },
    select: { reason: true },
  });
  return row?.reason ?? null;
}

/** The caller holds the model's row and has ended the yank before: otherwise two at once would both try to be the one. */
export async function insertYank(
  tx: Tx,
  tenantId: string,
  yank: Omit<Yank, 'tenantId'> & { readonly id: string; readonly modelId: string },
): Promise<void> {
  const { since, ...rest } = yank;
  await tx.versionYank.create({ data: { ...rest, tenantId, yankedAt: since } });
}

/** Ends the yank in force. False: there was none. */
export async function endYank(
  tx: Tx,
  tenantId: string,
  versionId: string,
  endedBy: string | null,
  now: Date,
): Promise<boolean> {
  const { count } = await tx.versionYank.updateMany({
    where: { versionId, tenantId, endedAt: null },
    data: { endedBy, endedAt: now },
  });
  return count > 0;
}

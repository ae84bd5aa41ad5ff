/** How many bytes a tenant stores, and how many it may. */
import type { Tx } from '../../database/index.js';
import type { StorageQuotaExceeded } from './errors.js';

export interface StorageUse {
  /** Artifacts of versions, uploads and publications, each digest once, and what unfinished uploads hold. */
  readonly usedBytes: number;
  readonly limitBytes: number;
}

/** Exact only under the tenant's pending lock. `defaultLimit`: of a tenant that the operator gave none of its own. */
export async function storageUseOf(tx: Tx, tenantId: string, defaultLimit: number): Promise<StorageUse> {
  const [row] = await tx.$queryRaw<{ used: bigint; granted: bigint | null }[]>`
    SELECT
      (SELECT coalesce(sum(bytes), 0) FROM (
        SELECT digest, bytes FROM uploads WHERE tenant_id = ${tenantId}
        UNION
        SELECT digest, bytes FROM publications WHERE tenant_id = ${tenantId} AND status IN ('QUEUED', 'RUNNING')
        UNION
        SELECT digest, bytes FROM versions WHERE tenant_id = ${tenantId}
      ) kept)::bigint
      + (SELECT coalesce(sum(reserved_bytes), 0) FROM transfers WHERE tenant_id = ${tenantId})::bigint AS used,
      (SELECT storage_bytes FROM tenant_plans WHERE tenant_id = ${tenantId}) AS granted`;
  return {
    usedBytes: Number(row?.used ?? 0),
    limitBytes: Number(row?.granted ?? defaultLimit),
  };
}

/** Size of a file that the tenant stores already, by its SHA-256; `null`: it has none, whatever others have. */
export async function ownBytesOf(tx: Tx, tenantId: string, digest: string): Promise<number | null> {
  const [row] = await tx.$queryRaw<{ bytes: bigint }[]>`
    SELECT bytes FROM uploads WHERE tenant_id = ${tenantId} AND digest = ${digest}
    UNION ALL
    SELECT bytes FROM publications
      WHERE tenant_id = ${tenantId} AND digest = ${digest} AND status IN ('QUEUED', 'RUNNING')
    UNION ALL
    SELECT bytes FROM versions WHERE tenant_id = ${tenantId} AND digest = ${digest}
    LIMIT 1`;
  return row === undefined ? null : Number(row.bytes);
}

/** Bytes that may still be added; never negative, also after the limit was lowered below what is used. */
export function storageLeft({ usedBytes, limitBytes }: StorageUse): number {
  return Math.max(0, limitBytes - usedBytes);
}

export function storageQuotaExceeded(use: StorageUse, neededBytes: number | null): StorageQuotaExceeded {
  const needed = neededBytes === null ? 'The file is larger than that' : `This file has ${neededBytes}`;
  return {
    code: 'STORAGE_QUOTA_EXCEEDED',
    message:
      `Your tenant stores ${use.usedBytes} of the ${use.limitBytes} bytes that it may, which leaves ` +
      `${storageLeft(use)}. ${needed}. Ask the operator of this server for more.`,
    usedBytes: use.usedBytes,
    limitBytes: use.limitBytes,
  };
}

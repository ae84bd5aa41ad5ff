import type { Prisma, SqlQuery, Tx } from '../../database/index.js';
import type { PageRequest } from '../../lib/page.js';
import type { Permission, Role } from '../access/index.js';
import type { ApiKey } from './user.js';

type Row = Prisma.ApiKeyGetPayload<object>;

function fromRow({ secretHash: _secretHash, ...row }: Row): ApiKey {
  return {
    ...row,
    scopes: row.scopes as Permission[],
    predictionsPerMonth: row.predictionsPerMonth === null ? null : Number(row.predictionsPerMonth),
  };
}

export async function insertApiKey(tx: Tx, tenantId: string, key: ApiKey, secretHash: string): Promise<void> {
  const predictionsPerMonth = key.predictionsPerMonth === null ? null : BigInt(key.predictionsPerMonth);
  await tx.apiKey.createMany({
    data: [{ ...key, tenantId, secretHash, scopes: [...key.scopes], predictionsPerMonth }],
  });
}

/** One row more than the page holds, newest first. */
export async function listApiKeys(tx: Tx, tenantId: string, page: PageRequest): Promise<ApiKey[]> {
  const before = page.after?.[0];
  const rows = await tx.apiKey.findMany({
    where: { tenantId, ...(before === undefined ? {} : { id: { lt: String(before) } }) },
    orderBy: { id: 'desc' },
    take: page.first + 1,
  });
  return rows.map(fromRow);
}

export async function findApiKeys(tx: Tx, tenantId: string, ids: readonly string[]): Promise<ApiKey[]> {
  const rows = await tx.apiKey.findMany({ where: { tenantId, id: { in: [...ids] } } });
  return rows.map(fromRow);
}

/** The key, which stays as it is until the transaction ends: neither revoked nor revived meanwhile. */
export async function lockApiKey(tx: Tx, tenantId: string, id: string): Promise<ApiKey | null> {
  await tx.$queryRaw`SELECT id FROM api_keys WHERE id = ${id} AND tenant_id = ${tenantId} FOR NO KEY UPDATE`;
  const [key] = await findApiKeys(tx, tenantId, [id]);
  return key ?? null;
}

export async function markRevoked(tx: Tx, tenantId: string, id: string, now: Date): Promise<void> {
  await tx.apiKey.updateMany({ where: { tenantId, id, revokedAt: null }, data: { revokedAt: now } });
}

/** The member's role, which cannot change until the transaction ends; with whether the tenant is the operator's. */
export async function lockRole(
  tx: Tx,
  tenantId: string,
  userId: string,
): Promise<{ role: Role; isOperator: boolean } | null> {
  const rows = await tx.$queryRaw<{ role: Role; isOperator: boolean }[]>`
    SELECT m.role, t.is_operator AS "isOperator"
    FROM memberships m JOIN tenants t ON t.id = m.tenant_id
    WHERE m.tenant_id = ${tenantId} AND m.user_id = ${userId}
    FOR SHARE OF m`;
  return rows[0] ?? null;
}

/** Notes the use of a key, at most once a minute however many processes see it. */
export async function updateLastUse(query: SqlQuery, tenantId: string, id: string, now: Date): Promise<void> {
  await query(
    `UPDATE api_keys SET last_used_at = $3
     WHERE tenant_id = $1 AND id = $2 AND (last_used_at IS NULL OR last_used_at <= $3::timestamptz - interval '1 minute')`,
    [tenantId, id, now],
  );
}

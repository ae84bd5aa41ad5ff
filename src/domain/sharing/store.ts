/** Grants are kept after they ended, for the record; every read here shows only those in force. */
import type { Prisma, Tx } from '../../database/index.js';
import type { PageRequest } from '../../lib/page.js';
import type { Right } from '../catalog/index.js';
import type { Grant } from './grant.js';

type Row = Prisma.GrantGetPayload<object>;

function fromRow(row: Row): Grant {
  return {
    id: row.id,
    tenantId: row.tenantId,
    modelId: row.modelId,
    granteeTenantId: row.granteeTenantId,
    // Holds because of the table's check grants_rights.
    rights: row.rights as Right[],
    expiresAt: row.expiresAt,
    createdAt: row.createdAt,
  };
}

function inForce(now: Date) {
  return { revokedAt: null, OR: [{ expiresAt: null }, { expiresAt: { gt: now } }] };
}

/** Slugs are public among tenants: they are half of each model's name. */
export async function findTenantIdBySlugAcrossTenants(tx: Tx, slug: string): Promise<string | null> {
  const row = await tx.tenant.findUnique({ where: { slug }, select: { id: true } });
  return row?.id ?? null;
}

/**
 * Ends the grant that the grantee has on the model, if any, and writes the new one. The caller holds the
 * model's lock: without it, two at once would both try to be the one in force, and one would fail.
 */
export async function replaceGrant(
  tx: Tx,
  tenantId: string,
  grant: Omit<Grant, 'tenantId'> & { readonly createdBy: string | null },
): Promise<Grant> {
  const { modelId, granteeTenantId, createdAt } = grant;
  await tx.grant.updateMany({
    where: { tenantId, modelId, granteeTenantId, revokedAt: null },
    data: { revokedAt: createdAt },
  });
  return fromRow(await tx.grant.create({ data: { ...grant, rights: [...grant.rights], tenantId } }));
}

/** Ends a grant that the tenant gave. `null`: there is none such in force. */
export async function revokeGrant(
  tx: Tx,
  tenantId: string,
  grantId: string,
  now: Date,
): Promise<Grant | null> {
  const [row] = await tx.grant.updateManyAndReturn({
    where: { id: grantId, tenantId, ...inForce(now) },
    data: { revokedAt: now },
  });
  return row === undefined ? null : fromRow(row);
}

/** Newest first; one row more than the page. */
export async function listGrants(
  tx: Tx,
  tenantId: string,
  modelId: string,
  page: PageRequest,
  now: Date,
): Promise<Grant[]> {
  const after = page.after === null ? {} : { id: { lt: String(page.after[0]) } };
  const rows = await tx.grant.findMany({
    where: { tenantId, modelId, ...inForce(now), ...after },
    orderBy: { id: 'desc' },
    take: page.first + 1,
  });
  return rows.map(fromRow);
}

/** Those in force that the tenant gave (`asOwner`) or received (`asGrantee`), in any order. */
export async function findGrants(
  tx: Tx,
  tenantId: string,
  ids: readonly string[],
  sides: { readonly asOwner: boolean; readonly asGrantee: boolean },
  now: Date,
): Promise<Grant[]> {
  const either = [
    ...(sides.asOwner ? [{ tenantId }] : []),
    ...(sides.asGrantee ? [{ granteeTenantId: tenantId }] : []),
  ];
  if (either.length === 0) return [];
  const rows = await tx.grant.findMany({
    where: { id: { in: [...ids] }, AND: [{ OR: either }, inForce(now)] },
  });
  return rows.map(fromRow);
}

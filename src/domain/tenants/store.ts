import type { Prisma, Tx } from '../../database/index.js';
import type { PageRequest } from '../../lib/page.js';
import type { Role } from '../access/index.js';
import type { Membership, Tenant } from './tenant.js';

type MembershipRow = Prisma.MembershipGetPayload<object>;

function fromMembershipRow(row: MembershipRow): Membership {
  return { ...row, role: row.role as Role };
}

/** `false` when the slug is taken, or, for the operator's tenant, when there is one already. */
export async function insertTenant(tx: Tx, tenant: Tenant): Promise<boolean> {
  // ON CONFLICT DO NOTHING: waits for a rival's transaction, and does not abort ours.
  const { count } = await tx.tenant.createMany({ data: [tenant], skipDuplicates: true });
  return count === 1;
}

export async function insertPlan(tx: Tx, tenantId: string, predictionsPerMonth: number | null, now: Date) {
  await tx.tenantPlan.createMany({
    data: [
      {
        tenantId,
        predictionsPerMonth: predictionsPerMonth === null ? null : BigInt(predictionsPerMonth),
        updatedAt: now,
      },
    ],
  });
}

/** `false` when the user is a member already. */
export async function insertMembership(tx: Tx, tenantId: string, membership: Membership): Promise<boolean> {
  const { count } = await tx.membership.createMany({
    data: [{ ...membership, tenantId }],
    skipDuplicates: true,
  });
  return count === 1;
}

/**
 * Holds the tenant's row until the transaction ends: whoever changes members or invitations takes it
 * first, so what is read afterwards (how many owners, who is one) stays true until the commit.
 */
export async function lockTenant(tx: Tx, tenantId: string): Promise<{ isOperator: boolean }> {
  // NO KEY: rows that merely point at the tenant may be inserted meanwhile.
  const rows = await tx.$queryRaw<{ isOperator: boolean }[]>`
    SELECT is_operator AS "isOperator" FROM tenants WHERE id = ${tenantId} FOR NO KEY UPDATE`;
  const row = rows[0];
  if (row === undefined) throw new Error(`The tenant ${tenantId} of an actor does not exist.`);
  return row;
}

export async function updateTenantName(tx: Tx, tenantId: string, name: string): Promise<Tenant> {
  return tx.tenant.update({ where: { id: tenantId }, data: { name } });
}

/** Slug and name are public to every actor, hence across tenants. */
export async function findTenantsAcrossTenants(tx: Tx, ids: readonly string[]): Promise<Tenant[]> {
  return tx.tenant.findMany({ where: { id: { in: [...ids] } } });
}

/** Slug and name are public to every actor, hence across tenants. */
export async function findTenantBySlugAcrossTenants(tx: Tx, slug: string): Promise<Tenant | null> {
  return tx.tenant.findUnique({ where: { slug } });
}

export async function hasOperatorTenantAcrossTenants(tx: Tx): Promise<boolean> {
  return (await tx.tenant.count({ where: { isOperator: true } })) > 0;
}

export async function listMembers(tx: Tx, tenantId: string, page: PageRequest): Promise<Membership[]> {
  const after = page.after?.[0];
  const rows = await tx.membership.findMany({
    where: { tenantId, ...(after === undefined ? {} : { id: { gt: String(after) } }) },
    orderBy: { id: 'asc' },
    take: page.first + 1,
  });
  return rows.map(fromMembershipRow);
}

/** What one person belongs to, oldest first. */
export async function listMembershipsOfUserAcrossTenants(tx: Tx, userId: string): Promise<Membership[]> {
  const rows = await tx.membership.findMany({
    where: { userId },
    orderBy: [{ createdAt: 'asc' }, { id: 'asc' }],
    take: 1000,
  });
  return rows.map(fromMembershipRow);
}

/** Row-level security shows those of the transaction's tenant and user; the service chooses among them. */
export async function findMembershipsAcrossTenants(tx: Tx, ids: readonly string[]): Promise<Membership[]> {
  const rows = await tx.membership.findMany({ where: { id: { in: [...ids] } } });
  return rows.map(fromMembershipRow);
}

export async function findMembership(tx: Tx, tenantId: string, id: string): Promise<Membership | null> {
  const row = await tx.membership.findFirst({ where: { tenantId, id } });
  return row === null ? null : fromMembershipRow(row);
}

export async function findRoleOfUser(tx: Tx, tenantId: string, userId: string): Promise<Role | null> {
  const row = await tx.membership.findUnique({ where: { tenantId_userId: { tenantId, userId } } });
  return row === null ? null : (row.role as Role);
}

export async function hasMemberWithEmail(tx: Tx, tenantId: string, email: string): Promise<boolean> {
  return (await tx.membership.count({ where: { tenantId, user: { email } } })) > 0;
}

export async function countOwners(tx: Tx, tenantId: string): Promise<number> {
  return tx.membership.count({ where: { tenantId, role: 'OWNER' } });
}

export async function updateRole(tx: Tx, tenantId: string, id: string, role: Role): Promise<void> {
  await tx.membership.updateMany({ where: { tenantId, id }, data: { role } });
}

export async function deleteMembership(tx: Tx, tenantId: string, id: string): Promise<void> {
  await tx.membership.deleteMany({ where: { tenantId, id } });
}

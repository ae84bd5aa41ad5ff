import type { Prisma, Tx } from '../../database/index.js';
import type { Role } from '../access/index.js';
import type { Invitation } from './tenant.js';

type Row = Prisma.InvitationGetPayload<object>;

function fromRow(row: Row): Invitation {
  const { id, tenantId, email, role, invitedBy, expiresAt, createdAt } = row;
  return { id, tenantId, email, role: role as Role, invitedBy, expiresAt, createdAt };
}

/** Neither accepted nor revoked nor expired. */
function open(now: Date) {
  return { acceptedAt: null, revokedAt: null, expiresAt: { gt: now } };
}

export async function insertInvitation(
  tx: Tx,
  tenantId: string,
  invitation: Invitation,
  tokenHash: string,
): Promise<void> {
  await tx.invitation.createMany({ data: [{ ...invitation, tenantId, tokenHash }] });
}

export async function listOpenInvitations(tx: Tx, tenantId: string, now: Date): Promise<Invitation[]> {
  const rows = await tx.invitation.findMany({
    where: { tenantId, ...open(now) },
    orderBy: { id: 'asc' },
  });
  return rows.map(fromRow);
}

export async function findOpenInvitations(
  tx: Tx,
  tenantId: string,
  ids: readonly string[],
  now: Date,
): Promise<Invitation[]> {
  const rows = await tx.invitation.findMany({ where: { tenantId, id: { in: [...ids] }, ...open(now) } });
  return rows.map(fromRow);
}

/** Only in a transaction whose proof is this hash: it opens one row of whichever tenant. */
export async function findInvitationByTokenAcrossTenants(
  tx: Tx,
  tokenHash: string,
  now: Date,
): Promise<Invitation | null> {
  const row = await tx.invitation.findFirst({ where: { tokenHash, ...open(now) } });
  return row === null ? null : fromRow(row);
}

/** Takes an open invitation; `false` when somebody was quicker, to accept or to revoke it. */
export async function acceptOpen(tx: Tx, tenantId: string, id: string, now: Date): Promise<boolean> {
  const { count } = await tx.invitation.updateMany({
    where: { tenantId, id, ...open(now) },
    data: { acceptedAt: now },
  });
  return count === 1;
}

export async function revokeOpen(
  tx: Tx,
  tenantId: string,
  ids: readonly string[],
  now: Date,
): Promise<number> {
  const { count } = await tx.invitation.updateMany({
    where: { tenantId, id: { in: [...ids] }, ...open(now) },
    data: { revokedAt: now },
  });
  return count;
}

/** The address with which a user signs in, read in the user's own transaction. */
export async function findEmailOfUser(tx: Tx, userId: string): Promise<string | null> {
  const row = await tx.user.findUnique({ where: { id: userId }, select: { email: true } });
  return row?.email ?? null;
}

import type { Tx } from '../../database/index.js';
import type { User } from './user.js';

/** `false` when the address is taken. */
export async function insertUser(tx: Tx, user: User): Promise<boolean> {
  const { count } = await tx.user.createMany({ data: [user], skipDuplicates: true });
  return count === 1;
}

export async function insertPassword(tx: Tx, userId: string, passwordHash: string, now: Date): Promise<void> {
  await tx.userPassword.createMany({ data: [{ userId, passwordHash, updatedAt: now }] });
}

/** Only in a transaction whose proof is this address. */
export async function findUserByEmailAcrossTenants(tx: Tx, email: string): Promise<User | null> {
  return tx.user.findUnique({ where: { email } });
}

/** The user's own row, password hash and oldest tenant, in the user's own transaction. */
export async function findSignIn(
  tx: Tx,
  userId: string,
): Promise<{ passwordHash: string | null; homeTenantId: string | null }> {
  const password = await tx.userPassword.findUnique({ where: { userId } });
  return { passwordHash: password?.passwordHash ?? null, homeTenantId: await findHomeTenant(tx, userId) };
}

/** The tenant that the user has belonged to longest: the one meant when none is named. */
export async function findHomeTenant(tx: Tx, userId: string): Promise<string | null> {
  const oldest = await tx.membership.findFirst({
    where: { userId },
    orderBy: [{ createdAt: 'asc' }, { id: 'asc' }],
    select: { tenantId: true },
  });
  return oldest?.tenantId ?? null;
}

/** Row-level security shows oneself and the members of the transaction's tenant. */
export async function findUsersAcrossTenants(tx: Tx, ids: readonly string[]): Promise<User[]> {
  return tx.user.findMany({ where: { id: { in: [...ids] } } });
}

import { isAtLeast, permissionsOf, type Actor, type Role } from '../access/index.js';

/**
 * Whether an actor who may manage members may give `role`, or take it away. Nobody gives a role above
 * their own; OWNER is made and unmade only by an OWNER. An API key has no role: it may give what its
 * own scopes cover, so that a key for inviting viewers cannot make itself an administrator.
 * @param ownRole the user's role as the tenant's locked rows say it now; `null` for an API key
 */
export function mayGiveRole(
  actor: Actor,
  ownRole: Role | null,
  role: Role,
  tenantIsOperator: boolean,
): boolean {
  if (actor.kind === 'user') return ownRole !== null && isAtLeast(ownRole, role);
  if (role === 'OWNER') return false;
  return [...permissionsOf(role, tenantIsOperator)].every((permission) => actor.permissions.has(permission));
}

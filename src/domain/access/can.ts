import type { Refusal } from '../../lib/result.js';
import type { Actor } from './actor.js';
import type { Permission } from './permissions.js';

export type PermissionDenied = Refusal<'PERMISSION_DENIED'> & { readonly permission: Permission };

/** Whether the actor's role, or its key's scopes, cover the permission. */
export function can(actor: Actor, permission: Permission): boolean {
  return actor.permissions.has(permission);
}

/** The refusal to answer with when `can` says no. */
export function permissionDenied(actor: Actor, permission: Permission): PermissionDenied {
  const holder = actor.kind === 'apiKey' ? 'This API key' : 'Your role in this tenant';
  return {
    code: 'PERMISSION_DENIED',
    message: `${holder} does not include the permission ${permission}.`,
    permission,
  };
}

/** Actors as requests would have them, without a credential. */
import { permissionsOf, type Permission, type TenantActor } from '../../src/domain/access/index.js';
import { newId } from '../../src/lib/ids.js';

/** A user who owns the tenant. */
export function ownerOf(tenantId: string): TenantActor {
  return {
    kind: 'user',
    userId: newId('user'),
    sessionId: newId('session'),
    tenantId,
    role: 'OWNER',
    permissions: permissionsOf('OWNER', false),
    requestId: newId('request'),
  };
}

/** An API key of the same tenant, with just these scopes. */
export function keyOf(actor: TenantActor, ...scopes: Permission[]): TenantActor {
  return {
    kind: 'apiKey',
    apiKeyId: newId('apiKey'),
    tenantId: actor.tenantId,
    permissions: new Set(scopes),
    requestId: newId('request'),
  };
}

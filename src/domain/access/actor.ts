import type { Permission, Role } from './permissions.js';

interface Authenticated {
  readonly permissions: ReadonlySet<Permission>;
  /** The request in which the actor acts: goes into audit events, usage events and logs. */
  readonly requestId: string;
}

/** A signed-in person, acting for the one tenant that the request names, or for none yet. */
export interface UserActor extends Authenticated {
  readonly kind: 'user';
  readonly userId: string;
  readonly sessionId: string;
  readonly tenantId: string | null;
  readonly role: Role | null;
}

/** A program with a key of a tenant. */
export interface ApiKeyActor extends Authenticated {
  readonly kind: 'apiKey';
  readonly apiKeyId: string;
  readonly tenantId: string;
}

/** Who makes a request. Everything that a service decides, it decides about this. */
export type Actor = UserActor | ApiKeyActor;

/** An actor inside a tenant: what nearly every service takes. */
export type TenantActor = Actor & { readonly tenantId: string };

/** Narrows to an actor inside a tenant. */
export function hasTenant(actor: Actor): actor is TenantActor {
  return actor.tenantId !== null;
}

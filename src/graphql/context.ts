/** What every resolver receives: who asks, the services, and how to notice that the asker has gone. */
import { GraphQLError } from 'graphql';
import { hasTenant, type Actor, type TenantActor } from '../domain/access/index.js';
import type { Logger } from '../lib/logger.js';
import type { Loaders } from './loaders.js';
import type { RateLimitReport } from './rate-limit-headers.js';
import type { Services } from './services.js';

export interface GraphQLContext {
  /** `null`: the request carried no credential. A credential that is not valid never gets this far. */
  readonly actor: Actor | null;
  readonly services: Services;
  readonly loaders: Loaders;
  /** Fires when the client has gone before the answer. */
  readonly signal: AbortSignal;
  readonly requestId: string;
  /** Where the request comes from: the attempts at a password are counted by it. */
  readonly clientAddress: string;
  readonly log: Logger;
  /** What the answer's header fields say of limits. */
  readonly rateLimits: RateLimitReport;
}

/** The actor, or UNAUTHENTICATED: for fields that say nothing to strangers. */
export function requireActor(context: GraphQLContext): Actor {
  if (context.actor !== null) return context.actor;
  throw new GraphQLError(
    'Sign in first: send `Authorization: Bearer` with an access token (see `signIn`) or an API key.',
    { extensions: { code: 'UNAUTHENTICATED' } },
  );
}

/** The actor inside a tenant, or UNAUTHENTICATED, or TENANT_REQUIRED for a user who belongs to none. */
export function requireTenantActor(context: GraphQLContext): TenantActor {
  const actor = requireActor(context);
  if (hasTenant(actor)) return actor;
  throw new GraphQLError(
    'This needs a tenant: create one with `createTenant`, accept an invitation, or name one of yours in the `Souk-Tenant` header.',
    { extensions: { code: 'TENANT_REQUIRED' } },
  );
}

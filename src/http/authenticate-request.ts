/** Who sends a request, for the routes beside GraphQL. */
import type { FastifyRequest } from 'fastify';
import type { IdentityService } from '../domain/identity/index.js';
import type { Authenticate } from './refusal-reply.js';

/** The value of `Souk-Tenant`: which of a user's tenants the request acts for. */
export function tenantHeaderOf(request: FastifyRequest): string | null {
  const tenant = request.headers['souk-tenant'];
  return typeof tenant === 'string' ? tenant : null;
}

export function authenticateRequests(identity: Pick<IdentityService, 'authenticate'>): Authenticate {
  return (request) =>
    identity.authenticate({
      authorization: request.headers.authorization,
      tenantHeader: tenantHeaderOf(request),
      requestId: request.id,
      clientAddress: request.ip,
    });
}

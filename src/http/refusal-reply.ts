/** How the routes for files answer a refusal of the domain: its code, and the status that fits it. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { hasTenant, type Actor, type TenantActor } from '../domain/access/index.js';
import { ok, refuse, type Refusal, type Result } from '../lib/result.js';
import { sendError } from './errors.js';

/** Who makes the request; `null` without a credential; a refusal for one that is not valid. */
export type Authenticate = (request: FastifyRequest) => Promise<Result<Actor | null, Refusal>>;

const STATUS_OF: Readonly<Record<string, number>> = {
  INVALID_INPUT: 400,
  UPLOAD_INCOMPLETE: 400,
  UNAUTHENTICATED: 401,
  INVALID_CREDENTIALS: 401,
  PERMISSION_DENIED: 403,
  TENANT_REQUIRED: 403,
  NOT_FOUND: 404,
  REQUEST_TIMEOUT: 408,
  CONFLICT: 409,
  GONE: 410,
  STORAGE_QUOTA_EXCEEDED: 413,
  PAYLOAD_TOO_LARGE: 413,
  UNSUPPORTED_MEDIA_TYPE: 415,
  CHECKSUM_MISMATCH: 422,
  DIGEST_MISMATCH: 422,
  LOCKED: 423,
  RATE_LIMITED: 429,
  TOO_MANY_UPLOADS: 429,
  ARTIFACT_DAMAGED: 500,
  OVERLOADED: 503,
  STORAGE_FULL: 507,
};

export function sendRefusal(request: FastifyRequest, reply: FastifyReply, refusal: Refusal): FastifyReply {
  const { code, message } = refusal;
  const status = statusOf(code);
  if (status === 401) void reply.header('www-authenticate', 'Bearer');
  return sendError(request, reply, { status, code, message });
}

export function statusOf(code: string): number {
  return STATUS_OF[code] ?? 400;
}

/** The actor inside a tenant, which all that has to do with files needs. */
export async function authenticateInTenant(
  authenticate: Authenticate,
  request: FastifyRequest,
): Promise<Result<TenantActor, Refusal>> {
  const authenticated = await authenticate(request);
  if (!authenticated.ok) return authenticated;
  const actor = authenticated.value;
  if (actor === null) {
    return refuse({
      code: 'UNAUTHENTICATED',
      message: 'Send `Authorization: Bearer` with an access token or an API key.',
    });
  }
  if (hasTenant(actor)) return ok(actor);
  return refuse({
    code: 'TENANT_REQUIRED',
    message:
      'This needs a tenant: create one, accept an invitation, or name one of yours in the `Souk-Tenant` header.',
  });
}

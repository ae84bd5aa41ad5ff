/** A body may take hours to arrive, and its sender's credential may end before it does. */
import type { FastifyRequest } from 'fastify';
import { can, type TenantActor } from '../domain/access/index.js';
import type { Refusal } from '../lib/result.js';
import { authenticateInTenant, type Authenticate } from './refusal-reply.js';

export interface CredentialWatch {
  /** Fires when the sender may not send any more. */
  readonly signal: AbortSignal;
  /** Why it fired. */
  refusal(): Refusal | null;
  stop(): void;
}

const LOOK_EVERY_MS = 1_000;

/** Looks every second whether the request would still be let in as the same actor. */
export function watchCredential(
  authenticate: Authenticate,
  request: FastifyRequest,
  { tenantId }: TenantActor,
): CredentialWatch {
  const ended = new AbortController();
  let refusal: Refusal | null = null;
  let isLooking = false;

  async function look(): Promise<void> {
    isLooking = true;
    try {
      const actor = await authenticateInTenant(authenticate, request);
      if (actor.ok && actor.value.tenantId === tenantId && can(actor.value, 'VERSION_PUBLISH')) return;
      refusal = actor.ok
        ? { code: 'PERMISSION_DENIED', message: 'You may not send files to this tenant any more.' }
        : actor.error;
      ended.abort();
    } catch (error) {
      // A database that is away for a moment ends no upload; the rows at its end are written with it or not at all.
      request.log.warn({ err: error }, 'the credential of an upload could not be checked');
    } finally {
      isLooking = false;
    }
  }

  const timer = setInterval(() => {
    if (!isLooking && !ended.signal.aborted) void look();
  }, LOOK_EVERY_MS);
  return Object.freeze({
    signal: ended.signal,
    refusal: () => refusal,
    stop: () => clearInterval(timer),
  });
}

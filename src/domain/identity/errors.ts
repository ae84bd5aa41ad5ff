import type { Refusal } from '../../lib/result.js';
import { permissionDenied, type Actor, type PermissionDenied } from '../access/index.js';
import type { Conflict, InvalidCredentials, NotFound } from '../tenants/index.js';

export type RateLimited = Refusal<'RATE_LIMITED'> & { readonly retryAfterMs: number };

export function rateLimited(retryAfterMs: number): RateLimited {
  const rounded = Math.max(1, Math.ceil(retryAfterMs));
  return {
    code: 'RATE_LIMITED',
    message: `There were too many attempts; try again in ${Math.ceil(rounded / 1000)} s.`,
    retryAfterMs: rounded,
  };
}

/** More sign-ins at once than passwords can be checked. */
export function passwordsBusy(): RateLimited {
  return {
    code: 'RATE_LIMITED',
    message: 'Too many people are signing in at this moment; try again in a second.',
    retryAfterMs: 1000,
  };
}

/** One sentence for an unknown address and for a wrong password. */
export function signInFailed(): InvalidCredentials {
  return { code: 'INVALID_CREDENTIALS', message: 'E-mail and password do not match.' };
}

/** One sentence for a wrong, used, expired or revoked refresh token. */
export function refreshFailed(): InvalidCredentials {
  return {
    code: 'INVALID_CREDENTIALS',
    message: 'The refresh token is not valid, or not any more; sign in again.',
  };
}

/** What every request with a bad `Authorization` header gets. */
export function credentialNotValid(): InvalidCredentials {
  return {
    code: 'INVALID_CREDENTIALS',
    message: 'The access token or API key is not valid, or not any more.',
  };
}

/** The same for a tenant that does not exist and for one of other people. */
export function notYourTenant(): InvalidCredentials {
  return {
    code: 'INVALID_CREDENTIALS',
    message: 'The Souk-Tenant header names no tenant that this credential belongs to.',
  };
}

export function emailTaken(): Conflict {
  return {
    code: 'CONFLICT',
    message: 'There is a user with this e-mail address already; sign in instead.',
    path: ['email'],
  };
}

export function sessionNotFound(): NotFound {
  return { code: 'NOT_FOUND', message: 'You have no such session.', path: ['sessionId'] };
}

export function apiKeyNotFound(): NotFound {
  return { code: 'NOT_FOUND', message: 'There is no such API key in your tenant.', path: ['apiKeyId'] };
}

export function keyOfSomebodyElse(actor: Actor): PermissionDenied {
  return {
    ...permissionDenied(actor, 'MEMBER_MANAGE'),
    message: 'You may revoke the API keys that you made; those of others need the permission MEMBER_MANAGE.',
  };
}

export function budgetedKeyCannotMint(actor: Actor): PermissionDenied {
  return {
    ...permissionDenied(actor, 'API_KEY_MANAGE'),
    message:
      'An API key with a budget of its own cannot create keys: together they could spend more than it may.',
  };
}

import type { Refusal } from '../../lib/result.js';

export { invalidInput, type InvalidInput } from '../../lib/invalid-input.js';

export type NotFound = Refusal<'NOT_FOUND'>;
export type Conflict = Refusal<'CONFLICT'>;
export type InvalidCredentials = Refusal<'INVALID_CREDENTIALS'>;

export function slugTaken(slug: string, path: string): Conflict {
  return { code: 'CONFLICT', message: `The slug ${slug} is taken; choose another.`, path: [path] };
}

export function membershipNotFound(): NotFound {
  return {
    code: 'NOT_FOUND',
    message: 'There is no such membership in your tenant.',
    path: ['membershipId'],
  };
}

export function invitationNotFound(): NotFound {
  return {
    code: 'NOT_FOUND',
    message: 'There is no such open invitation in your tenant.',
    path: ['invitationId'],
  };
}

export function alreadyMember(path?: string): Conflict {
  return {
    code: 'CONFLICT',
    message: 'This person is a member of the tenant already; change the role instead.',
    ...(path === undefined ? {} : { path: [path] }),
  };
}

export function lastOwner(): Conflict {
  return {
    code: 'CONFLICT',
    message: 'This is the only owner of the tenant; make another member an owner first.',
    path: ['membershipId'],
  };
}

export function tooManyInvitations(limit: number): Conflict {
  return {
    code: 'CONFLICT',
    message: `The tenant has ${limit} open invitations, which is the limit; revoke some first.`,
  };
}

/** The same for a wrong, used, expired or revoked token and for another person's: nothing to learn from it. */
export function invitationNotValid(): InvalidCredentials {
  return {
    code: 'INVALID_CREDENTIALS',
    message: 'The invitation is not valid for your address, or not any more; ask for a new one.',
  };
}

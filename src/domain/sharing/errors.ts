import type { Refusal } from '../../lib/result.js';

export type GranteeNotFound = Refusal<'NOT_FOUND'>;
export type GrantNotFound = Refusal<'NOT_FOUND'>;
export type InvalidGrant = Refusal<'INVALID_INPUT'>;

export function granteeNotFound(): GranteeNotFound {
  return { code: 'NOT_FOUND', message: 'There is no tenant with this slug.', path: ['granteeSlug'] };
}

/** The same words whether it never was, is another tenant's, or has ended. */
export function grantNotFound(): GrantNotFound {
  return { code: 'NOT_FOUND', message: 'There is no such grant in force.', path: ['grantId'] };
}

export function grantToOneself(): InvalidGrant {
  return {
    code: 'INVALID_INPUT',
    message: 'Your tenant holds all rights on its own models. Name another tenant.',
    path: ['granteeSlug'],
  };
}

export function noRights(): InvalidGrant {
  return {
    code: 'INVALID_INPUT',
    message: 'A grant gives at least one of VIEW, PREDICT and DOWNLOAD.',
    path: ['rights'],
  };
}

export function expiryInThePast(): InvalidGrant {
  return { code: 'INVALID_INPUT', message: 'The expiry must lie in the future.', path: ['expiresAt'] };
}

import { invalidInput } from '../../lib/invalid-input.js';
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
  return invalidInput(
    ['granteeSlug'],
    'Your tenant holds all rights on its own models. Name another tenant.',
  );
}

export function noRights(): InvalidGrant {
  return invalidInput(['rights'], 'A grant gives at least one of VIEW, PREDICT and DOWNLOAD.');
}

export function expiryInThePast(): InvalidGrant {
  return invalidInput(['expiresAt'], 'The expiry must lie in the future.');
}

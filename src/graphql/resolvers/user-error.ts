import type { Refusal } from '../../lib/result.js';
import type { Resolvers, ResolversTypes } from '../generated/resolvers.js';

type ErrorTypeName = `${string}Error` & keyof ResolversTypes;

/** `QUOTA_EXCEEDED` -> `QuotaExceededError`: one rule for every refusal, so that a new code needs no code here. */
export function errorTypeName(code: string): string {
  const words = code.toLowerCase().split('_');
  return `${words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('')}Error`;
}

export const userErrorResolvers = {
  UserError: {
    __resolveType: (refusal: Refusal) => errorTypeName(refusal.code) as Exclude<ErrorTypeName, 'UserError'>,
  },
} as unknown as Pick<Resolvers, 'UserError'>;

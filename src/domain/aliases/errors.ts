import type { Refusal } from '../../lib/result.js';
import type { Version } from '../versions/index.js';
import type { Alias, AliasRequest, Comparison } from './alias.js';

export { invalidInput, type InvalidInput } from '../../lib/invalid-input.js';

export type NotFound = Refusal<'NOT_FOUND'>;
export type Conflict = Refusal<'CONFLICT'>;
export type BreakingChange = Refusal<'BREAKING_CHANGE'> & {
  /** Each in a full sentence. */
  readonly differences: readonly string[];
};

/** Only where the model is the actor's own, whose aliases it may know. */
export function aliasNotFound(name: string): NotFound {
  return { code: 'NOT_FOUND', message: `This model has no alias "${name}".`, path: ['name'] };
}

/** The same words whether it does not exist, may not be seen, or belongs to another model. */
export function versionNotFound(): NotFound {
  return { code: 'NOT_FOUND', message: 'This model has no such version.', path: ['versionId'] };
}

export function requestNotFound(): NotFound {
  return {
    code: 'NOT_FOUND',
    message: 'There is no such request on an alias of your tenant.',
    path: ['requestId'],
  };
}

/** The compare of compare-and-set failed: says what it would have had to be. */
export function aliasIsElsewhere(
  name: string,
  now: Alias | null,
  standsAt: Pick<Version, 'number'> | null,
): Conflict {
  const where =
    now === null
      ? `There is no alias "${name}" now`
      : `"${name}" is at version ${standsAt?.number} (${now.versionId}) since ${now.movedAt.toISOString()}`;
  return {
    code: 'CONFLICT',
    message: `${where}, which is not what was expected. Nothing was changed.`,
    path: ['expectedVersionId'],
  };
}

export function nothingToRollBack(name: string): Conflict {
  return {
    code: 'CONFLICT',
    message: `"${name}" has not moved since it was created, so there is no version to go back to.`,
    path: ['name'],
  };
}

export function tooManyAliases(limit: number): Conflict {
  return {
    code: 'CONFLICT',
    message: `A model has at most ${limit} aliases, and this one has that many. Delete one first.`,
    path: ['name'],
  };
}

export function tooManyRequests(limit: number): Conflict {
  return {
    code: 'CONFLICT',
    message: `This alias is protected, and ${limit} requests wait for approval already. Approve or reject one first.`,
    path: ['name'],
  };
}

export function requestIsOver({ status }: Pick<AliasRequest, 'status'>): Conflict {
  const why = status === 'LAPSED' ? 'has lapsed, because the alias moved meanwhile' : `is ${status} already`;
  return { code: 'CONFLICT', message: `This request ${why}.`, path: ['requestId'] };
}

export function needsAnotherPerson(): Conflict {
  return {
    code: 'CONFLICT',
    message: 'You have said yes to this already; another person with MODEL_WRITE has to.',
    path: ['requestId'],
  };
}

export function needsAPerson(): Conflict {
  return {
    code: 'CONFLICT',
    message: 'A protected alias needs the word of a person: sign in, since an API key cannot approve.',
    path: ['requestId'],
  };
}

export function nobodyToApprove(): Conflict {
  return {
    code: 'CONFLICT',
    message:
      'Your tenant has one person only who may change models, so nobody could approve. Invite another developer first.',
    path: ['name'],
  };
}

export function breakingChange({ differences }: Comparison): BreakingChange {
  const breaking = differences.filter(({ verdict }) => verdict === 'BREAKING').map(({ message }) => message);
  return {
    code: 'BREAKING_CHANGE',
    message:
      `This move breaks callers of the alias: ${breaking[0] ?? ''}` +
      (breaking.length > 1 ? ` (And ${breaking.length - 1} more.)` : '') +
      ' Pass allowBreaking: true if that is meant; checkAliasMove says who uses it.',
    path: ['allowBreaking'],
    differences: breaking,
  };
}

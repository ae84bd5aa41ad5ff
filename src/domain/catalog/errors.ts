import type { Refusal } from '../../lib/result.js';

export { invalidInput, type InvalidInput } from '../../lib/invalid-input.js';

export type ModelNotFound = Refusal<'NOT_FOUND'>;
export type ModelConflict = Refusal<'CONFLICT'>;

/** The same words whether the model does not exist, may not be seen, or is not the actor's to change. */
export function modelNotFound(path: readonly string[] = ['modelId']): ModelNotFound {
  return { code: 'NOT_FOUND', message: 'There is no such model that you could use here.', path };
}

/** An archived model is read-only. */
export function modelArchived(path: readonly string[] = ['modelId']): ModelConflict {
  return {
    code: 'CONFLICT',
    message: 'This model is archived, and so read-only. Unarchive it first.',
    path,
  };
}

/** Names are never free again, because models are never deleted. */
export function nameTaken(name: string): ModelConflict {
  return {
    code: 'CONFLICT',
    message: `Your tenant has, or had, a model named "${name}". Choose another name.`,
    path: ['name'],
  };
}

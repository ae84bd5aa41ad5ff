import type { Refusal, Result } from '../../../src/lib/result.js';

/** The one CONFLICT that a call was refused with. */
export function conflictOf(result: Result<unknown, Refusal | readonly Refusal[]>): Refusal {
  const error = result.ok ? null : result.error;
  if (error === null || !('code' in error) || error.code !== 'CONFLICT') {
    throw new Error(`No CONFLICT: ${JSON.stringify(result)}`);
  }
  return error;
}

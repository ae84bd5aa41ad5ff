import type { DatasetRefusal } from '../../importers/index.js';
import type { Refusal } from '../../lib/result.js';
import type { ImportRefused } from '../versions/index.js';
import { invalidInput, type InvalidInput } from '../../lib/invalid-input.js';

export { invalidInput, type InvalidInput } from '../../lib/invalid-input.js';

export type NotFound = Refusal<'NOT_FOUND'>;
export type Conflict = Refusal<'CONFLICT'>;
export type Overloaded = Refusal<'OVERLOADED'> & { readonly retryAfterMs: number };

export function uploadNotFound(): NotFound {
  return {
    code: 'NOT_FOUND',
    message: 'There is no such upload in your tenant; it may have expired. Send the file to /uploads first.',
    path: ['uploadId'],
  };
}

export function datasetNotFound(): NotFound {
  return { code: 'NOT_FOUND', message: 'Your tenant has no such dataset.', path: ['datasetId'] };
}

export function evaluationNotFound(path: readonly string[] = ['evaluationId']): NotFound {
  return { code: 'NOT_FOUND', message: 'Your tenant has no such evaluation.', path };
}

export function nameTaken(name: string): Conflict {
  return { code: 'CONFLICT', message: `Your tenant has a dataset called "${name}" already.`, path: ['name'] };
}

export function tooManyDatasets(maxDatasets: number, maxBytes: number): Conflict {
  return {
    code: 'CONFLICT',
    message: `A tenant may keep ${maxDatasets} datasets with ${maxBytes} bytes together. Delete one that is not needed.`,
    path: [],
  };
}

export function datasetInUse(evaluationId: string): Conflict {
  return {
    code: 'CONFLICT',
    message: `The evaluation ${evaluationId} still reads this dataset. Wait for its end, or cancel it.`,
    path: ['datasetId'],
  };
}

export function tooManyEvaluations(most: number): Conflict {
  return {
    code: 'CONFLICT',
    message: `Your tenant has ${most} evaluations that are not finished. Wait for one to end, or cancel one.`,
    path: [],
  };
}

export function evaluationEnded(status: string): Conflict {
  return {
    code: 'CONFLICT',
    message: `The evaluation has ended already: it is ${status}.`,
    path: ['evaluationId'],
  };
}

export function notResumable(status: string): Conflict {
  return {
    code: 'CONFLICT',
    message: `Only an evaluation that FAILED or was CANCELLED goes on; this one is ${status}.`,
    path: ['evaluationId'],
  };
}

export function readingsOverloaded(): Overloaded {
  return {
    code: 'OVERLOADED',
    message: 'As many datasets are being read as this server takes at once. Try again in a few seconds.',
    retryAfterMs: 5_000,
  };
}

/** What a reader says about the file or the options, in the words of the domain. */
export function fromDatasetRefusal({
  code,
  message,
  subject,
}: DatasetRefusal): InvalidInput | Overloaded | ImportRefused {
  switch (code) {
    case 'INVALID_OPTION':
      return invalidInput(subject === null ? [] : [subject], message);
    case 'IMPORT_QUEUE_FULL':
    case 'IMPORT_CANCELLED':
      return readingsOverloaded();
    default:
      return { code: 'IMPORT_REFUSED', message, path: ['uploadId'], reason: code, subject };
  }
}

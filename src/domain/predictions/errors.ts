import type { InferenceRefusal } from '../../inference/index.js';
import type { Refusal } from '../../lib/result.js';
import type { PermissionDenied } from '../access/index.js';
import type { ModelNotFound } from '../catalog/index.js';
import type { NotEntitled } from '../marketplace/index.js';
import type { VersionYanked } from '../versions/index.js';
import type { QuotaExceeded, RateLimited } from '../metering/index.js';
import type { InvalidInput } from '../../lib/invalid-input.js';

export { invalidInput, type InvalidInput } from '../../lib/invalid-input.js';

export type PredictionFailed = Refusal<'PREDICTION_FAILED'> & { readonly retryable: boolean };
export type Overloaded = Refusal<'OVERLOADED'> & { readonly retryAfterMs: number };
export type DeadlineExceeded = Refusal<'DEADLINE_EXCEEDED'>;
export type IdempotencyMismatch = Refusal<'IDEMPOTENCY_MISMATCH'>;

/** Every way in which `predict` answers with something else than a prediction. */
export type PredictRefusal =
  | PermissionDenied
  | InvalidInput
  | IdempotencyMismatch
  | ModelNotFound
  | NotEntitled
  | VersionYanked
  | RateLimited
  | QuotaExceeded
  | Overloaded
  | DeadlineExceeded
  | PredictionFailed;

/** All that is wrong with a request: one refusal, or every mistake in its inputs. */
export type PredictRefusals = readonly [PredictRefusal, ...PredictRefusal[]];

export function deadlineExceeded(timeoutMs: number): DeadlineExceeded {
  return {
    code: 'DEADLINE_EXCEEDED',
    message: `The prediction did not finish within its timeout of ${timeoutMs} ms. Nothing was charged.`,
  };
}

export function predictionFailed(reason: string, retryable: boolean): PredictionFailed {
  return { code: 'PREDICTION_FAILED', message: `${reason} Nothing was charged.`, retryable };
}

/** The caller has gone: nobody reads this, but logs and metrics do. */
export function callerGone(): PredictionFailed {
  return predictionFailed('The connection was closed before the prediction finished.', true);
}

export function idempotencyMismatch(): IdempotencyMismatch {
  return {
    code: 'IDEMPOTENCY_MISMATCH',
    message: 'This idempotency key was used before with another request. Use a new key for a new request.',
    path: ['idempotencyKey'],
  };
}

/** The one place where the pool's words become the domain's. */
export function fromInferenceRefusal(refusal: InferenceRefusal, timeoutMs: number): PredictRefusal {
  switch (refusal.code) {
    case 'OVERLOADED':
      return { code: 'OVERLOADED', message: refusal.message, retryAfterMs: Math.ceil(refusal.retryAfterMs) };
    case 'DEADLINE_EXCEEDED':
      return deadlineExceeded(timeoutMs);
    case 'CANCELLED':
      return callerGone();
    case 'WORKER_LOST':
      return predictionFailed('The worker that ran the model stopped unexpectedly.', true);
    case 'LOAD_FAILED':
      return predictionFailed(`The model could not be loaded: ${refusal.message}`, false);
    case 'RUNTIME_FAILED':
      return predictionFailed(`The model failed on these inputs: ${refusal.message}`, false);
  }
}

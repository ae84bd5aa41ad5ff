import { invalidInput } from '../../lib/invalid-input.js';
import type { Refusal } from '../../lib/result.js';
import type { Right } from '../catalog/index.js';

export type NotEntitled = Refusal<'NOT_ENTITLED'> & { readonly right: Right };
export type InvalidPlan = Refusal<'INVALID_INPUT'>;
export type PlanNotFound = Refusal<'NOT_FOUND'>;
export type SubscriptionNotFound = Refusal<'NOT_FOUND'>;
export type PlanConflict = Refusal<'CONFLICT'>;

const USES: Readonly<Record<Right, string>> = {
  VIEW: 'see this model',
  PREDICT: 'run predictions on this model',
  DOWNLOAD: 'download the artifacts of this model',
};

/** The tenant sees the model, so saying that it exists, and is for sale, gives nothing away. */
export function notEntitled(right: Right, path: readonly string[], isForSale = false): NotEntitled {
  const way = isForSale
    ? `Subscribe to one of its plans, or ask its owner to grant you ${right}.`
    : `Its owner can grant you ${right}.`;
  return {
    code: 'NOT_ENTITLED',
    message: `Your tenant may not ${USES[right]}. ${way}`,
    path,
    right,
  };
}

/** The same words whether it never was, is not offered any more, or is of a model that the tenant does not see. */
export function planNotFound(): PlanNotFound {
  return { code: 'NOT_FOUND', message: 'There is no such plan on offer.', path: ['planId'] };
}

export function subscriptionNotFound(): SubscriptionNotFound {
  return {
    code: 'NOT_FOUND',
    message: 'Your tenant has no such subscription in force.',
    path: ['subscriptionId'],
  };
}

export function planNameTaken(name: string): PlanConflict {
  return {
    code: 'CONFLICT',
    message: `The model has a plan named "${name}" on offer. Withdraw it first, or choose another name.`,
    path: ['name'],
  };
}

export function tooManyPlans(max: number): PlanConflict {
  return {
    code: 'CONFLICT',
    message: `A model has at most ${max} plans on offer. Withdraw one first.`,
    path: ['modelId'],
  };
}

export function subscriptionToOwnModel(): InvalidPlan {
  return invalidInput(['planId'], 'Your tenant owns this model, and runs it without a subscription.');
}

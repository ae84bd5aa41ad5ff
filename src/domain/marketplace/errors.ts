import type { Refusal } from '../../lib/result.js';
import type { Right } from '../catalog/index.js';

export type NotEntitled = Refusal<'NOT_ENTITLED'> & { readonly right: Right };

const USES: Readonly<Record<Right, string>> = {
  VIEW: 'see this model',
  PREDICT: 'run predictions on this model',
  DOWNLOAD: 'download the artifacts of this model',
};

/** The tenant sees the model, so saying that it exists gives nothing away. */
export function notEntitled(right: Right, path: readonly string[]): NotEntitled {
  return {
    code: 'NOT_ENTITLED',
    message: `Your tenant may not ${USES[right]}. Its owner can grant you ${right}.`,
    path,
    right,
  };
}

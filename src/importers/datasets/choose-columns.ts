/** Which column holds the labels and which the features, where the user did not say. Pure. */
import { listed, refuseOption } from './refused.js';
import type { DatasetOptions } from './types.js';

const LABEL_NAMES = ['label', 'labels', 'y', 'target', 'targets', 'class', 'y_test', 'y_val', 'y_train'];

export interface ChosenColumns {
  readonly label: string;
  readonly features: readonly string[];
  /** Neither. */
  readonly ignored: readonly string[];
}

/** @throws OptionRefused when the options do not fit, or are needed and absent */
export function chooseColumns(names: readonly string[], options: DatasetOptions): ChosenColumns {
  const label = options.labelColumn ?? guessLabel(names);
  if (label === null) {
    return refuseOption(
      'labelColumn',
      `None of ${listed(names)} is called label, target, class or y; say with labelColumn which holds the labels.`,
    );
  }
  if (!names.includes(label)) {
    return refuseOption('labelColumn', `There is no "${label}"; found ${listed(names)}.`);
  }
  const features = options.columns ?? guessFeatures(names, label);
  const missing = features.find((name) => !names.includes(name));
  if (missing !== undefined)
    return refuseOption('columns', `There is no "${missing}"; found ${listed(names)}.`);
  if (features.length === 0 || new Set(features).size < features.length || features.includes(label)) {
    return refuseOption('columns', 'columns names each feature once, at least one, and not the labels.');
  }
  return { label, features, ignored: names.filter((name) => name !== label && !features.includes(name)) };
}

function guessLabel(names: readonly string[]): string | null {
  for (const wanted of LABEL_NAMES) {
    const found = names.find((name) => name.toLowerCase() === wanted);
    if (found !== undefined) return found;
  }
  return null;
}

/** `y_test` goes with `x_test` and leaves `x_train` alone; without such a partner all others are features. */
function guessFeatures(names: readonly string[], label: string): readonly string[] {
  const partner = names.find((name) => name.toLowerCase() === label.toLowerCase().replace(/^y/, 'x'));
  if (/^y/i.test(label) && partner !== undefined) return [partner];
  return names.filter((name) => name !== label);
}

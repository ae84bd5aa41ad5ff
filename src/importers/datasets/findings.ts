import { printable } from '../refused.js';
import { DATASET_LIMITS } from './limits.js';

/** What the owner should know, in full sentences; only so many are kept. */
export interface Findings {
  add(sentence: string): void;
  all(): readonly string[];
}

export function createFindings(): Findings {
  const sentences: string[] = [];
  return {
    add(sentence) {
      if (sentences.length < DATASET_LIMITS.maxFindings) sentences.push(printable(sentence, 500));
    },
    all: () => sentences,
  };
}

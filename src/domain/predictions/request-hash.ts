import { createHash } from 'node:crypto';
import { DecodedBase64 } from '../../lib/decoded-base64.js';
import { MAX_RANK } from '../../lib/read-elements.js';
import type { PredictCommand } from './prediction.js';

/**
 * SHA-256 of what is asked: the target as written, the signature if one is named, and the inputs, so that a replay does not depend on which version is
 * the newest now. Timeout, priority and output encoding are how it is asked, and may
 * differ. `null` for inputs nested deeper
 * than any tensor, which are refused later anyway and must not be walked.
 */
export function requestHash({ target, signature, inputs }: PredictCommand): string | null {
  if (!inputs.every((input) => isShallow(input.data, MAX_RANK))) return null;
  const hash = createHash('sha256').update(JSON.stringify(target));
  if (typeof signature === 'string') hash.update(`\n${JSON.stringify({ signature })}`);
  for (const { name, datatype, shape, data } of inputs) {
    hash.update(`\n${JSON.stringify([name ?? null, datatype ?? null, shape ?? null])}\n`);
    // JSON marks where an element begins, so two different requests never give the same text.
    hash.update(JSON.stringify(data) ?? 'null');
  }
  return hash.digest('hex');
}

function isShallow(data: unknown, depth: number): boolean {
  if (typeof data !== 'object' || data === null || data instanceof DecodedBase64) return true;
  return depth > 0 && Array.isArray(data) && data.every((element) => isShallow(element, depth - 1));
}

/** The hostile corpus: every file with what must become of it. Nothing of it is stored; it is written when asked for. */
import { HOSTILE_ARCHIVES } from './archives.js';
import { FOREIGN_FILES } from './foreign.js';
import { HOSTILE_KERAS } from './keras.js';
import { HOSTILE_H5 } from './keras-h5.js';
import { HOSTILE_ONNX } from './onnx.js';
import { HOSTILE_ONNX_EXTERNAL } from './onnx-external.js';
import { HOSTILE_SAVED_MODELS } from './saved-model.js';
import { HOSTILE_OPS } from './saved-model-ops.js';
import { HOSTILE_TFJS_GRAPHS } from './tfjs-graph.js';
import { HOSTILE_TFJS_LAYERS } from './tfjs-layers.js';
import type { HostileFile, Outcome } from './types.js';

export const HOSTILE_CORPUS: readonly HostileFile[] = [
  ...FOREIGN_FILES,
  ...HOSTILE_ARCHIVES,
  ...HOSTILE_H5,
  ...HOSTILE_KERAS,
  ...HOSTILE_TFJS_LAYERS,
  ...HOSTILE_TFJS_GRAPHS,
  ...HOSTILE_OPS,
  ...HOSTILE_SAVED_MODELS,
  ...HOSTILE_ONNX_EXTERNAL,
  ...HOSTILE_ONNX,
];

/** What became of a file. */
export type Found =
  | { readonly kind: 'accepted' }
  | {
      readonly kind: 'refused';
      readonly code: string;
      readonly subject: string | null;
      readonly message: string;
    };

// Control and bidirectional characters: in a log or a terminal they forge or reorder what is read.
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/u;

/** Why an outcome is not the expected one, or `null` when it is. */
export function outcomeProblem(expected: Outcome, found: Found): string | null {
  if (found.kind === 'accepted') return expected.kind === 'contained' ? null : 'it was accepted';
  const said = `${found.code} (${found.subject ?? '-'}): ${found.message}`;
  if (expected.kind === 'contained') return `it was refused with ${said}`;
  if (!(expected.codes as readonly string[]).includes(found.code)) return `it was refused with ${said}`;
  if (!`${found.subject ?? ''} ${found.message}`.includes(expected.names))
    return `it names something else: ${said}`;
  // A long one is cut.
  if (!/[.…]$/.test(found.message)) return `its message is no sentence: ${said}`;
  if (UNPRINTABLE.test(`${found.subject ?? ''}${found.message}`))
    return 'its message holds control characters';
  return null;
}

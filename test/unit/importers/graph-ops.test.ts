import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { GRAPH_OPS, LOWERED_ONLY_OPS, REFUSED_GRAPH_OPS } from '../../../src/importers/graph-ops.js';
import { REWRITES } from '../../../src/lowering/graph-model/rewrites.js';
import { TENSORFLOW_OPS } from '../../support/tensorflow-ops.js';

const OP_LISTS = fileURLToPath(
  new URL('../../../node_modules/@tensorflow/tfjs-converter/dist/operations/op_list/', import.meta.url),
);

it('the allow-list is what the installed tfjs-converter executes, without the ops refused by name', () => {
  const known = readdirSync(OP_LISTS)
    .filter((file) => file.endsWith('.js'))
    .flatMap((file) => [
      ...readFileSync(OP_LISTS + file, 'utf8').matchAll(/['"]tfOpName['"]:\s*['"]([^'"]+)['"]/g),
    ])
    .map(([, name]) => name as string);
  expect(known.length).toBeGreaterThan(200);
  // Each in one list, and none in two.
  expect([...GRAPH_OPS, ...LOWERED_ONLY_OPS, ...REFUSED_GRAPH_OPS].sort()).toEqual(
    [...new Set(known)].sort(),
  );
});

it('every op that is served is lowered: rewritten, or known to TensorFlow 2.9 under the same name', () => {
  const lowered = [...REWRITES.keys(), ...TENSORFLOW_OPS.keys()];
  expect([...GRAPH_OPS, ...LOWERED_ONLY_OPS].filter((op) => !lowered.includes(op))).toEqual([]);
  // What TensorFlow knows itself needs no rewriting, unless it would print.
  expect([...REWRITES.keys()].filter((op) => !GRAPH_OPS.has(op))).toEqual(['Print']);
});

it.each([
  'ReadFile',
  'WriteFile',
  'MatchingFiles',
  'PyFunc',
  'EagerPyFunc',
  'RestoreV2',
  'SaveV2',
  'InitializeTableFromTextFileV2',
  'constructor',
  '__proto__',
  '',
])('the op %j is not on it', (op) => {
  expect(GRAPH_OPS.has(op)).toBe(false);
});

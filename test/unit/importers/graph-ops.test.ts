import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { GRAPH_OPS, REFUSED_GRAPH_OPS } from '../../../src/importers/graph-ops.js';

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
  expect([...GRAPH_OPS].sort()).toEqual(
    [...new Set(known)].filter((op) => !REFUSED_GRAPH_OPS.includes(op)).sort(),
  );
  expect(REFUSED_GRAPH_OPS.every((op) => known.includes(op))).toBe(true);
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

import { expect, it } from 'vitest';
import { chooseEngine, type EngineTrial } from '../../../src/importers/index.js';

function trial(
  runtime: EngineTrial['runtime'],
  computeMs: number | null,
  batchComputeMs: number | null = null,
): EngineTrial {
  return {
    runtime,
    computeMs,
    batchComputeMs,
    ok: computeMs !== null,
    reason: null,
    loadMs: 1,
    memoryBytes: 4,
    maxRelativeDiff: 0,
    comparedInputs: null,
  };
}

it.each([
  ['keeps the preferred engine when another is only a little faster', 1, 0.8, 'tfjs-node'],
  ['takes another that is clearly faster', 1, 0.5, 'tfjs-wasm'],
  ['takes the only one that works', null, 5, 'tfjs-wasm'],
  ['keeps the preferred engine when the other cannot run the model', 5, null, 'tfjs-node'],
] as const)('%s', (_name, node, wasm, expected) => {
  expect(chooseEngine([trial('tfjs-node', node), trial('tfjs-wasm', wasm)])?.runtime).toBe(expected);
});

it('chooses nothing when nothing works', () => {
  expect(chooseEngine([trial('tfjs-node', null), trial('tfjs-wasm', null)])).toBeNull();
});

it.each([
  ['a lead with one row that is lost with many is no lead', [1, 10], [0.5, 20], 'tfjs-node'],
  ['a lead with many rows counts', [1, 10], [0.9, 2], 'tfjs-wasm'],
  ['a little slower with one row and much faster with many is faster', [1, 10], [1.2, 1], 'tfjs-wasm'],
] as const)('%s', (_name, node, wasm, expected) => {
  expect(
    chooseEngine([trial('tfjs-node', node[0], node[1]), trial('tfjs-wasm', wasm[0], wasm[1])])?.runtime,
  ).toBe(expected);
});

import { expect, it } from 'vitest';
import { servingEngine, trialsFromJson } from '../../../src/domain/versions/version.js';
import type { EngineTrial } from '../../../src/importers/index.js';

const trial = (runtime: EngineTrial['runtime'], ok: boolean, computeMs: number): EngineTrial => ({
  runtime,
  ok,
  reason: ok ? null : 'It cannot.',
  loadMs: 1,
  memoryBytes: 4,
  computeMs: ok ? computeMs : null,
  batchComputeMs: null,
  maxRelativeDiff: ok ? 0 : null,
  comparedInputs: null,
});

const version = {
  runtime: 'tfjs-node' as const,
  trials: [trial('tfjs-graph', false, 0), trial('tfjs-node', true, 1), trial('tfjs-wasm', true, 2)],
};

it.each([
  ['the recorded engine while it is there', ['tfjs-wasm', 'tfjs-node'], 'tfjs-node'],
  ['another that agreed when the recorded one is gone', ['tfjs-graph', 'tfjs-wasm'], 'tfjs-wasm'],
  ['the recorded engine when no other could run it', ['tfjs-graph'], 'tfjs-node'],
] as const)('a version is served by %s', (_which, available, expected) => {
  expect(servingEngine(version, available)).toBe(expected);
});

it('trials from before joined runs were measured lack their figure', () => {
  const { batchComputeMs: _absent, ...old } = trial('tfjs-node', true, 1);
  expect(trialsFromJson([old])).toEqual([trial('tfjs-node', true, 1)]);
});

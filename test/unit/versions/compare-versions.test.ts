import fc from 'fast-check';
import { expect, it } from 'vitest';
import { compareVersions } from '../../../src/domain/versions/compare-versions.js';
import type { Version } from '../../../src/domain/versions/version.js';

const signature: Version['signature'] = {
  inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 3] }],
  outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, 2] }],
};
const base: Version = {
  id: 'ver_a',
  tenantId: 'ten_a',
  modelId: 'mdl_a',
  number: 1,
  format: 'KERAS_H5',
  producer: null,
  digest: 'd',
  bytes: 10,
  packDigest: 'p',
  packBytes: 20,
  signature,
  signatures: [{ name: 'serving_default', signature, batchable: true }],
  runtime: 'tfjs-wasm',
  batchable: true,
  trials: [],
  parameterCount: 5,
  weightBytes: 20,
  operations: [],
  findings: [],
  notes: '',
  derivedFrom: null,
  metrics: [],
  createdBy: null,
  createdAt: new Date(0),
};

const trial = (runtime: Version['runtime'], computeMs: number | null) => ({
  runtime,
  ok: computeMs !== null,
  reason: null,
  loadMs: 1,
  memoryBytes: 4,
  computeMs,
  batchComputeMs: null,
  maxRelativeDiff: null,
  comparedInputs: null,
});

it('sets tensors of one name and side beside each other, and says which are the same', () => {
  const changed: Version['signature'] = {
    inputs: [
      { name: 'mask', datatype: 'BOOL', shape: [-1] },
      { name: 'x', datatype: 'FP32', shape: [-1, 4] },
    ],
    outputs: signature.outputs,
  };
  const signatures = [
    { name: 'serving_default', signature: changed, batchable: true },
    { name: 'embed', signature: { inputs: [], outputs: signature.outputs }, batchable: false },
  ];
  const other: Version = { ...base, signature: changed, signatures };
  expect(compareVersions(base, base)).toMatchObject({ compatibility: 'COMPATIBLE', differences: [] });
  expect(compareVersions(base, other)).toMatchObject({ compatibility: 'BREAKING' });
  const [x, y] = [base.signature.inputs[0], base.signature.outputs[0]];
  expect(compareVersions(base, other).tensors).toEqual([
    { signature: 'serving_default', side: 'INPUT', name: 'x', a: x, b: changed.inputs[1], same: false },
    { signature: 'serving_default', side: 'INPUT', name: 'mask', a: null, b: changed.inputs[0], same: false },
    { signature: 'serving_default', side: 'OUTPUT', name: 'y', a: y, b: y, same: true },
    { signature: 'embed', side: 'OUTPUT', name: 'y', a: null, b: y, same: false },
  ]);
});

it('compares the speed of an engine that ran both, and lists one that ran one', () => {
  const a = { ...base, trials: [trial('tfjs-node', 2), trial('tfjs-wasm', 4)] };
  const b = { ...base, runtime: 'onnx' as const, trials: [trial('tfjs-wasm', 1), trial('onnx', null)] };
  expect(compareVersions(a, b).speed).toMatchObject([
    { runtime: 'tfjs-node', b: null, computeRatio: null },
    { runtime: 'tfjs-wasm', computeRatio: 0.25, a: { chosen: true }, b: { chosen: false } },
    { runtime: 'onnx', a: null, computeRatio: null, b: { chosen: true } },
  ]);
});

it('is its own mirror image: what was added one way was removed the other', () => {
  const counts = fc
    .uniqueArray(fc.tuple(fc.constantFrom('A', 'B', 'C', 'D', 'E'), fc.integer({ min: 1, max: 9 })), {
      selector: ([name]) => name,
    })
    .map((list) => list.map(([name, count]) => ({ name, count })));
  fc.assert(
    fc.property(counts, counts, (one, other) => {
      const [a, b] = [
        { ...base, operations: one },
        { ...base, operations: other },
      ];
      const there = compareVersions(a, b).operations;
      const back = compareVersions(b, a).operations;
      expect(there.map(({ name, change }) => [name, change + 0])).toEqual(
        back.map(({ name, change }) => [name, 0 - change]),
      );
      expect(new Set(there.map(({ name }) => name)).size).toBe(there.length);
      expect(there.reduce((sum, { a: count }) => sum + count, 0)).toBe(
        one.reduce((sum, { count }) => sum + count, 0),
      );
    }),
  );
});

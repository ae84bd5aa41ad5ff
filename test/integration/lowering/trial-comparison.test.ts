/** At publication a lowered graph is compared with the executor; one that is wrong is not used, and the report says why. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { answersOf } from '../../../src/importers/child/compare-engines.js';
import { runTrial } from '../../../src/importers/child/trial.js';
import { comparisonCases } from '../../../src/importers/comparison-inputs.js';
import type { ConvertedModel } from '../../../src/importers/converted-model.js';
import {
  float32,
  floats,
  graphModel,
  int,
  integers,
  node,
  packOfModel,
  placeholder,
  type,
  type GraphJson,
} from '../../support/graph-models.js';
import type { RuntimeName } from '../../../src/inference/index.js';
import { createEngines } from '../../support/importing.js';

const directory = mkdtempSync(join(tmpdir(), 'souk-trial-'));
afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
});

const FLOAT = { T: type('DT_FLOAT') };

/** x · [1, 2, 3], and after it what the nodes make of `product`. */
function product(nodes: GraphJson['nodes'], constants: GraphJson['constants'] = []): ConvertedModel {
  return graphModel({
    constants: [floats('w', [1, 2, 3]), ...constants],
    nodes: [placeholder('x', [-1, 3]), node('product', 'Mul', ['x', 'w'], FLOAT), ...nodes],
  });
}

const honest = product([node('y', 'Identity', ['product'], FLOAT)]);

/** Adds max(rows - 4, 0): right for every batch but those of five and more. */
const wrongFromFiveOn = product(
  [
    node('shape', 'Shape', ['x'], { ...FLOAT, out_type: type('DT_INT32') }),
    node('rows', 'StridedSlice', ['shape', 'from', 'to', 'by'], {
      T: type('DT_INT32'),
      Index: type('DT_INT32'),
      shrink_axis_mask: int(1),
    }),
    node('more', 'Sub', ['rows', 'four'], { T: type('DT_INT32') }),
    node('some', 'Maximum', ['more', 'none'], { T: type('DT_INT32') }),
    node('error', 'Cast', ['some'], { SrcT: type('DT_INT32'), DstT: type('DT_FLOAT') }),
    node('y', 'AddV2', ['product', 'error'], FLOAT),
  ],
  [integers('from', [0]), integers('to', [1]), integers('by', [1]), integers('four', 4), integers('none', 0)],
);

const wrongBelowZero = product([node('y', 'Abs', ['product'], FLOAT)]);
const wrongWhereLarge = product(
  [node('y', 'Minimum', ['product', 'most'], FLOAT)],
  [floats('most', [100], [])],
);

/** The trial as an import runs it, with another graph in place of the model's own lowering. */
async function trialsOf(
  model: ConvertedModel,
  lowering: ConvertedModel = model,
  runtimes: readonly RuntimeName[] = ['tfjs-graph', 'tfjs-node'],
) {
  const work = mkdtempSync(join(directory, 'work-'));
  const before = process.cwd();
  process.chdir(work);
  try {
    const { lowered } = lowering;
    if (lowered?.ok !== true) throw new Error('It is not lowered.');
    // Weights are one list for both.
    const planted: ConvertedModel = { ...model, weights: lowering.weights, lowered };
    return await runTrial(
      planted,
      runtimes,
      null,
      (first) => packOfModel(planted, first),
      () => undefined,
    );
  } finally {
    process.chdir(before);
  }
}

it('a lowering that agrees is used, and the report says on how many inputs it was compared', async () => {
  const { trials, notes } = await trialsOf(honest);
  expect(trials).toMatchObject([
    { runtime: 'tfjs-graph', ok: true, reason: null, comparedInputs: 9 },
    { runtime: 'tfjs-node', ok: true, comparedInputs: null },
  ]);
  expect(notes).toEqual([]);
});

it.each([
  ['for five rows only', wrongFromFiveOn, /on random values in 5 rows\.$/],
  ['for negative numbers only', wrongBelowZero, /on large values in 1 row\.$/],
  ['for large numbers only', wrongWhereLarge, /on large values in 1 row\.$/],
])('a lowering that is wrong %s is found and not used', async (_what, wrong, reason) => {
  const { trials, runtime, first } = await trialsOf(honest, wrong);
  expect(runtime).toBe('tfjs-node');
  expect(trials[0]).toMatchObject({ runtime: 'tfjs-graph', ok: false, computeMs: null });
  expect(trials[0]?.reason).toMatch(reason);
  // What a refused engine does to a batch is no reason to keep the other from joining rows.
  expect(first.batchable).toBe(true);
});

it('an operator who allows lowered graphs only has them compared all the same, with an executor that does not serve', async () => {
  const { trials, runtime } = await trialsOf(honest, honest, ['tfjs-graph']);
  expect(runtime).toBe('tfjs-graph');
  expect(trials).toMatchObject([{ runtime: 'tfjs-graph', ok: true, comparedInputs: 9 }]);
  await expect(trialsOf(honest, wrongBelowZero, ['tfjs-graph'])).rejects.toThrow(
    /No engine could run the model\. tfjs-graph: .*on large values in 1 row/,
  );
});

it('TensorFlow is asked before WebAssembly, whatever the operator prefers, and the report keeps their order', async () => {
  const { trials } = await trialsOf(honest, honest, ['tfjs-wasm', 'tfjs-node']);
  expect(trials).toMatchObject([
    { runtime: 'tfjs-wasm', ok: true, comparedInputs: 9 },
    { runtime: 'tfjs-node', ok: true, comparedInputs: null },
  ]);
});

it('a model whose time is up is still compared on random values in one row and in five', async () => {
  const model = await createEngines().load('tfjs-node', packOfModel(honest));
  const cases = comparisonCases([float32('x', [1, 3], [0, 0, 0])], [null], true);
  const { answers, leftOut } = await answersOf(model, cases, 0);
  model.dispose();
  expect(answers.map(({ what }) => what)).toEqual(['random values in 1 row', 'random values in 5 rows']);
  expect(leftOut).toBe(6);
});

/** Keras files through the real child process, their packs on every engine, against what Python computed. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { enginesFor, type RuntimeName } from '../../../src/inference/index.js';
import { createImporter } from '../../../src/importers/index.js';
import {
  createEngines,
  importBytes,
  numbersOf,
  reportOf,
  tensorOf,
  valuesOf,
  type Values,
} from '../../support/importing.js';

const FIXTURES = fileURLToPath(new URL('../../fixtures/', import.meta.url));
const MAX_DIFF = 1e-5;
/** The lowered graph is one of them. */
const ENGINES: readonly RuntimeName[] = [...enginesFor('tfjs-layers'), 'tfjs-graph'];

const importer = createImporter();
const engines = createEngines();
afterAll(() => importer.stop());

const modelFiles = (folder: string): string[] =>
  readdirSync(join(FIXTURES, folder))
    .filter((file) => /\.(h5|keras)$/.test(file))
    .map((file) => join(folder, file));

interface Expected {
  readonly inputs: readonly Values[];
  readonly outputs: readonly Values[];
}

function expectedOf(file: string): Expected {
  const path = join(FIXTURES, file.replace(/\.(h5|keras)$/, '.io.json'));
  const io = JSON.parse(readFileSync(path, 'utf8')) as { inputs: never[]; outputs: never[] };
  const isNamed = !Array.isArray(io.inputs[0]);
  return isNamed ? io : { inputs: [valuesOf(io.inputs)], outputs: [valuesOf(io.outputs)] };
}

async function expectPythonsOutputs(file: string): Promise<void> {
  const imported = await importBytes(importer, readFileSync(join(FIXTURES, file)), {
    runtimes: ENGINES,
  });
  const report = reportOf(imported);
  expect(report.trials.filter((trial) => !trial.ok)).toEqual([]);
  expect(imported.left).toEqual(['model.pack']);
  const expected = expectedOf(file);
  for (const name of ENGINES) {
    const model = await engines.load(name, imported.pack as Uint8Array);
    const inputs = report.signature.inputs.map((spec, i) =>
      tensorOf(spec.name, spec.datatype, expected.inputs[i] as Values),
    );
    const outputs = await model.run(inputs);
    expect(outputs.map((output) => output.shape)).toEqual(expected.outputs.map((output) => output.shape));
    expected.outputs.forEach((want, i) => {
      const got = numbersOf(outputs[i] as never);
      const worst = want.data.reduce(
        (max, value, at) => Math.max(max, Math.abs(value - (got[at] ?? NaN))),
        0,
      );
      expect(worst, `${name}, output ${i}`).toBeLessThan(MAX_DIFF);
    });
    model.dispose();
  }
}

describe('whole models', () => {
  // Both kinds of file, every model.
  const files = ['dense.h5', 'cnn.keras', 'mlp.h5', 'rnn.keras', 'rnn.h5', 'autoencoder.keras'];
  it.each(files.map((file) => `keras/${file}`))(
    "%s gives Python's outputs on every engine",
    expectPythonsOutputs,
  );

  it.each(modelFiles('digits'))(
    '%s keeps its names, its free batch and its optimiser state outside',
    async (file) => {
      const report = reportOf(await importBytes(importer, readFileSync(join(FIXTURES, file))));
      expect(report.signature).toEqual({
        inputs: [{ name: expect.any(String), datatype: 'FP32', shape: [-1, 28, 28, 1] }],
        outputs: [{ name: 'dense_1', datatype: 'FP32', shape: [-1, 10] }],
      });
      expect(report.notes.join()).toContain('optimizer state');
      expect(report.producer).toMatch(/^keras 3\./);
      expect(report.parameterCount).toBe(93322);
      expect(report.weightBytes).toBe(93322 * 4);
    },
  );
});

/** What tfjs-layers computes, one file of each kind; all the others are in `test/integration/lowering`. */
const THROUGH_THE_CHILD = [
  'layers/batchnorm.h5',
  'layers/embedding-lstm-masked.h5',
  'layers/gru-reset-before.keras',
  'layers/lstm-bidirectional.keras',
  'layers/nested-sequential.h5',
];

describe('one layer each', () => {
  it('a BatchNormalization along an inner axis is refused where WebAssembly, which is wrong there, is all that is allowed', async () => {
    const bytes = readFileSync(join(FIXTURES, 'layers/batchnorm-axis1.keras'));
    const { result } = await importBytes(importer, bytes, { runtimes: ['tfjs-wasm'] });
    expect(result).toMatchObject({ ok: false, error: { code: 'TRIAL_FAILED' } });
    expect(JSON.stringify(result)).toMatch(/tfjs-wasm: .*BatchNormalization along an inner axis/);
  });

  it.each(THROUGH_THE_CHILD)("%s gives Python's outputs on every engine", expectPythonsOutputs);
});

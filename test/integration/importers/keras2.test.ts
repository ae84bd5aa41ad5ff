/** Keras 2's layout, made from the Keras 3 fixtures: same weights, so the same outputs are expected. */
import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
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
import { keras2File } from '../../support/keras2.js';

const importer = createImporter();
const engines = createEngines();
afterAll(() => importer.stop());

const fixture = (name: string): Buffer => readFileSync(new URL(`../../fixtures/${name}`, import.meta.url));

function expectedOf(name: string): { inputs: Values[]; outputs: Values[] } {
  const io = JSON.parse(fixture(`${name}.io.json`).toString()) as { inputs: never[]; outputs: never[] };
  return Array.isArray(io.inputs[0])
    ? { inputs: [valuesOf(io.inputs)], outputs: [valuesOf(io.outputs)] }
    : io;
}

describe('a Keras 2 file', () => {
  it.each([
    ['keras/dense', {}],
    ['keras/cnn', { splitWeightNames: true }],
    ['keras/rnn', {}],
    ['layers/nested-sequential', {}],
    ['layers/residual-block', {}],
    ['layers/multi-output', {}],
    ['layers/batchnorm', {}],
  ])('%s gives the outputs of the Keras 3 file it was made from', async (name, options) => {
    const imported = await importBytes(importer, await keras2File(fixture(`${name}.h5`), options));
    const report = reportOf(imported);
    expect(report.producer).toBe('keras 2.15.0 (tensorflow)');
    const expected = expectedOf(name);
    const model = await engines.load('tfjs-wasm', imported.pack as Uint8Array);
    const outputs = await model.run(
      report.signature.inputs.map((spec, i) =>
        tensorOf(spec.name, spec.datatype, expected.inputs[i] as Values),
      ),
    );
    expected.outputs.forEach((want, i) => {
      const got = numbersOf(outputs[i] as never);
      expect(got.length).toBe(want.data.length);
      const worst = want.data.reduce(
        (max, value, at) => Math.max(max, Math.abs(value - (got[at] ?? NaN))),
        0,
      );
      expect(worst).toBeLessThan(1e-5);
    });
    model.dispose();
  });
});

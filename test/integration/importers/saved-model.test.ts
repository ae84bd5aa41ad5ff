/** SavedModels through the real child: what is read, and that the answers are Python's. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createImporter, type Importer } from '../../../src/importers/index.js';
import {
  createEngines,
  importBytes,
  numbersOf,
  reportOf,
  tensorOf,
  valuesOf,
} from '../../support/importing.js';
import { savedModelFiles, zipOfFiles } from '../../support/saved-models.js';

const TOLERANCE = 1e-5;
let importer: Importer;
const engines = createEngines();

beforeAll(() => {
  importer = createImporter();
});
afterAll(() => importer.stop());

const io = (name: string) =>
  JSON.parse(
    readFileSync(fileURLToPath(new URL(`../../fixtures/keras/${name}.io.json`, import.meta.url)), 'utf8'),
  ) as { inputs: number[][]; outputs: number[][] };

describe('the fixtures', () => {
  it.each([
    ['dense', 'keras_tensor', [-1, 10], 1354],
    ['cnn', 'keras_tensor_3', [-1, 28, 28, 1], 0],
  ])('%s gives the answers that Python gave', async (name, input, shape, parameters) => {
    const imported = await importBytes(importer, zipOfFiles(savedModelFiles(`saved-model/${name}`)), {
      runtimes: ['tfjs-graph', 'tfjs-node', 'tfjs-wasm'],
    });
    const report = reportOf(imported);
    expect(report).toMatchObject({
      format: 'SAVED_MODEL',
      producer: 'tensorflow 2.21.0',
      runtime: 'tfjs-graph',
      batchable: true,
      signature: {
        inputs: [{ name: input, datatype: 'FP32', shape }],
        outputs: [{ name: 'output_0', datatype: 'FP32', shape: [-1, 10] }],
      },
    });
    if (parameters > 0) expect(report.parameterCount).toBe(parameters);
    expect(report.trials).toMatchObject([
      { runtime: 'tfjs-graph', ok: true, reason: null, maxRelativeDiff: 0 },
    ]);
    expect(report.trials[0]?.batchComputeMs).toBeGreaterThan(0);
    const model = await engines.load('tfjs-graph', imported.pack as Uint8Array);
    const { inputs, outputs } = io(name);
    const [answer] = await model.run([tensorOf(input, 'FP32', valuesOf(inputs))]);
    const wanted = valuesOf(outputs).data;
    const got = numbersOf(answer as NonNullable<typeof answer>);
    expect(Math.max(...got.map((value, at) => Math.abs(value - (wanted[at] ?? NaN))))).toBeLessThanOrEqual(
      TOLERANCE,
    );
    model.dispose();
    await expect(model.run([])).rejects.toThrow(/let go/);
  });
});

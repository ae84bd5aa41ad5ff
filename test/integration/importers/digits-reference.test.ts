/**
 * digits.h5 and digits.keras against TensorFlow itself: the same network as Keras exported it to a
 * SavedModel, run by TensorFlow in one native call on the same pictures. (The probabilities beside the
 * pictures were computed before these were cut to 8 bits, which hides differences below 1e-3.)
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs-node';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createImporter } from '../../../src/importers/index.js';
import { enginesFor } from '../../../src/inference/index.js';
import { digitTensor, readDigits } from '../../support/digits.js';
import { createEngines, importBytes, numbersOf, reportOf } from '../../support/importing.js';

const fixtures = fileURLToPath(new URL('../../fixtures/digits/', import.meta.url));
const importer = createImporter();
const engines = createEngines();
let pixels: Buffer;
let reference: Float32Array;

beforeAll(async () => {
  const { shape, data } = digitTensor((await readDigits()).images);
  pixels = Buffer.from(data, 'base64');
  const model = await tf.node.loadSavedModel(`${fixtures}saved_model`);
  const values = new Float32Array(pixels.buffer, pixels.byteOffset, pixels.length / 4);
  const output = model.predict(tf.tensor(values, shape)) as tf.Tensor;
  reference = Float32Array.from(await output.data());
  model.dispose();
});
afterAll(() => importer.stop());

it.each(['digits.h5', 'digits.keras'])('%s gives what TensorFlow gives, on every engine', async (file) => {
  const imported = await importBytes(importer, readFileSync(`${fixtures}${file}`), {
    runtimes: enginesFor('tfjs-layers'),
  });
  const { signature } = reportOf(imported);
  for (const runtime of enginesFor('tfjs-layers')) {
    const model = await engines.load(runtime, imported.pack as Uint8Array);
    const [output] = await model.run([
      { name: signature.inputs[0]?.name ?? '', datatype: 'FP32', shape: [40, 28, 28, 1], data: pixels },
    ]);
    const got = numbersOf(output as never);
    const worst = reference.reduce((max, value, at) => Math.max(max, Math.abs(value - (got[at] ?? NaN))), 0);
    expect(worst, runtime).toBeLessThan(1e-5);
    model.dispose();
  }
});

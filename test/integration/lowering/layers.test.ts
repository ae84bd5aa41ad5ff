/** Each layer, lowered, against what Keras computed: one tiny model each, made by Keras 3 (`make-fixtures.py`). */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { SIMPLE_LAYER_CLASSES } from '../../../src/importers/keras-layers.js';
import { RECURRENT_CLASSES } from '../../../src/importers/keras-recurrent.js';
import { readArtifact } from '../../../src/importers/read-artifact.js';
import { LOWERED_LAYERS } from '../../../src/lowering/index.js';
import { elementsOf, runModel } from '../../support/graph-models.js';
import { unknownToTensorflow } from '../../support/tensorflow-ops.js';
import { createEngines, tensorOf, type Values } from '../../support/importing.js';

const FIXTURES = fileURLToPath(new URL('../../fixtures/layers/', import.meta.url));
/** Where a recurrence adds up what each step rounds. */
const RECURRENT = /lstm|gru|rnn/;
/** Without a fixture of Keras 3: shown in `plain-layers.test.ts` against a computation of our own. */
const ELSEWHERE = ['StringLookup', 'ThresholdedReLU'];
/** Read as a class that has a fixture: newer than the Keras of the fixtures, or older (`keras-catalogue.test.ts`). */
const READ_AS_ANOTHER = ['ReversibleEmbedding', 'Solarization', 'RandomHeight', 'RandomWidth'];

const directory = mkdtempSync(join(tmpdir(), 'souk-lowering-'));
const engines = createEngines();
afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
});

interface Topology {
  readonly config: { readonly layers: readonly { readonly class_name: string }[] };
}

describe('one-layer models', () => {
  const files = readdirSync(FIXTURES).filter((file) => /\.(h5|keras)$/.test(file));
  const served = new Set([...ELSEWHERE, ...READ_AS_ANOTHER]);
  const lowered = new Set(ELSEWHERE);

  it.each(files)('%s gives what Keras gave', async (file) => {
    const model = await readArtifact(join(FIXTURES, file), directory, () => undefined);
    for (const name of model.operations) served.add(name);
    for (const layer of (model.modelTopology as Topology).config.layers) lowered.add(layer.class_name);
    expect(unknownToTensorflow(model)).toEqual([]);
    const expected = JSON.parse(
      readFileSync(join(FIXTURES, file.replace(/\.(h5|keras)$/, '.io.json')), 'utf8'),
    ) as { readonly inputs: readonly Values[]; readonly outputs: readonly Values[] };
    const outputs = await runModel(
      engines,
      'tfjs-graph',
      model,
      model.inputs.map(({ name, datatype }, i) => tensorOf(name, datatype, expected.inputs[i] as Values)),
    );
    expect(outputs.map(({ shape }) => shape)).toEqual(expected.outputs.map(({ shape }) => shape));
    expected.outputs.forEach((want, i) => {
      const got = elementsOf(outputs[i] as never);
      const worst = want.data.reduce(
        (max, value, at) => Math.max(max, Math.abs(value - (got[at] ?? NaN))),
        0,
      );
      expect(worst, `output ${i}`).toBeLessThan(RECURRENT.test(file) ? 1e-4 : 1e-5);
    });
  });

  // Last: it reads what the tests above have seen.
  it('there is one for every class of layer that is served, and for every one that is lowered', () => {
    const classes = [...SIMPLE_LAYER_CLASSES, ...RECURRENT_CLASSES];
    expect(classes.filter((name) => !served.has(name))).toEqual([]);
    expect(LOWERED_LAYERS.filter((name) => !lowered.has(name))).toEqual([]);
  });
});

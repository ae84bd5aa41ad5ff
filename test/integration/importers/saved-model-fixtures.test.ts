/**
 * Layers that tfjs-layers lacks, as SavedModels, give what TensorFlow itself gave: what the refusal of their .keras files
 * advises works.
 */
import { afterAll, describe, expect, it } from 'vitest';
import { createImporter } from '../../../src/importers/index.js';
import { createEngines, importBytes, reportOf } from '../../support/importing.js';
import { recordedRuns, savedModelFiles, zipOfFiles } from '../../support/saved-models.js';
import { expectClose } from '../../support/close-tensors.js';

const importer = createImporter();
const engines = createEngines();
afterAll(() => importer.stop());

// The others go through the whole API in `test/e2e/saved-models.test.ts`.
const NAMES = ['keras-attention', 'keras-gru', 'keras-multihead-attention'];

describe('the answers are those of TensorFlow', () => {
  it.each(NAMES)('%s', async (name) => {
    const bytes = zipOfFiles(savedModelFiles(`saved-model/${name}`), `${name}/`);
    const imported = await importBytes(importer, bytes, { runtimes: ['tfjs-graph'] });
    const report = reportOf(imported);
    const model = await engines.load('tfjs-graph', imported.pack as Uint8Array);
    const runs = recordedRuns(name);
    // Keras exports its one signature a second time, as "serve".
    const names = report.signatures.map((signature) => signature.name).filter((found) => found !== 'serve');
    expect(names.sort()).toEqual(Object.keys(runs).sort());
    for (const [at, { name: signature, signature: called }] of report.signatures.entries()) {
      for (const { inputs, outputs } of runs[signature] ?? []) {
        const given = called.inputs.map((spec) => {
          const found = inputs.find((input) => input.name === spec.name);
          if (found === undefined) throw new Error(`The recorded run has no input ${spec.name}.`);
          expect(found.datatype).toBe(spec.datatype);
          return { ...found, data: found.data.slice() };
        });
        const answers = await model.run(given, at === 0 ? undefined : signature);
        expect(answers.map((answer) => answer.name).sort()).toEqual(
          outputs.map((output) => output.name).sort(),
        );
        for (const answer of answers) {
          expectClose(
            answer,
            outputs.find((output) => output.name === answer.name),
          );
        }
      }
    }
    model.dispose();
  });
});

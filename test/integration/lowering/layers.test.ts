/** Each layer, lowered, against what Keras computed: one tiny model each, made by Keras 3. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { importArtifact } from '../../../src/importers/child/import-artifact.js';
import { createEngines, numbersOf, tensorOf, type Values } from '../../support/importing.js';

const FIXTURES = fileURLToPath(new URL('../../fixtures/layers/', import.meta.url));
/** Where a recurrence adds up what each step rounds. */
const RECURRENT = /lstm|gru|rnn/;

const directory = mkdtempSync(join(tmpdir(), 'souk-lowering-'));
const engines = createEngines();
afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
});

const files = readdirSync(FIXTURES).filter((file) => /\.(h5|keras)$/.test(file));

describe('one-layer models', () => {
  it('are more than a hundred', () => {
    expect(files.length).toBeGreaterThan(100);
  });

  it.each(files)('%s gives what Keras gave', async (file) => {
    const workDirectory = mkdtempSync(join(directory, 'work-'));
    const imported = await importArtifact(
      { artifactPath: join(FIXTURES, file), workDirectory, runtimes: ['tfjs-graph'] },
      () => undefined,
      () => undefined,
    );
    if (!imported.ok) throw new Error(imported.error.message);
    expect(imported.value.trials.map(({ runtime, ok, reason }) => ({ runtime, ok, reason }))).toEqual([
      { runtime: 'tfjs-graph', ok: true, reason: null },
    ]);
    const expected = JSON.parse(
      readFileSync(join(FIXTURES, file.replace(/\.(h5|keras)$/, '.io.json')), 'utf8'),
    ) as { readonly inputs: readonly Values[]; readonly outputs: readonly Values[] };
    const model = await engines.load('tfjs-graph', readFileSync(join(workDirectory, 'model.pack')));
    try {
      const { inputs } = imported.value.signature;
      const outputs = await model.run(
        inputs.map((spec, i) => tensorOf(spec.name, spec.datatype, expected.inputs[i] as Values)),
      );
      expect(outputs.map(({ shape }) => shape)).toEqual(expected.outputs.map(({ shape }) => shape));
      expected.outputs.forEach((want, i) => {
        const got = numbersOf(outputs[i] as never);
        const worst = want.data.reduce(
          (max, value, at) => Math.max(max, Math.abs(value - (got[at] ?? NaN))),
          0,
        );
        expect(worst, `output ${i}`).toBeLessThan(RECURRENT.test(file) ? 1e-4 : 1e-5);
      });
    } finally {
      model.dispose();
    }
  });
});

/** TFJS layers models as tfjs itself saves them: the packs give what tfjs gave before saving. */
import type * as Tfjs from '@tensorflow/tfjs';
import { afterAll, describe, expect, it } from 'vitest';
import { createImporter } from '../../../src/importers/index.js';
import { tarOf } from '../../support/archives.js';
import {
  createEngines,
  importBytes,
  numbersOf,
  refusalOf,
  reportOf,
  tensorOf,
} from '../../support/importing.js';
import { tf } from '../../support/make-pack.js';
import { zipOf } from '../../support/zip.js';

const importer = createImporter();
const engines = createEngines();
afterAll(() => importer.stop());

interface Saved {
  readonly json: Buffer;
  readonly weights: Buffer;
}

async function save(
  model: Tfjs.LayersModel,
  edit: (json: { weightsManifest: never[] }) => void = () => undefined,
): Promise<Saved> {
  let saved: Tfjs.io.ModelArtifacts | undefined;
  await model.save(
    tf.io.withSaveHandler((artifacts) => {
      saved = artifacts;
      return Promise.resolve({
        modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' as const },
      });
    }),
  );
  const json = {
    format: 'layers-model',
    generatedBy: 'TensorFlow.js tfjs-layers v4.22.0',
    convertedBy: null,
    modelTopology: saved?.modelTopology,
    weightsManifest: [{ paths: ['weights.bin'], weights: saved?.weightSpecs }] as never[],
  };
  edit(json);
  return { json: Buffer.from(JSON.stringify(json)), weights: Buffer.from(saved?.weightData as ArrayBuffer) };
}

function cnn(): Tfjs.LayersModel {
  return tf.sequential({
    layers: [
      tf.layers.conv2d({
        inputShape: [8, 8, 1],
        filters: 4,
        kernelSize: 3,
        activation: 'relu',
        padding: 'same',
      }),
      tf.layers.batchNormalization(),
      tf.layers.maxPooling2d({ poolSize: 2 }),
      tf.layers.flatten(),
      tf.layers.dropout({ rate: 0.5 }),
      tf.layers.dense({ units: 3, activation: 'softmax' }),
    ],
  });
}

function recurrent(): Tfjs.LayersModel {
  const x = tf.input({ shape: [5, 2], name: 'series' });
  const both = tf.layers
    .bidirectional({
      layer: tf.layers.lstm({ units: 3, recurrentActivation: 'hardSigmoid' }),
      mergeMode: 'concat',
    })
    .apply(x) as Tfjs.SymbolicTensor;
  const y = tf.layers.dense({ units: 2, name: 'answer' }).apply(both) as Tfjs.SymbolicTensor;
  return tf.model({ inputs: x, outputs: y });
}

async function expectSameOutputs(model: Tfjs.LayersModel, bytes: Uint8Array): Promise<void> {
  const imported = await importBytes(importer, bytes);
  const report = reportOf(imported);
  expect(report.format).toBe('TFJS_LAYERS');
  const shape = [2, ...(report.signature.inputs[0]?.shape.slice(1) ?? [])];
  const data = Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => Math.sin(i));
  const expected = [...(model.predict(tf.tensor(data, shape)) as Tfjs.Tensor).dataSync()];
  const loaded = await engines.load('tfjs-wasm', imported.pack as Uint8Array);
  const [output] = await loaded.run([
    tensorOf(report.signature.inputs[0]?.name ?? '', 'FP32', { shape, data }),
  ]);
  const got = numbersOf(output as never);
  expect(got.length).toBe(expected.length);
  expect(Math.max(...expected.map((value, i) => Math.abs(value - (got[i] ?? NaN))))).toBeLessThan(1e-5);
  loaded.dispose();
}

describe('a layers model', () => {
  it('saved by tfjs, as a zip, gives the same outputs', async () => {
    const model = cnn();
    const { json, weights } = await save(model);
    await expectSameOutputs(
      model,
      zipOf([
        { name: 'model.json', data: json },
        { name: 'weights.bin', data: weights },
      ]),
    );
  });

  it('with a recurrent layer, as a tar.gz in a folder, gives the same outputs', async () => {
    const model = recurrent();
    const { json, weights } = await save(model);
    const bytes = await tarOf([
      { header: { name: './web/model.json' }, data: json },
      { header: { name: './web/._model.json' }, data: Buffer.from('clutter') },
      { header: { name: './web/weights.bin' }, data: weights },
    ]);
    await expectSameOutputs(model, bytes);
  });

  it('in two shards that cut a weight in two gives the same outputs', async () => {
    const model = cnn();
    const { json, weights } = await save(model, (value) => {
      (value.weightsManifest[0] as unknown as { paths: string[] }).paths = ['a.bin', 'b.bin'];
    });
    const cut = 101;
    await expectSameOutputs(
      model,
      zipOf([
        { name: 'model.json', data: json, deflate: true },
        { name: 'a.bin', data: weights.subarray(0, cut) },
        { name: 'b.bin', data: weights.subarray(cut) },
      ]),
    );
  });

  it('whose weights miss a layer is refused, naming the layer', async () => {
    const { json, weights } = await save(cnn(), (value) => {
      const group = value.weightsManifest[0] as unknown as { weights: { name: string }[] };
      for (const spec of group.weights) spec.name = spec.name.replace(/^dense/, 'elsewhere');
    });
    const refusal = refusalOf(
      await importBytes(
        importer,
        zipOf([
          { name: 'model.json', data: json },
          { name: 'weights.bin', data: weights },
        ]),
      ),
    );
    expect(refusal.code).toBe('CORRUPT_ARTIFACT');
    expect(refusal.subject).toContain('dense');
  });
});

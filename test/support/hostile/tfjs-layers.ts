/** TensorFlow.js layers models: classes that are code, manifests that lead elsewhere. */
import { SMALL_GRAPH_WEIGHTS, type Config } from '../archives.js';
import { zipOf } from '../zip.js';
import { climbing, filesOf, type Bait, type HostileFile } from './types.js';

const layers = filesOf('TFJS_LAYERS', 'tfjs-layers');
const CORRUPT = 'CORRUPT_ARTIFACT';

/** A TFJS layers model: one Dense layer of three inputs and two outputs. */
export function layersZip(edit: (model: Config, bait: Bait) => void) {
  return (bait: Bait): Buffer => {
    const model: Config = {
      format: 'layers-model',
      generatedBy: 'keras v2.15.0',
      modelTopology: {
        keras_version: '2.15.0',
        backend: 'tensorflow',
        model_config: {
          class_name: 'Sequential',
          config: {
            name: 'sequential',
            layers: [
              {
                class_name: 'Dense',
                config: {
                  name: 'dense',
                  batch_input_shape: [null, 3],
                  dtype: 'float32',
                  units: 2,
                  activation: 'linear',
                  use_bias: true,
                },
              },
            ],
          },
        },
      },
      weightsManifest: [
        {
          paths: ['group1-shard1of1.bin'],
          weights: [
            { name: 'dense/kernel', shape: [3, 2], dtype: 'float32' },
            { name: 'dense/bias', shape: [2], dtype: 'float32' },
          ],
        },
      ],
    };
    edit(model, bait);
    return zipOf([
      { name: 'model.json', data: Buffer.from(JSON.stringify(model)) },
      { name: 'group1-shard1of1.bin', data: SMALL_GRAPH_WEIGHTS },
    ]);
  };
}

const firstLayer = (edit: (layer: Config, bait: Bait) => void) =>
  layersZip((model, bait) => edit(model.modelTopology.model_config.config.layers[0], bait));

export const HOSTILE_TFJS_LAYERS: readonly HostileFile[] = [
  layers.refused(
    'shard-climbs-out',
    CORRUPT,
    '..',
    layersZip((model, { path }) => {
      model.weightsManifest[0].paths = [climbing(path)];
    }),
  ),
  layers.refused(
    'shard-http-url',
    CORRUPT,
    'http:',
    layersZip((model, { url }) => (model.weightsManifest[0].paths = [url])),
  ),
  ...['Lambda', 'constructor', '__proto__', 'StringLookup', 'toString'].map((name) =>
    layers.refused(
      `class-${name.replaceAll('_', '').toLowerCase()}`,
      'UNSUPPORTED_LAYER',
      'dense',
      firstLayer((at) => (at.class_name = name)),
    ),
  ),
  layers.refused(
    'activation-constructor',
    'UNSUPPORTED_LAYER',
    'dense',
    firstLayer((at) => (at.config.activation = 'constructor')),
  ),
  layers.refused(
    'initializer-from-a-module',
    ['UNSUPPORTED_LAYER', CORRUPT],
    'dense',
    firstLayer((at, { path }) => {
      at.class_name = 'Embedding';
      at.config.weights_path = path;
    }),
  ),
  layers.refused(
    'weights-of-another-layer',
    ['UNSUPPORTED_TENSOR', CORRUPT],
    '',
    layersZip((model) => {
      model.weightsManifest[0].weights[0].name = '__proto__';
    }),
  ),
  layers.refused(
    'topology-is-an-array',
    [CORRUPT, 'UNSUPPORTED_FORMAT'],
    '',
    layersZip((model) => {
      model.modelTopology = [[[[]]]];
    }),
  ),
  layers.refused(
    'topology-says-nothing',
    [CORRUPT, 'UNSUPPORTED_FORMAT', 'UNSUPPORTED_LAYER'],
    '',
    layersZip((model) => {
      model.modelTopology = { model_config: { class_name: '__proto__', config: null } };
    }),
  ),
  layers.refused(
    'units-of-2-to-the-53',
    ['UNSUPPORTED_TENSOR', 'UNSUPPORTED_LAYER'],
    'dense',
    firstLayer((at) => (at.config.units = 2 ** 53)),
  ),
  layers.contained(
    'weights-of-nan',
    'NaN and infinity are numbers too: the report says that outputs are not finite',
    (bait) => {
      const weights = Buffer.from(
        Float32Array.from({ length: 8 }, (_, i) => (i % 2 === 0 ? NaN : Infinity)).buffer,
      );
      const sound = layersZip(() => undefined)(bait);
      const at = sound.indexOf(Buffer.from(SMALL_GRAPH_WEIGHTS));
      return at < 0 ? sound : rebuilt(bait, weights);
    },
  ),
];

function rebuilt(bait: Bait, weights: Buffer): Buffer {
  let json = '';
  layersZip((model) => (json = JSON.stringify(model)))(bait);
  return zipOf([
    { name: 'model.json', data: Buffer.from(json) },
    { name: 'group1-shard1of1.bin', data: weights },
  ]);
}

/** Keras files that reach out of themselves, claim the impossible, or carry code. */
import h5wasm from 'h5wasm';
import { describe } from 'vitest';
import { editedKeras, fixture, unzip, type Config } from '../../support/archives.js';
import { bytesOf, refusesEach, type HostileCase } from '../../support/hostile.js';
import { zipOf } from '../../support/zip.js';

async function h5With(edit: (file: InstanceType<typeof h5wasm.File>) => void): Promise<Uint8Array> {
  const { FS } = await h5wasm.ready;
  FS.writeFile('/hostile.h5', fixture('keras/dense.h5'));
  const file = new h5wasm.File('/hostile.h5', 'a');
  edit(file);
  file.close();
  return FS.readFile('/hostile.h5');
}

const withConfig = (edit: (config: Config) => void) => () =>
  h5With((file) => {
    const config = JSON.parse(file.attrs['model_config']?.value as string);
    edit(config);
    file.delete_attribute('model_config');
    file.create_attribute('model_config', JSON.stringify(config));
  });

const firstLayer = (edit: (layer: Config) => void) => () =>
  editedKeras('keras/dense.keras', (config) => edit(config.config.layers[1]));

const denseFiles = await unzip(fixture('keras/dense.keras'));
const denseEntries = [...denseFiles].map(([name, data]) => ({ name, data }));
const truncated = (name: string, length: number) => () => fixture(name).subarray(0, length);

const HDF5: readonly HostileCase[] = [
  ...[10, 100, 2048, 9000, 20000].map((length): HostileCase => [
    `an h5 cut after ${length} bytes`,
    truncated('keras/dense.h5', length),
    'CORRUPT_ARTIFACT',
    'HDF5',
  ]),
  [
    'an h5 with an external link',
    () =>
      h5With((file) => {
        file.create_external_link('/etc/passwd', '/x', 'leak');
      }),
    'CORRUPT_ARTIFACT',
    '/leak',
  ],
  [
    'an h5 with a soft link',
    () =>
      h5With((file) => {
        file.create_soft_link('/model_weights', 'alias');
      }),
    'CORRUPT_ARTIFACT',
    '/alias',
  ],
  [
    'an h5 with a circle of hard links',
    () =>
      h5With((file) => {
        file.create_group('loop').create_hard_link('/loop', 'again');
      }),
    'LIMIT_EXCEEDED',
    '/loop',
  ],
  [
    'an h5 with an impossible shape',
    () =>
      h5With((file) => {
        file.create_dataset({
          name: 'huge',
          data: new Float32Array(4),
          shape: [4],
          dtype: '<f',
          maxshape: [null],
          chunks: [4],
        });
        (file.get('huge') as InstanceType<typeof h5wasm.Dataset>).resize([2 ** 40]);
      }),
    'LIMIT_EXCEEDED',
    '/huge',
  ],
  [
    'weights without an architecture',
    () =>
      h5With((file) => {
        file.delete_attribute('model_config');
        file.create_attribute('layer_names', ['dense']);
      }),
    'UNSUPPORTED_FORMAT',
    'model_config',
  ],
  [
    'a Keras 1 file',
    () =>
      h5With((file) => {
        file.delete_attribute('keras_version');
        file.create_attribute('keras_version', '1.2.2');
      }),
    'UNSUPPORTED_FORMAT',
    '1.2.2',
  ],
  [
    'a config that is no JSON',
    () =>
      h5With((file) => {
        file.delete_attribute('model_config');
        file.create_attribute('model_config', '{"class_name": ');
      }),
    'CORRUPT_ARTIFACT',
    'model_config',
  ],
  [
    'a config that nests without end',
    () =>
      h5With((file) => {
        file.delete_attribute('model_config');
        file.create_attribute('model_config', '['.repeat(50_000));
      }),
    'LIMIT_EXCEEDED',
    'model_config',
  ],
];

const LAYERS: readonly HostileCase[] = [
  [
    'a Lambda',
    firstLayer((layer) => {
      layer.class_name = 'Lambda';
    }),
    'UNSUPPORTED_LAYER',
    'dense',
  ],
  [
    'a Lambda inside a TimeDistributed',
    firstLayer((layer) => {
      layer.config = { name: 'outer', layer: { class_name: 'Lambda', config: { name: 'inner' } } };
      layer.class_name = 'TimeDistributed';
    }),
    'UNSUPPORTED_LAYER',
    'outer/inner',
  ],
  [
    'a Lambda in a nested model',
    firstLayer((layer) => {
      layer.config = { name: 'nest', layers: [{ class_name: 'Lambda', config: { name: 'inner' } }] };
      layer.class_name = 'Sequential';
    }),
    'UNSUPPORTED_LAYER',
    'inner',
  ],
  [
    'a layer of another Python module',
    firstLayer((layer) => {
      layer.module = 'os.path';
    }),
    'UNSUPPORTED_LAYER',
    'dense',
  ],
  [
    'a registered custom layer',
    firstLayer((layer) => {
      layer.registered_name = 'evil>Dense';
    }),
    'UNSUPPORTED_LAYER',
    'dense',
  ],
  [
    'an activation from Python',
    firstLayer((layer) => {
      layer.config.activation = { module: 'builtins', class_name: 'function', config: 'eval' };
    }),
    'UNSUPPORTED_LAYER',
    'dense',
  ],
  [
    'the class __proto__',
    firstLayer((layer) => {
      layer.class_name = '__proto__';
    }),
    'UNSUPPORTED_LAYER',
    'dense',
  ],
  [
    'the class constructor',
    firstLayer((layer) => {
      layer.class_name = 'constructor';
    }),
    'UNSUPPORTED_LAYER',
    'dense',
  ],
  [
    'a model of class constructor',
    withConfig((config) => {
      config.class_name = 'constructor';
    }),
    'UNSUPPORTED_LAYER',
    'constructor',
  ],
  [
    'a StringLookup with a path',
    firstLayer((layer) => {
      layer.class_name = 'StringLookup';
      layer.config = { name: 'lookup', vocabulary: '/etc/passwd' };
    }),
    'UNSUPPORTED_LAYER',
    'lookup',
  ],
  [
    'a TFSMLayer',
    firstLayer((layer) => {
      layer.class_name = 'TFSMLayer';
      layer.config = { name: 'sm', filepath: '/etc' };
    }),
    'UNSUPPORTED_LAYER',
    'sm',
  ],
  [
    'an option that nobody knows',
    firstLayer((layer) => {
      layer.config.twist = 3;
    }),
    'UNSUPPORTED_LAYER',
    'dense',
  ],
  [
    'units that are no number',
    firstLayer((layer) => {
      layer.config.units = '__proto__';
    }),
    'UNSUPPORTED_LAYER',
    'dense',
  ],
  [
    'units that do not fit the weights',
    firstLayer((layer) => {
      layer.config.units = 1e9;
    }),
    'UNSUPPORTED_TENSOR',
    'dense',
  ],
  [
    '10,000 layers',
    () =>
      editedKeras('keras/dense.keras', (config) => {
        config.config.layers.push(
          ...Array.from({ length: 10_000 }, (_, i) => ({ class_name: 'Flatten', config: { name: `f${i}` } })),
        );
      }),
    'LIMIT_EXCEEDED',
    '5000',
  ],
  [
    'an input of 10^12 elements',
    () =>
      editedKeras('keras/dense.keras', (config) => {
        config.config.layers[0].config.batch_shape = [null, 1e6, 1e6];
      }),
    'LIMIT_EXCEEDED',
    'input',
  ],
  [
    'a layer that reads itself',
    () =>
      editedKeras('layers/residual-block.keras', (config) => {
        const layer = config.config.layers[1];
        layer.inbound_nodes[0].args[0].config.keras_history[0] = layer.name;
      }),
    'CORRUPT_ARTIFACT',
    'conv2d',
  ],
  [
    'a layer that reads nothing',
    () =>
      editedKeras('layers/residual-block.keras', (config) => {
        config.config.layers[1].inbound_nodes[0].args[0].config.keras_history[0] = 'nowhere';
      }),
    'CORRUPT_ARTIFACT',
    'conv2d',
  ],
  [
    'models nested 50 deep',
    () =>
      editedKeras('keras/dense.keras', (config) => {
        let layer: Config = { class_name: 'Flatten', config: { name: 'f' } };
        for (let i = 0; i < 50; i++)
          layer = { class_name: 'Sequential', config: { name: `s${i}`, layers: [layer] } };
        config.config.layers.push(layer);
      }),
    'LIMIT_EXCEEDED',
    's',
  ],
  [
    'a config of numbers',
    () =>
      zipOf([
        ...denseEntries.filter(({ name }) => name !== 'config.json'),
        { name: 'config.json', data: bytesOf('[1, 2, 3]') },
      ]),
    'CORRUPT_ARTIFACT',
    'JSON object',
  ],
];

describe('HDF5 files', () => {
  refusesEach(HDF5);
});
describe('layers', () => {
  refusesEach(LAYERS);
});

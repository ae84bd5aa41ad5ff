/** Keras 3 archives: classes that are code, options that nobody checked, shapes that explode. */
import { editedKeras, fixture, unzip, type Config } from '../archives.js';
import { zipOf } from '../zip.js';
import { hdf5Of } from './hdf5-bytes.js';
import { filesOf, type Bait, type HostileFile } from './types.js';

const v3 = filesOf('KERAS_V3', 'keras');
const LAYER = 'UNSUPPORTED_LAYER';
const CORRUPT = 'CORRUPT_ARTIFACT';
const LIMIT = 'LIMIT_EXCEEDED';

const layer = (edit: (layer: Config, bait: Bait) => void) => (bait: Bait) =>
  editedKeras('keras/dense.keras', (config) => edit(config.config.layers[1], bait));
const model = (edit: (config: Config, bait: Bait) => void) => (bait: Bait) =>
  editedKeras('keras/dense.keras', (config) => edit(config, bait));
const named = (className: string, config?: (bait: Bait) => object) =>
  layer((at, bait) => {
    at.class_name = className;
    if (config !== undefined) at.config = { name: 'evil', ...config(bait) };
  });
const denseEntries = async () =>
  [...(await unzip(fixture('keras/dense.keras')))].map(([name, data]) => ({ name, data }));

/** The archive with one of its files in another's place. */
const withEntry = (name: string, data: (old: Buffer) => Uint8Array) => async () =>
  zipOf(
    (await denseEntries()).map((entry) => (entry.name === name ? { name, data: data(entry.data) } : entry)),
  );

export const HOSTILE_KERAS: readonly HostileFile[] = [
  v3.refused('lambda', LAYER, 'dense', named('Lambda')),
  v3.refused(
    'lambda-in-time-distributed',
    LAYER,
    'inner',
    named('TimeDistributed', () => ({
      layer: { class_name: 'Lambda', config: { name: 'inner' } },
    })),
  ),
  v3.refused(
    'lambda-in-bidirectional',
    LAYER,
    'evil',
    named('Bidirectional', () => ({
      layer: { class_name: 'Lambda', config: { name: 'inner' } },
    })),
  ),
  v3.refused(
    'lambda-in-nested-model',
    LAYER,
    'inner',
    named('Sequential', () => ({
      layers: [{ class_name: 'Lambda', config: { name: 'inner' } }],
    })),
  ),
  v3.refused(
    'python-module',
    LAYER,
    'dense',
    layer((at) => (at.module = 'os.path')),
  ),
  v3.refused(
    'registered-class',
    LAYER,
    'dense',
    layer((at) => (at.registered_name = 'evil>Dense')),
  ),
  v3.refused(
    'activation-from-builtins',
    LAYER,
    'dense',
    layer((at) => {
      at.config.activation = { module: 'builtins', class_name: 'function', config: 'eval' };
    }),
  ),
  v3.refused(
    'unsafe-deserialization-switch',
    LAYER,
    '',
    named('function', () => ({
      module: 'keras.config',
      class_name: 'enable_unsafe_deserialization',
    })),
  ),
  ...['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'TorchModuleWrapper', 'JaxLayer'].map(
    (name) => v3.refused(`class-${name.toLowerCase().replaceAll('_', '')}`, LAYER, 'dense', named(name)),
  ),
  v3.refused(
    'string-lookup-of-a-path',
    LAYER,
    'evil',
    named('StringLookup', ({ path }) => ({ vocabulary: path })),
  ),
  v3.refused(
    'string-lookup-of-a-url',
    LAYER,
    'evil',
    named('StringLookup', ({ url }) => ({ vocabulary: url })),
  ),
  v3.refused(
    'text-vectorization-of-a-path',
    LAYER,
    'evil',
    named('TextVectorization', ({ pipe }) => ({ vocabulary: pipe })),
  ),
  v3.refused(
    'tfsm-layer',
    LAYER,
    'evil',
    named('TFSMLayer', ({ path }) => ({ filepath: path })),
  ),
  v3.refused(
    'hashed-crossing',
    LAYER,
    'evil',
    named('HashedCrossing', () => ({ num_bins: 2 ** 40 })),
  ),
  v3.refused(
    'unknown-option',
    LAYER,
    'dense',
    layer((at) => (at.config.twist = 3)),
  ),
  v3.refused(
    'option-proto',
    LAYER,
    'dense',
    layer((at) => (at.config.units = '__proto__')),
  ),
  v3.refused(
    'units-of-1e9',
    'UNSUPPORTED_TENSOR',
    'dense',
    layer((at) => (at.config.units = 1e9)),
  ),
  v3.refused(
    'units-of-1e308',
    [LAYER, 'UNSUPPORTED_TENSOR'],
    'dense',
    layer((at) => (at.config.units = 1e308)),
  ),
  v3.refused(
    'units-negative',
    [LAYER, 'UNSUPPORTED_TENSOR'],
    'dense',
    layer((at) => (at.config.units = -5)),
  ),
  v3.refused(
    '10000-layers',
    LIMIT,
    '5000',
    model((config) => {
      config.config.layers.push(
        ...Array.from({ length: 10_000 }, (_, i) => ({ class_name: 'Flatten', config: { name: `f${i}` } })),
      );
    }),
  ),
  v3.refused(
    '120000-layers',
    LIMIT,
    '5000',
    model((config) => {
      for (let i = 0; i < 120_000; i++)
        config.config.layers.push({ class_name: 'Flatten', config: { name: `f${i}` } });
    }),
  ),
  v3.refused(
    'input-of-10-to-the-12',
    LIMIT,
    'input',
    model((config) => {
      config.config.layers[0].config.batch_shape = [null, 1e6, 1e6];
    }),
  ),
  v3.refused(
    'input-of-negative-size',
    [LAYER, CORRUPT, LIMIT, 'UNSUPPORTED_TENSOR'],
    '',
    model((config) => {
      config.config.layers[0].config.batch_shape = [null, -10];
    }),
  ),
  v3.refused(
    'models-nested-50-deep',
    LIMIT,
    's',
    model((config) => {
      let inner: Config = { class_name: 'Flatten', config: { name: 'f' } };
      for (let i = 0; i < 50; i++)
        inner = { class_name: 'Sequential', config: { name: `s${i}`, layers: [inner] } };
      config.config.layers.push(inner);
    }),
  ),
  v3.refused(
    'models-that-quadruple-8-times',
    LIMIT,
    '',
    model((config) => {
      let inner: Config = { class_name: 'Flatten', config: { name: 'f' } };
      for (let i = 0; i < 8; i++) {
        const layers = Array.from({ length: 4 }, (_, j) => ({
          ...inner,
          config: { ...inner.config, name: `m${i}-${j}` },
        }));
        inner = { class_name: 'Sequential', config: { name: `s${i}`, layers } };
      }
      config.config.layers.push(inner);
    }),
  ),
  v3.refused('layer-that-reads-itself', CORRUPT, 'conv2d', () =>
    editedKeras('layers/residual-block.keras', (config) => {
      const at = config.config.layers[1];
      at.inbound_nodes[0].args[0].config.keras_history[0] = at.name;
    }),
  ),
  v3.refused('layer-that-reads-nothing', CORRUPT, 'conv2d', () =>
    editedKeras('layers/residual-block.keras', (config) => {
      config.config.layers[1].inbound_nodes[0].args[0].config.keras_history[0] = 'nowhere';
    }),
  ),
  v3.refused(
    'config-of-numbers',
    CORRUPT,
    'JSON object',
    withEntry('config.json', () => Buffer.from('[1, 2]')),
  ),
  v3.refused(
    'config-of-500000-brackets',
    LIMIT,
    'config.json',
    withEntry('config.json', () => Buffer.from('['.repeat(500_000))),
  ),
  v3.refused(
    'config-with-a-giant-number',
    [CORRUPT, LAYER],
    '',
    withEntry('config.json', (old) =>
      Buffer.from(String(old).replace(/"units": ?\d+/, `"units": 1${'0'.repeat(400_000)}`)),
    ),
  ),
  v3.refused(
    'config-is-a-pickle',
    CORRUPT,
    'config.json',
    withEntry('config.json', () => Buffer.from('\x80\x04cos\nsystem\n', 'latin1')),
  ),
  v3.refused(
    'config-with-two-classes',
    LAYER,
    '',
    withEntry('config.json', (old) =>
      Buffer.from(
        String(old).replace('"class_name": "Dense"', '"class_name": "Dense", "class_name": "Lambda"'),
      ),
    ),
  ),
  v3.refused(
    'weights-are-a-zip',
    CORRUPT,
    '',
    withEntry('model.weights.h5', () => zipOf([{ name: 'x', data: Buffer.alloc(9) }])),
  ),
  v3.refused(
    'weights-with-an-external-link',
    CORRUPT,
    '',
    withEntry('model.weights.h5', () =>
      hdf5Of([{ name: 'vars', dims: [4n], storage: { kind: 'external', file: '/etc/passwd' } }]),
    ),
  ),
  v3.refused(
    'names-with-escapes',
    [LAYER, CORRUPT],
    'dense?[2J',
    layer((at) => {
      at.config.name = 'dense\x1b[2J\u202eevil\n{"level":60}';
      at.class_name = 'Lambda';
    }),
  ),
  v3.stopped('trial-without-end', ['IMPORT_TIMED_OUT', 'IMPORT_OUT_OF_MEMORY'], '', () =>
    editedKeras('layers/lstm-backwards.keras', (config) => {
      config.config.layers[0].config.batch_shape = [null, 40_000_000, 3];
    }),
  ),
  v3.stopped(
    'trial-of-32-gb',
    ['IMPORT_TIMED_OUT', 'IMPORT_OUT_OF_MEMORY', 'TRIAL_FAILED', 'IMPORT_CRASHED'],
    '',
    model((config) => {
      config.config.layers.push({ class_name: 'RepeatVector', config: { name: 'repeat', n: 800_000_000 } });
    }),
  ),
];

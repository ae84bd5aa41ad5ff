/** Keras files in HDF5: files that reach out of themselves or lie about their size, configurations that carry code. */
import h5wasm from 'h5wasm';
import { fixture, type Config } from '../archives.js';
import { zipOf } from '../zip.js';
import { hdf5Of } from './hdf5-bytes.js';
import { climbing, filesOf, type Bait, type HostileFile } from './types.js';

const h5 = filesOf('KERAS_H5', 'keras-h5');
const LAYER = 'UNSUPPORTED_LAYER';
const CORRUPT = 'CORRUPT_ARTIFACT';
const LIMIT = 'LIMIT_EXCEEDED';

type H5File = InstanceType<typeof h5wasm.File>;

async function h5With(edit: (file: H5File) => void): Promise<Uint8Array> {
  const { FS } = await h5wasm.ready;
  FS.writeFile('/hostile.h5', fixture('keras/dense.h5'));
  const file = new h5wasm.File('/hostile.h5', 'a');
  edit(file);
  file.close();
  return FS.readFile('/hostile.h5');
}

const edited = (edit: (file: H5File, bait: Bait) => void) => (bait: Bait) =>
  h5With((file) => edit(file, bait));
const withModelConfig = (text: string) =>
  edited((file) => {
    file.delete_attribute('model_config');
    file.create_attribute('model_config', text);
  });
const withConfig = (edit: (config: Config) => void) =>
  edited((file) => {
    const config = JSON.parse(file.attrs['model_config']?.value as string);
    edit(config);
    file.delete_attribute('model_config');
    file.create_attribute('model_config', JSON.stringify(config));
  });

/** A dataset that claims a shape far beyond what the file can hold. */
const resized = (...shape: number[]) =>
  edited((file) => {
    const rank = shape.length;
    file.create_dataset({
      name: 'huge',
      data: new Float32Array(4 ** rank),
      shape: Array<number>(rank).fill(4),
      dtype: '<f',
      maxshape: Array<null>(rank).fill(null),
      chunks: Array<number>(rank).fill(4),
    });
    (file.get('huge') as InstanceType<typeof h5wasm.Dataset>).resize(shape);
  });

const NESTED_GROUPS = 60;

export const HOSTILE_H5: readonly HostileFile[] = [
  ...[9, 100, 2048, 9000, 20_000].map((length) =>
    h5.refused(`cut-after-${length}`, CORRUPT, 'HDF5', () => fixture('keras/dense.h5').subarray(0, length)),
  ),
  h5.refused(
    'external-link',
    CORRUPT,
    '/leak',
    edited((file, { pipe }) => file.create_external_link(pipe, '/x', 'leak')),
  ),
  h5.refused(
    'external-link-relative',
    CORRUPT,
    '/leak',
    edited((file, { path }) => file.create_external_link(climbing(path), '/', 'leak')),
  ),
  h5.refused(
    'external-link-as-weights',
    CORRUPT,
    '/model_weights',
    edited((file, { path }) => {
      (file.get('model_weights') as InstanceType<typeof h5wasm.Group>).create_external_link(
        path,
        '/',
        'stolen',
      );
    }),
  ),
  h5.refused(
    'soft-link',
    CORRUPT,
    '/alias',
    edited((file) => file.create_soft_link('/model_weights', 'alias')),
  ),
  h5.refused(
    'soft-link-to-itself',
    CORRUPT,
    '/loop',
    edited((file) => file.create_soft_link('/loop', 'loop')),
  ),
  h5.refused(
    'circle-of-hard-links',
    LIMIT,
    '/loop',
    edited((file) => {
      file.create_group('loop').create_hard_link('/loop', 'again');
    }),
  ),
  h5.refused(
    'two-circles-of-hard-links',
    LIMIT,
    '/',
    edited((file) => {
      // Each level has two ways down: 2^24 paths to a reader that does not count.
      const loop = file.create_group('loop');
      loop.create_hard_link('/loop', 'one');
      loop.create_hard_link('/loop', 'two');
    }),
  ),
  h5.refused(
    'groups-nested-60-deep',
    LIMIT,
    '/d',
    edited((file) => {
      let at = file.create_group('d');
      for (let i = 0; i < NESTED_GROUPS; i++) at = at.create_group('d');
    }),
  ),
  h5.refused('external-storage', [CORRUPT, 'UNSUPPORTED_FORMAT'], '', ({ path }) =>
    hdf5Of([{ name: 'leak', dims: [10n], storage: { kind: 'external', file: path } }]),
  ),
  h5.refused('external-storage-of-a-pipe', [CORRUPT, 'UNSUPPORTED_FORMAT'], '', ({ pipe }) =>
    hdf5Of([{ name: 'leak', dims: [2n], storage: { kind: 'external', file: pipe } }]),
  ),
  h5.refused('virtual-dataset', CORRUPT, '', ({ path }) =>
    hdf5Of([{ name: 'leak', dims: [10n], storage: { kind: 'virtual', file: path } }]),
  ),
  h5.refused('dataspace-of-2-to-the-63', [LIMIT, CORRUPT], 'huge', () =>
    hdf5Of([{ name: 'huge', dims: [2n ** 63n], storage: { kind: 'contiguous', address: 96n, bytes: 8n } }]),
  ),
  h5.refused('dataspace-that-overflows', [LIMIT, CORRUPT], 'huge', () =>
    hdf5Of([
      { name: 'huge', dims: [2n ** 32n, 2n ** 32n, 4n], storage: { kind: 'chunked', chunk: [1, 1, 1] } },
    ]),
  ),
  h5.refused('data-beyond-the-end', CORRUPT, '', () =>
    hdf5Of([{ name: 'gone', dims: [4n], storage: { kind: 'contiguous', address: 2n ** 40n, bytes: 16n } }]),
  ),
  h5.refused('chunk-of-16-gb', [LIMIT, CORRUPT], 'huge', () =>
    hdf5Of([{ name: 'huge', dims: [4n], storage: { kind: 'chunked', chunk: [2 ** 32 - 1] } }]),
  ),
  h5.refused('chunked-terabyte-of-nothing', LIMIT, 'huge', () =>
    hdf5Of([{ name: 'huge', dims: [2n ** 38n], storage: { kind: 'chunked', chunk: [1024] } }]),
  ),
  h5.refused('filter-from-a-plugin', ['UNSUPPORTED_TENSOR', CORRUPT], 'odd', () =>
    hdf5Of([{ name: 'odd', dims: [4n], storage: { kind: 'chunked', chunk: [4] }, filters: [32_001] }]),
  ),
  h5.refused('shape-of-2-to-the-40', LIMIT, '/huge', resized(2 ** 40)),
  h5.refused('shape-whose-product-overflows', LIMIT, '/huge', resized(2 ** 31, 2 ** 31, 2 ** 31)),
  h5.refused(
    'compressed-chunk-bomb',
    LIMIT,
    'bytes of values',
    edited((file) => {
      file.create_dataset({
        name: 'bomb',
        data: new Float32Array(6 << 20),
        shape: [6 << 20],
        dtype: '<f',
        chunks: [1 << 20],
        compression: 9,
      });
    }),
  ),
  h5.refused('config-that-is-no-json', CORRUPT, 'model_config', withModelConfig('{"class_name": ')),
  h5.refused('config-of-50000-brackets', LIMIT, 'model_config', withModelConfig('['.repeat(50_000))),
  h5.refused('config-that-is-a-pickle', CORRUPT, 'model_config', withModelConfig('cos\nsystem\n(S"id"\ntR.')),
  h5.refused(
    'class-constructor',
    LAYER,
    'constructor',
    withConfig((config) => (config.class_name = 'constructor')),
  ),
  h5.refused(
    'keras-1',
    'UNSUPPORTED_FORMAT',
    '1.2.2',
    edited((file) => {
      file.delete_attribute('keras_version');
      file.create_attribute('keras_version', '1.2.2');
    }),
  ),
  h5.refused(
    'weights-alone',
    'UNSUPPORTED_FORMAT',
    'model_config',
    edited((file) => file.delete_attribute('model_config')),
  ),
  h5.refused(
    'marshalled-lambda',
    LAYER,
    'Lambda',
    withConfig((config) => {
      config.config.layers.push({
        class_name: 'Lambda',
        config: {
          name: 'lambda',
          function: ['4wEAAAAAAAAAAAAAAAQAAABTAAAA', null, null],
          function_type: 'lambda',
        },
      });
    }),
  ),
  h5.contained(
    'polyglot-with-a-zip-behind',
    'what follows the HDF5 file is never read, and only the canonical form is kept',
    () => Buffer.concat([fixture('keras/dense.h5'), zipOf([{ name: '../../x', data: Buffer.from('x') }])]),
  ),
];

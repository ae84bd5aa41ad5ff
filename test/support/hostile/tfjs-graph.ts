/** TensorFlow.js graph models: manifests that lie or lead elsewhere, graphs that read files or never end. */
import { graphZip, SMALL_GRAPH_WEIGHTS, type Config } from '../archives.js';
import { zipOf } from '../zip.js';
import { climbing, filesOf, type Bait, type HostileFile } from './types.js';

const graph = filesOf('TFJS_GRAPH', 'tfjs-graph');
const CORRUPT = 'CORRUPT_ARTIFACT';
const TENSOR = 'UNSUPPORTED_TENSOR';
const OP = 'UNSUPPORTED_OP';

const manifest = (edit: (group: Config, bait: Bait) => void) => (bait: Bait) =>
  graphZip((model) => edit(model.weightsManifest[0], bait));
const nodes = (edit: (nodes: Config[]) => void) => () => graphZip((model) => edit(model.modelTopology.node));
const shard = (path: (bait: Bait) => string) => manifest((group, bait) => (group.paths = [path(bait)]));
const float = { type: 'DT_FLOAT' };
const int = { type: 'DT_INT32' };

/** The product goes through an op of another kind, with an int32 constant beside it. */
const through =
  (op: string, constant: readonly number[], attr: Config = {}) =>
  () =>
    graphZip(
      (model) => {
        model.modelTopology.node.push(
          { name: 'size', op: 'Const', attr: { dtype: int } },
          {
            name: 'big',
            op,
            input: op === 'Fill' ? ['size', 'one'] : ['y', 'size'],
            attr: { T: float, ...attr },
          },
        );
        if (op === 'Fill') {
          model.modelTopology.node.splice(-1, 0, { name: 'one', op: 'Const', attr: { dtype: float } });
          model.weightsManifest[0].weights.push({ name: 'one', shape: [], dtype: 'float32' });
          model.modelTopology.node.push({
            name: 'sum',
            op: 'AddV2',
            input: ['big', 'b'],
            attr: { T: float },
          });
        }
        model.weightsManifest[0].weights.push({ name: 'size', shape: [constant.length], dtype: 'int32' });
      },
      Buffer.concat([
        SMALL_GRAPH_WEIGHTS,
        ...(op === 'Fill' ? [Buffer.from(Float32Array.of(1).buffer)] : []),
        Buffer.from(Int32Array.from(constant).buffer),
      ]),
    );

/** `while (v >= v)`, as two functions of the library. */
function endlessWhile(): Buffer {
  const arg = { name: 'v', type: 'DT_FLOAT' };
  const named = (name: string) => ({ func: { name } });
  const body = (name: string, op: string, type: string, input: string[]) => ({
    signature: { name, inputArg: [arg], outputArg: [{ name: 'out', type }] },
    nodeDef: [{ name: 'it', op, input, attr: { T: float } }],
    ret: { out: 'it' },
  });
  return graphZip(
    (model) => {
      const list = { list: { type: ['DT_FLOAT'] } };
      model.modelTopology.node.push(
        { name: 'one', op: 'Const', attr: { dtype: float } },
        {
          name: 'forever',
          op: 'StatelessWhile',
          input: ['one'],
          attr: { T: list, cond: named('always'), body: named('same') },
        },
        { name: 'sum', op: 'AddV2', input: ['y', 'forever'], attr: { T: float } },
      );
      model.weightsManifest[0].weights.push({ name: 'one', shape: [], dtype: 'float32' });
      model.modelTopology.library = {
        function: [
          body('always', 'GreaterEqual', 'DT_BOOL', ['v', 'v']),
          body('same', 'Identity', 'DT_FLOAT', ['v']),
        ],
      };
    },
    Buffer.concat([SMALL_GRAPH_WEIGHTS, Buffer.from(Float32Array.of(1).buffer)]),
  );
}

export const HOSTILE_TFJS_GRAPHS: readonly HostileFile[] = [
  graph.refused(
    'shard-climbs-out',
    CORRUPT,
    '..',
    shard(({ path }) => climbing(path)),
  ),
  graph.refused(
    'shard-absolute',
    CORRUPT,
    '/',
    shard(({ path }) => path),
  ),
  graph.refused(
    'shard-pipe',
    CORRUPT,
    '/',
    shard(({ pipe }) => pipe),
  ),
  graph.refused(
    'shard-file-url',
    CORRUPT,
    'file:',
    shard(({ path }) => `file://${path}`),
  ),
  graph.refused(
    'shard-http-url',
    CORRUPT,
    'http:',
    shard(({ url }) => url),
  ),
  graph.refused(
    'shard-climbs-in-the-middle',
    CORRUPT,
    'a/..',
    shard(({ path }) => `a/${climbing(path)}`),
  ),
  graph.refused(
    'shard-backslashes',
    CORRUPT,
    '..',
    shard(() => '..\\..\\secret'),
  ),
  graph.refused(
    'shard-percent-encoded',
    CORRUPT,
    '%2e',
    shard(({ path }) => `%2e%2e/%2e%2e${path}`),
  ),
  graph.refused(
    'shard-that-is-no-text',
    CORRUPT,
    '',
    manifest((group) => (group.paths = [{ toString: 'x' }])),
  ),
  graph.refused(
    'shard-missing',
    CORRUPT,
    'gone.bin',
    manifest((group) => group.paths.push('gone.bin')),
  ),
  graph.refused(
    'shard-twice',
    CORRUPT,
    'group1',
    manifest((group) => group.paths.push(group.paths[0])),
  ),
  graph.refused(
    'shards-100000',
    [CORRUPT, 'LIMIT_EXCEEDED'],
    '',
    manifest((group) => {
      group.paths = Array.from({ length: 100_000 }, (_, i) => `s${i}.bin`);
    }),
  ),
  graph.refused(
    'weights-200000',
    ['LIMIT_EXCEEDED', CORRUPT],
    '',
    manifest((group) => {
      group.weights = Array.from({ length: 200_000 }, (_, i) => ({
        name: `w${i}`,
        shape: [],
        dtype: 'float32',
      }));
    }),
  ),
  graph.refused(
    'shape-larger-than-the-bytes',
    CORRUPT,
    'w',
    manifest((group) => (group.weights[0].shape = [3, 200])),
  ),
  graph.refused(
    'shape-of-10-to-the-18',
    CORRUPT,
    'w',
    manifest((group) => (group.weights[0].shape = [1e9, 1e9])),
  ),
  graph.refused(
    'shape-negative',
    TENSOR,
    'w',
    manifest((group) => (group.weights[0].shape = [-3, -2])),
  ),
  graph.refused(
    'shape-of-1e308',
    TENSOR,
    'w',
    manifest((group) => (group.weights[0].shape = [1e308, 2])),
  ),
  graph.refused(
    'shape-of-text',
    TENSOR,
    'w',
    manifest((group) => (group.weights[0].shape = ['3', '2'])),
  ),
  graph.refused(
    'weight-twice',
    CORRUPT,
    'w',
    manifest((group) => (group.weights[1].name = 'w')),
  ),
  graph.refused(
    'weight-named-proto',
    CORRUPT,
    '__proto__',
    manifest((group) => (group.weights[1].name = '__proto__')),
  ),
  graph.refused(
    'weight-named-constructor',
    CORRUPT,
    'constructor',
    manifest((group) => (group.weights[1].name = 'constructor')),
  ),
  graph.refused(
    'dtype-unknown',
    TENSOR,
    'w',
    manifest((group) => (group.weights[0].dtype = 'float128')),
  ),
  graph.refused(
    'dtype-constructor',
    TENSOR,
    'w',
    manifest((group) => (group.weights[0].dtype = 'constructor')),
  ),
  graph.refused(
    'quantised-by-nan',
    [TENSOR, CORRUPT],
    'w',
    manifest((group) => {
      group.weights[0].quantization = { dtype: 'uint8', scale: null, min: 0 };
    }),
  ),
  graph.refused(
    'quantised-by-1e308',
    [TENSOR, CORRUPT],
    '',
    manifest((group) => {
      group.weights[0].quantization = { dtype: 'uint8', scale: 1e308, min: -1e308 };
    }),
  ),
  ...['ReadFile', 'WriteFile', 'MatchingFiles', 'WholeFileReaderV2', 'PyFunc', 'EagerPyFunc'].map((op) =>
    graph.refused(
      `op-${op.toLowerCase()}`,
      OP,
      'product',
      nodes((list) => (list[3].op = op)),
    ),
  ),
  ...['constructor', '__proto__', 'toString'].map((op) =>
    graph.refused(
      `op-named-${op.replaceAll('_', '').toLowerCase()}`,
      OP,
      'product',
      nodes((list) => (list[3].op = op)),
    ),
  ),
  graph.refused('op-in-function', OP, 'leak', () =>
    graphZip((model) => {
      model.modelTopology.library = {
        function: [{ signature: { name: 'f' }, nodeDef: [{ name: 'leak', op: 'WriteFile' }] }],
      };
    }),
  ),
  graph.refused('op-in-initializer', OP, 'leak', () =>
    graphZip((model) => {
      model.modelInitializer = { node: [{ name: 'leak', op: 'InitializeTableFromTextFileV2' }] };
    }),
  ),
  graph.refused(
    'node-from-nowhere',
    CORRUPT,
    'y',
    nodes((list) => (list[4].input = ['nowhere', 'b'])),
  ),
  graph.contained(
    'node-that-reads-itself',
    'nothing that is served needs it: the output is the node before',
    nodes((list) => (list[4].input = ['y', 'b'])),
  ),
  graph.refused(
    '150000-nodes',
    'LIMIT_EXCEEDED',
    '',
    nodes((list) => {
      for (let i = 0; i < 150_000; i++) list.push({ name: `n${i}`, op: 'NoOp' });
    }),
  ),
  graph.refused('model-json-of-500000-brackets', 'LIMIT_EXCEEDED', 'model.json', () =>
    zipOf([{ name: 'model.json', data: Buffer.from(`{"modelTopology":${'['.repeat(500_000)}`) }]),
  ),
  graph.refused('model-json-of-numbers-without-end', CORRUPT, 'model.json', () =>
    zipOf([
      {
        name: 'model.json',
        data: Buffer.from(`{"format":"graph-model","modelTopology":-${'9'.repeat(1_000_000)}`),
      },
    ]),
  ),
  graph.refused(
    'names-with-escapes',
    OP,
    '?[2J',
    nodes((list) => {
      list[3].name = 'product\x1b[2J\r\n{"level":60}\u202e';
      list[3].op = 'ReadFile';
      list[4].input[0] = list[3].name;
    }),
  ),
  graph.stopped(
    'tile-to-a-terabyte',
    ['TRIAL_FAILED', 'IMPORT_OUT_OF_MEMORY', 'IMPORT_CRASHED', 'IMPORT_TIMED_OUT'],
    '',
    through('Tile', [2 ** 20, 2 ** 18], { Tmultiples: int }),
  ),
  graph.stopped(
    'fill-of-a-terabyte',
    ['TRIAL_FAILED', 'IMPORT_OUT_OF_MEMORY', 'IMPORT_CRASHED', 'IMPORT_TIMED_OUT'],
    '',
    through('Fill', [2 ** 20, 2 ** 18], { index_type: int }),
  ),
  graph.stopped(
    'while-true',
    ['IMPORT_TIMED_OUT', 'TRIAL_FAILED', 'IMPORT_OUT_OF_MEMORY', OP],
    '',
    endlessWhile,
  ),
];

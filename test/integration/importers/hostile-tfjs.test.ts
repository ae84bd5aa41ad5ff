/** TFJS models whose manifest lies, whose shards lead elsewhere, or whose graph holds forbidden ops. */
import { describe } from 'vitest';
import { graphZip, humanZip, SMALL_GRAPH_WEIGHTS, type Config } from '../../support/archives.js';
import { refusesEach, type HostileCase } from '../../support/hostile.js';

const manifest = (edit: (group: Config) => void) => () =>
  graphZip((model) => {
    edit(model.weightsManifest[0]);
  });
const node = (edit: (nodes: Config[]) => void) => () =>
  graphZip((model) => {
    edit(model.modelTopology.node);
  });

const TFJS: readonly HostileCase[] = [
  [
    'a shard path that climbs out',
    manifest((group) => {
      group.paths = ['../../etc/passwd'];
    }),
    'CORRUPT_ARTIFACT',
    '../../etc/passwd',
  ],
  [
    'a shard at a URL',
    manifest((group) => {
      group.paths = ['http://127.0.0.1/x.bin'];
    }),
    'CORRUPT_ARTIFACT',
    'http://127.0.0.1/x.bin',
  ],
  [
    'a shard that is missing',
    manifest((group) => {
      group.paths.push('gone.bin');
    }),
    'CORRUPT_ARTIFACT',
    'gone.bin',
  ],
  [
    'a shard listed twice',
    manifest((group) => {
      group.paths.push(group.paths[0]);
    }),
    'CORRUPT_ARTIFACT',
    'group1',
  ],
  [
    'a shape larger than the bytes',
    manifest((group) => {
      group.weights[0].shape = [3, 200];
    }),
    'CORRUPT_ARTIFACT',
    'w',
  ],
  [
    'a shape smaller than the bytes',
    manifest((group) => {
      group.weights[1].shape = [1];
    }),
    'CORRUPT_ARTIFACT',
    'group1',
  ],
  [
    'a shape of 10^18 elements',
    manifest((group) => {
      group.weights[0].shape = [1e9, 1e9];
    }),
    'CORRUPT_ARTIFACT',
    'w',
  ],
  [
    'a negative dimension',
    manifest((group) => {
      group.weights[0].shape = [-3, -2];
    }),
    'UNSUPPORTED_TENSOR',
    'w',
  ],
  [
    'a dimension of 1e308',
    manifest((group) => {
      group.weights[0].shape = [1e308, 2];
    }),
    'UNSUPPORTED_TENSOR',
    'w',
  ],
  [
    'two weights of one name',
    manifest((group) => {
      group.weights[1].name = 'w';
    }),
    'CORRUPT_ARTIFACT',
    'w',
  ],
  [
    'a weight named __proto__',
    manifest((group) => {
      group.weights[1].name = '__proto__';
    }),
    'CORRUPT_ARTIFACT',
    '__proto__',
  ],
  [
    'an unknown dtype',
    manifest((group) => {
      group.weights[0].dtype = 'float128';
    }),
    'UNSUPPORTED_TENSOR',
    'w',
  ],
  [
    'a quantisation without a scale',
    manifest((group) => {
      group.weights[0].quantization = { dtype: 'uint8', scale: null, min: 0 };
    }),
    'UNSUPPORTED_TENSOR',
    'w',
  ],
  ['short shards', () => graphZip(undefined, SMALL_GRAPH_WEIGHTS.subarray(0, 20)), 'CORRUPT_ARTIFACT', 'w'],
  [
    'shards too long',
    () => graphZip(undefined, Buffer.concat([SMALL_GRAPH_WEIGHTS, Buffer.alloc(8)])),
    'CORRUPT_ARTIFACT',
    'group1',
  ],
  [
    'an op that reads files',
    node((nodes) => {
      nodes[3].op = 'ReadFile';
    }),
    'UNSUPPORTED_OP',
    'product',
  ],
  [
    'an op that runs Python',
    node((nodes) => {
      nodes[3].op = 'PyFunc';
    }),
    'UNSUPPORTED_OP',
    'product',
  ],
  [
    'the op constructor',
    node((nodes) => {
      nodes[3].op = 'constructor';
    }),
    'UNSUPPORTED_OP',
    'product',
  ],
  [
    'a forbidden op inside a function',
    () =>
      graphZip((model) => {
        model.modelTopology.library = {
          function: [{ signature: { name: 'f' }, nodeDef: [{ name: 'leak', op: 'WriteFile' }] }],
        };
      }),
    'UNSUPPORTED_OP',
    'leak',
  ],
  [
    'a forbidden op in the initializer',
    () =>
      graphZip((model) => {
        model.modelInitializer = { node: [{ name: 'leak', op: 'InitializeTableFromTextFileV2' }] };
      }),
    'UNSUPPORTED_OP',
    'leak',
  ],
  [
    'a node that reads nothing',
    node((nodes) => {
      nodes[4].input = ['nowhere', 'b'];
    }),
    'CORRUPT_ARTIFACT',
    'y',
  ],
  [
    'a constant without a value',
    node((nodes) => {
      nodes.push({ name: 'c', op: 'Const' });
    }),
    'CORRUPT_ARTIFACT',
    'c',
  ],
  [
    'an input of unknown rank',
    node((nodes) => {
      nodes[0].attr.shape.shape = { unknownRank: true };
    }),
    'UNSUPPORTED_TENSOR',
    'x',
  ],
  [
    'an unknown op in a public model',
    () =>
      humanZip('liveness', (model) => {
        model.modelTopology.node.at(-1).op = 'EagerPyFunc';
      }),
    'UNSUPPORTED_OP',
    'Identity',
  ],
];

describe('TFJS models', () => {
  refusesEach(TFJS);
});

/** SavedModels with ops that would read, write or call out, wherever an op can stand. */
import { type AttrEntry, type NodeProto } from '../../../src/importers/tensorflow-proto.js';
import { edited, innermost, nodeOf, shape, smallSavedModel, typeAttr, zipOfFiles } from '../saved-models.js';
import { climbing, filesOf, type Bait, type HostileFile } from './types.js';

const { refused, contained } = filesOf('SAVED_MODEL', 'saved-model');
const OP = 'UNSUPPORTED_OP';
const CORRUPT = 'CORRUPT_ARTIFACT';
const FLOAT = 1;
const STRING = 7;

const shapeAttr = (...sizes: number[]): AttrEntry => ({ key: 'shape', value: { shape: shape(...sizes) } });

function text(name: string, value: string): NodeProto {
  const tensor = {
    dtype: STRING,
    tensorShape: shape(),
    tensorContent: new Uint8Array(),
    stringVal: [Buffer.from(value)],
  };
  return nodeOf(name, 'Const', [], [typeAttr('dtype', STRING), { key: 'value', value: { tensor } }]);
}

/** `x` goes in, the last node comes out; what stands between is the attack. */
function through(nodes: readonly NodeProto[], output = 'y:0', dtype = FLOAT): Buffer {
  return zipOfFiles(
    smallSavedModel(
      [nodeOf('x', 'Placeholder', [], [typeAttr('dtype', FLOAT), shapeAttr(-1, 2)]), ...nodes],
      [{ key: 'x', name: 'x:0', dtype: FLOAT, shape: [-1, 2] }],
      [{ key: 'y', name: output, dtype, shape: [-1, 2] }],
    ),
  );
}

/** An op that takes the path of the bait as its first input, and comes out. */
const reads = (op: string, take: (bait: Bait) => string) => (bait: Bait) =>
  through([text('path', take(bait)), nodeOf('y', op, ['path'])], 'y:0', STRING);

const FILE_OPS = [
  'ReadFile',
  'MatchingFiles',
  'WholeFileReaderV2',
  'TFRecordReaderV2',
  'TextLineReaderV2',
  'FixedLengthRecordReaderV2',
];
const OTHER_OPS = [
  'InitializeTableFromTextFileV2',
  'PyFunc',
  'EagerPyFunc',
  'PyFuncStateless',
  'SaveV2',
  'RestoreV2',
  'Restore',
  'ShardedFilename',
  'MergeV2Checkpoints',
  'PrintV2',
  'DebugIdentityV2',
  'RemoteCall',
  'CollectiveReduceV2',
  'XlaHostCompute',
  'WriteSummary',
  'TensorDataset',
  '_Send',
  'constructor',
];

export const HOSTILE_OPS: readonly HostileFile[] = [
  ...FILE_OPS.map((op) =>
    refused(
      `op-${op.toLowerCase()}`,
      OP,
      'y',
      reads(op, ({ path }) => path),
    ),
  ),
  refused(
    'op-readfile-of-a-pipe',
    OP,
    'y',
    reads('ReadFile', ({ pipe }) => pipe),
  ),
  refused(
    'op-readfile-of-a-url',
    OP,
    'y',
    reads('ReadFile', ({ url }) => url),
  ),
  refused(
    'op-readfile-climbing',
    OP,
    'y',
    reads('ReadFile', ({ path }) => climbing(path)),
  ),
  refused('op-writefile', OP, 'y', ({ path }) =>
    through([text('path', path), text('what', 'owned'), nodeOf('y', 'WriteFile', ['path', 'what'])]),
  ),
  ...OTHER_OPS.map((op) =>
    refused(
      `op-${op.toLowerCase().replaceAll('_', '')}`,
      OP,
      'evil',
      edited((graph) => innermost(graph).nodeDef.push(nodeOf('evil', op))),
    ),
  ),
  refused(
    'op-unused-in-main-graph',
    OP,
    'evil',
    edited(({ nodes }) => nodes.push(nodeOf('evil', 'ReadFile'))),
  ),
  refused(
    'op-in-a-function-nobody-calls',
    OP,
    'stolen',
    edited(({ functions }) => functions.push(stealing('unused'))),
  ),
  refused(
    'op-behind-an-attribute',
    OP,
    'stolen',
    edited((graph) => {
      graph.functions.push(stealing('hidden'));
      innermost(graph).nodeDef[0]?.attr.push({ key: 'later', value: { func: { name: 'hidden', attr: [] } } });
    }),
  ),
  refused(
    'op-in-a-gradient',
    [OP, CORRUPT],
    'stolen',
    edited((graph) => {
      graph.functions.push(stealing('gradient_of_dense'));
      innermost(graph).nodeDef[0]?.attr.push({
        key: '_gradient_op_type',
        value: { s: Buffer.from('gradient_of_dense') },
      });
    }),
  ),
  refused(
    'function-with-the-name-of-an-op',
    CORRUPT,
    'MatMul',
    edited(({ functions }) => functions.push(stealing('MatMul'))),
  ),
  refused(
    'restore-reads-another-file',
    OP,
    'evil',
    edited((graph) => {
      graph.functions
        .find(({ signature }) => signature?.name.includes('restore'))
        ?.nodeDef.push(nodeOf('evil', 'ReadFile'));
    }),
  ),
  refused(
    'saver-served-as-a-signature',
    [OP, CORRUPT, 'UNSUPPORTED_TENSOR'],
    '',
    edited(({ meta }) => {
      const { outputs } = meta.signatureDef.find(
        ({ key }: { key: string }) => key === 'serving_default',
      ).value;
      outputs[0].value.name = meta.saverDef.saveTensorName;
      outputs[0].value.dtype = STRING;
    }),
  ),
  contained(
    'device-of-another-machine',
    'devices are not kept: the graph is written anew without them',
    edited((graph) => {
      for (const node of innermost(graph).nodeDef) node.device = '/job:worker/replica:0/task:1/device:GPU:0';
    }),
  ),
];

function stealing(name: string) {
  return {
    signature: { name, inputArg: [{ name: 'path' }], outputArg: [] },
    nodeDef: [nodeOf('stolen', 'ReadFile', ['path'])],
    attr: [],
  };
}

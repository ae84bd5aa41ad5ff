/** SavedModels that never end, are far larger than they are, or do not hold together. */
import {
  decodeProto,
  encodeProto,
  type AttrEntry,
  type NodeProto,
} from '../../../src/importers/tensorflow-proto.js';
import {
  edited,
  innermost,
  nodeOf,
  served,
  shape,
  smallSavedModel,
  typeAttr,
  withFiles,
  zipOfFiles,
  tarOfFiles,
  savedModelFiles,
  DENSE,
  type Files,
} from '../saved-models.js';
import { zipOf } from '../zip.js';
import { filesOf, type HostileFile } from './types.js';

const { refused, stopped, contained } = filesOf('SAVED_MODEL', 'saved-model');
const OP = 'UNSUPPORTED_OP';
const CORRUPT = 'CORRUPT_ARTIFACT';
const LIMIT = 'LIMIT_EXCEEDED';
const FLOAT = 1;
const INT32 = 3;
const INT64 = 9;
/** However an engine dies of too much: by its own limit, by ours, or by the clock. */
const TOO_MUCH = [
  'TRIAL_FAILED',
  'IMPORT_OUT_OF_MEMORY',
  'IMPORT_CRASHED',
  'IMPORT_TIMED_OUT',
  LIMIT,
] as const;

const shapeAttr = (...sizes: number[]): AttrEntry => ({ key: 'shape', value: { shape: shape(...sizes) } });

function constant(name: string, dtype: number, sizes: readonly number[], content: Uint8Array) {
  const tensor = { dtype, tensorShape: shape(...sizes), tensorContent: content, stringVal: [] };
  return nodeOf(name, 'Const', [], [typeAttr('dtype', dtype), { key: 'value', value: { tensor } }]);
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

const ints = (...values: number[]): Uint8Array => new Uint8Array(Int32Array.from(values).buffer);
const one = constant('one', FLOAT, [], new Uint8Array(Float32Array.of(1).buffer));
const T = typeAttr('T', FLOAT);

/** A chain of functions in which each calls the one before `times` times. */
const chain = (length: number, times: number) =>
  edited(({ functions }) => {
    for (let i = 0; i < length; i++) {
      functions.push({
        signature: { name: `f${i}`, inputArg: [] },
        nodeDef:
          i === 0
            ? [nodeOf('x', 'NoOp')]
            : Array.from({ length: times }, (_, j) => nodeOf(`call${j}`, `f${i - 1}`)),
        attr: [],
      });
    }
  });

/** `while (true)`: the condition is always so, the body hands on what it got. */
const endless = (): Buffer => {
  const arg = (name: string, type: number) => ({ name, type });
  const files = smallSavedModel(
    [
      nodeOf('x', 'Placeholder', [], [typeAttr('dtype', FLOAT), shapeAttr(-1, 2)]),
      nodeOf('y', 'StatelessWhile', ['x'], [
        { key: 'T', value: { list: { type: [FLOAT] } } },
        { key: 'cond', value: { func: { name: 'yes', attr: [] } } },
        { key: 'body', value: { func: { name: 'same', attr: [] } } },
        { key: 'output_shapes', value: { list: { shape: [shape(-1, 2)] } } },
      ] as AttrEntry[]),
    ],
    [{ key: 'x', name: 'x:0', dtype: FLOAT, shape: [-1, 2] }],
    [{ key: 'y', name: 'y:0', dtype: FLOAT, shape: [-1, 2] }],
  );
  const functions = [
    {
      signature: { name: 'yes', inputArg: [arg('v', FLOAT)], outputArg: [arg('out', 10)] },
      nodeDef: [
        nodeOf('true', 'Const', [], [
          typeAttr('dtype', 10),
          {
            key: 'value',
            value: {
              tensor: { dtype: 10, tensorShape: shape(), tensorContent: Uint8Array.of(1), stringVal: [] },
            },
          },
        ] as AttrEntry[]),
      ],
      ret: [{ key: 'out', value: 'true:output:0' }],
      attr: [],
    },
    {
      signature: { name: 'same', inputArg: [arg('v', FLOAT)], outputArg: [arg('out', FLOAT)] },
      nodeDef: [nodeOf('id', 'Identity', ['v'], [T])],
      ret: [{ key: 'out', value: 'id:output:0' }],
      attr: [],
    },
  ];
  return zipOfFiles(withFunctions(files, functions));
};

/** `smallSavedModel` writes no functions. */
function withFunctions(files: Files, functions: readonly object[]): Files {
  const bytes = files.get('saved_model.pb') ?? Buffer.alloc(0);
  // A message's own type would be protobufjs's, without fields.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  const message = decodeProto('SavedModel', bytes, 'saved_model.pb') as any;
  message.metaGraphs[0].graphDef.library = { function: functions };
  return new Map([['saved_model.pb', Buffer.from(encodeProto('SavedModel', message))]]);
}

const BOMBS: readonly HostileFile[] = [
  refused(
    'function-that-calls-itself',
    OP,
    '__inference___call__',
    edited((graph) => {
      const inner = innermost(graph);
      inner.nodeDef.push(nodeOf('again', inner.signature?.name ?? ''));
    }),
  ),
  refused('calls-that-double-60-times', LIMIT, 'grows beyond', chain(60, 2)),
  refused('calls-500-deep', LIMIT, 'f', chain(500, 1)),
  refused(
    '120000-nodes',
    LIMIT,
    'nodes',
    edited(({ nodes }) => {
      for (let i = 0; i < 120_000; i++) nodes.push(nodeOf(`n${i}`, 'NoOp'));
    }),
  ),
  refused(
    'constant-of-a-terabyte',
    LIMIT,
    'huge',
    edited((graph) =>
      innermost(graph).nodeDef.push(constant('huge', FLOAT, [2 ** 20, 2 ** 18], new Uint8Array())),
    ),
  ),
  refused(
    'constant-whose-size-overflows',
    LIMIT,
    'huge',
    edited((graph) =>
      innermost(graph).nodeDef.push(
        constant('huge', FLOAT, Array<number>(40).fill(2 ** 40), new Uint8Array()),
      ),
    ),
  ),
  refused(
    'constant-of-negative-size',
    [LIMIT, CORRUPT, 'UNSUPPORTED_TENSOR'],
    'huge',
    edited((graph) => innermost(graph).nodeDef.push(constant('huge', FLOAT, [-7, -9], new Uint8Array()))),
  ),
  refused(
    'constant-handle',
    'UNSUPPORTED_TENSOR',
    'handle',
    edited((graph) => innermost(graph).nodeDef.push(constant('handle', 20, [], new Uint8Array()))),
  ),
  refused(
    'input-of-a-terabyte',
    LIMIT,
    'keras_tensor',
    edited(({ meta }) => {
      meta.signatureDef.find(
        ({ key }: { key: string }) => key === 'serving_default',
      ).value.inputs[0].value.tensorShape = shape(-1, 2 ** 38);
    }),
  ),
  stopped('fill-of-a-terabyte', TOO_MUCH, '', () =>
    through([
      one,
      constant('size', INT32, [2], ints(2 ** 20, 2 ** 18)),
      nodeOf('big', 'Fill', ['size', 'one'], [T, typeAttr('index_type', INT32)]),
      constant('axes', INT32, [2], ints(0, 1)),
      nodeOf('sum', 'Sum', ['big', 'axes'], [T, typeAttr('Tidx', INT32)]),
      nodeOf('y', 'AddV2', ['x', 'sum'], [T]),
    ]),
  ),
  stopped('range-of-10-to-the-10', TOO_MUCH, '', () =>
    through([
      constant('from', INT64, [], new Uint8Array(BigInt64Array.of(0n).buffer)),
      constant('to', INT64, [], new Uint8Array(BigInt64Array.of(10n ** 10n).buffer)),
      constant('step', INT64, [], new Uint8Array(BigInt64Array.of(1n).buffer)),
      nodeOf('range', 'Range', ['from', 'to', 'step'], [typeAttr('Tidx', INT64)]),
      nodeOf('float', 'Cast', ['range'], [typeAttr('SrcT', INT64), typeAttr('DstT', FLOAT)]),
      constant('axis', INT32, [], ints(0)),
      nodeOf('sum', 'Sum', ['float', 'axis'], [T, typeAttr('Tidx', INT32)]),
      nodeOf('y', 'AddV2', ['x', 'sum'], [T]),
    ]),
  ),
  stopped('tile-of-tiles', TOO_MUCH, '', () =>
    through([
      constant('size', INT32, [2], ints(2 ** 15, 2 ** 15)),
      nodeOf('t1', 'Tile', ['x', 'size'], [T, typeAttr('Tmultiples', INT32)]),
      nodeOf('t2', 'Tile', ['t1', 'size'], [T, typeAttr('Tmultiples', INT32)]),
      constant('axes', INT32, [2], ints(0, 1)),
      nodeOf('sum', 'Sum', ['t2', 'axes'], [T, typeAttr('Tidx', INT32)]),
      nodeOf('y', 'AddV2', ['x', 'sum'], [T]),
    ]),
  ),
  stopped('while-true', ['IMPORT_TIMED_OUT', 'TRIAL_FAILED'], '', endless),
];

const index = 'variables/variables.index';
const data = 'variables/variables.data-00000-of-00001';
const graphBytes = (): Buffer => savedModelFiles(DENSE).get('saved_model.pb') ?? Buffer.alloc(0);

const FILES: readonly HostileFile[] = [
  refused(
    'graph-cut-short',
    CORRUPT,
    'saved_model.pb',
    withFiles((files) => files.set('saved_model.pb', graphBytes().subarray(0, 4000))),
  ),
  refused(
    'graph-of-text',
    CORRUPT,
    'saved_model.pb',
    withFiles((files) => files.set('saved_model.pb', Buffer.from('no graph'))),
  ),
  refused(
    'graph-with-a-length-of-2-gb',
    CORRUPT,
    'saved_model.pb',
    withFiles((files) => files.set('saved_model.pb', Buffer.from([0x12, 0xff, 0xff, 0xff, 0xff, 0x07]))),
  ),
  refused(
    'graph-of-groups',
    CORRUPT,
    'saved_model.pb',
    withFiles((files) =>
      files.set('saved_model.pb', Buffer.concat([graphBytes(), Buffer.alloc(100_000, 0x0b)])),
    ),
  ),
  refused(
    'graph-with-an-endless-varint',
    CORRUPT,
    'saved_model.pb',
    withFiles((files) =>
      files.set('saved_model.pb', Buffer.concat([Buffer.from([0x08]), Buffer.alloc(1000, 0xff)])),
    ),
  ),
  refused(
    'two-nodes-of-one-name',
    CORRUPT,
    'NoOp',
    edited(({ nodes }) => nodes.push(nodeOf('NoOp', 'NoOp'))),
  ),
  refused(
    'name-with-escapes',
    [OP, CORRUPT],
    'evil?[2J',
    edited((graph) => innermost(graph).nodeDef.push(nodeOf('evil\x1b[2J\n\u202e', 'ReadFile'))),
  ),
  refused(
    'call-of-nothing',
    OP,
    'lost',
    edited((graph) => served(graph).nodeDef.push(nodeOf('lost', 'gone'))),
  ),
  refused(
    'no-index',
    CORRUPT,
    index,
    withFiles((files) => files.delete(index)),
  ),
  refused(
    'no-data',
    CORRUPT,
    data,
    withFiles((files) => files.delete(data)),
  ),
  refused(
    'index-cut-short',
    CORRUPT,
    index,
    withFiles((files) => files.set(index, (files.get(index) ?? Buffer.alloc(0)).subarray(0, 60))),
  ),
  refused(
    'data-cut-short',
    CORRUPT,
    '',
    withFiles((files) => files.set(data, Buffer.alloc(10))),
  ),
  refused('variables-through-a-link', CORRUPT, 'variables', (bait) => {
    const entries = [...savedModelFiles(DENSE)].map(([name, bytes]) =>
      name === data
        ? { name: `m/${name}`, data: Buffer.from(bait.path), mode: 0o120777 }
        : { name: `m/${name}`, data: bytes },
    );
    return zipOf(entries);
  }),
  contained(
    'asset-with-the-bait-as-its-name',
    'files that the graph does not use are not kept, and names in an archive are no paths',
    async () => tarOfFiles(new Map([...savedModelFiles(DENSE), ['assets.extra/passwd', Buffer.from('x')]])),
  ),
];

export const HOSTILE_SAVED_MODELS: readonly HostileFile[] = [...BOMBS, ...FILES];

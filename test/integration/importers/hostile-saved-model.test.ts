/** SavedModels that would read files, write them, or never end. */
import { describe, expect } from 'vitest';
import { refusesEach, type HostileCase } from '../../support/hostile.js';
import { edited, innermost, nodeOf, served, shape, typeAttr } from '../../support/saved-models.js';

/** A function that reads a file, called or not. */
const readsFile = (name: string) => ({
  signature: { name, inputArg: [{ name: 'path' }], outputArg: [] },
  nodeDef: [nodeOf('stolen', 'ReadFile', ['path'])],
  attr: [],
});
const constant = (name: string, dtype: number, ...sizes: number[]) =>
  nodeOf(
    name,
    'Const',
    [],
    [
      typeAttr('dtype', dtype),
      {
        key: 'value',
        value: {
          tensor: { dtype, tensorShape: shape(...sizes), tensorContent: new Uint8Array(), stringVal: [] },
        },
      },
    ],
  );

const OPS = [
  'ReadFile',
  'WriteFile',
  'MatchingFiles',
  'WholeFileReaderV2',
  'ReaderReadV2',
  'TFRecordReaderV2',
  'InitializeTableFromTextFileV2',
  'ImmutableConst',
  'DecodeProtoV2',
  'PyFunc',
  'EagerPyFunc',
  'PyFuncStateless',
  'SaveV2',
  'RestoreV2',
  'ShardedFilename',
  'MergeV2Checkpoints',
  'PrintV2',
  'DebugIdentityV2',
  'RemoteCall',
  'CollectiveReduceV2',
  'XlaHostCompute',
  'XlaCallModule',
  'WriteSummary',
  'TensorDataset',
  'IteratorGetNext',
  'Timestamp',
  'NoSuchOp',
  'constructor',
];

describe('an op outside the allow-list', () => {
  refusesEach(
    OPS.flatMap((op): HostileCase[] => [
      [
        `${op} in the main graph, unused`,
        edited(({ nodes }) => nodes.push(nodeOf(`evil_${op}`, op))),
        'UNSUPPORTED_OP',
        `evil_${op}`,
      ],
      [
        `${op} in the function that is served`,
        edited((graph) => innermost(graph).nodeDef.push(nodeOf(`evil_${op}`, op))),
        'UNSUPPORTED_OP',
        `evil_${op}`,
      ],
    ]),
  );

  refusesEach([
    [
      'in a function that nothing calls',
      edited(({ functions }) => functions.push(readsFile('unused'))),
      'UNSUPPORTED_OP',
      'stolen',
    ],
    [
      'in a function that only an attribute names',
      edited((graph) => {
        graph.functions.push(readsFile('hidden'));
        innermost(graph).nodeDef[0]?.attr.push({
          key: 'later',
          value: { func: { name: 'hidden', attr: [] } },
        });
      }),
      'UNSUPPORTED_OP',
      'stolen',
    ],
    [
      'in a function that is called by its name as an op',
      edited((graph) => {
        graph.functions.push(readsFile('direct'));
        served(graph).nodeDef.push(nodeOf('call', 'direct'));
      }),
      'UNSUPPORTED_OP',
      'stolen',
    ],
    [
      'in the restore of the variables',
      edited((graph) => {
        graph.functions
          .find(({ signature }) => signature?.name.includes('restore'))
          ?.nodeDef.push(nodeOf('evil', 'ReadFile'));
      }),
      'UNSUPPORTED_OP',
      'evil',
    ],
    [
      'the saver itself, reached by the signature',
      edited(({ nodes, meta }) => {
        const output = meta.signatureDef.find(({ key }: { key: string }) => key === 'serving_default').value
          .outputs[0].value;
        output.name = `${nodeOfTensor(meta.saverDef.saveTensorName)}:0`;
        output.dtype = 7;
        expect(nodes.length).toBeGreaterThan(0);
      }),
      'UNSUPPORTED_OP',
      'DisableCopyOnRead',
    ],
    [
      'a variable that changes while it is served',
      edited((graph) => innermost(graph).nodeDef.push(nodeOf('count', 'AssignAddVariableOp'))),
      'UNSUPPORTED_OP',
      'count',
    ],
    [
      'a table that remembers what callers send',
      edited((graph) => innermost(graph).nodeDef.push(nodeOf('learn', 'LookupTableInsertV2'))),
      'UNSUPPORTED_OP',
      'learn',
    ],
    [
      'a function that takes the name of an op',
      edited(({ functions }) => functions.push(readsFile('MatMul'))),
      'CORRUPT_ARTIFACT',
      'MatMul',
    ],
  ] satisfies readonly HostileCase[]);
});

function nodeOfTensor(name: string): string {
  return name.split(':')[0] ?? '';
}

describe('a graph that never ends or never fits', () => {
  refusesEach([
    [
      'a function that calls itself',
      edited((graph) => {
        const inner = innermost(graph);
        inner.nodeDef.push(nodeOf('again', inner.signature?.name ?? ''));
      }),
      'UNSUPPORTED_OP',
      '__inference___call__',
    ],
    [
      'calls that double forty times',
      edited(({ functions }) => {
        for (let i = 0; i < 40; i++) {
          functions.push({
            signature: { name: `f${i}`, inputArg: [] },
            nodeDef: i === 0 ? [nodeOf('x', 'NoOp')] : [nodeOf('a', `f${i - 1}`), nodeOf('b', `f${i - 1}`)],
            attr: [],
          });
        }
      }),
      'LIMIT_EXCEEDED',
      'grows beyond',
    ],
    [
      'calls a hundred deep',
      edited(({ functions }) => {
        for (let i = 99; i >= 0; i--) {
          functions.push({
            signature: { name: `f${i}`, inputArg: [] },
            nodeDef: [i === 0 ? nodeOf('x', 'NoOp') : nodeOf('a', `f${i - 1}`)],
            attr: [],
          });
        }
      }),
      'LIMIT_EXCEEDED',
      'f',
    ],
    [
      'a constant of a terabyte in one value',
      edited((graph) => innermost(graph).nodeDef.push(constant('huge', 1, 2 ** 20, 2 ** 18))),
      'LIMIT_EXCEEDED',
      'huge',
    ],
    [
      'a constant whose size overflows',
      edited((graph) =>
        innermost(graph).nodeDef.push(constant('huge', 1, ...Array<number>(40).fill(2 ** 40))),
      ),
      'LIMIT_EXCEEDED',
      'huge',
    ],
    [
      'a constant that is a resource handle',
      edited((graph) => innermost(graph).nodeDef.push(constant('handle', 20))),
      'UNSUPPORTED_TENSOR',
      'handle',
    ],
    [
      'an input of a terabyte',
      edited(({ meta }) => {
        meta.signatureDef.find(
          ({ key }: { key: string }) => key === 'serving_default',
        ).value.inputs[0].value.tensorShape = shape(-1, 2 ** 38);
      }),
      'LIMIT_EXCEEDED',
      'keras_tensor',
    ],
    [
      'a hundred thousand nodes and more',
      edited(({ nodes }) => {
        for (let i = 0; i < 100_001; i++) nodes.push(nodeOf(`n${i}`, 'NoOp'));
      }),
      'LIMIT_EXCEEDED',
      'nodes',
    ],
  ] satisfies readonly HostileCase[]);
});

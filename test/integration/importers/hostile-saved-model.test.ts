/** SavedModels that would read files, write them, never end, or lie about their sizes. */
import { describe, expect, it } from 'vitest';
import { readInProcess, refusesEach, type HostileCase } from '../../support/hostile.js';
import {
  editedSavedModel,
  nodeOf,
  savedModelFiles,
  tarOfFiles,
  typeAttr,
  zipOfFiles,
  type EditableGraph,
  type Files,
} from '../../support/saved-models.js';
import { tarOf } from '../../support/archives.js';
import { zipOf } from '../../support/zip.js';

const DENSE = 'saved-model/dense';
const edited = (edit: (graph: EditableGraph) => void) => () => zipOfFiles(editedSavedModel(DENSE, edit));
const withFiles = (edit: (files: Files) => void) => () => {
  const files = savedModelFiles(DENSE);
  edit(files);
  return zipOfFiles(files);
};

/** A function that reads a file, called or not. */
const readsFile = (name: string) => ({
  signature: { name, inputArg: [{ name: 'path' }], outputArg: [] },
  nodeDef: [nodeOf('stolen', 'ReadFile', ['path'])],
  attr: [],
});
const served = (graph: EditableGraph) => {
  const wrapper = graph.functions.find(({ signature }) => signature?.name.includes('signature_wrapper'));
  if (wrapper === undefined) throw new Error('The fixture has no served function.');
  return wrapper;
};
const innermost = (graph: EditableGraph) => {
  const found = graph.functions.find(({ signature }) => signature?.name.startsWith('__inference___call__'));
  if (found === undefined) throw new Error('The fixture has no inner function.');
  return found;
};
const shape = (...sizes: number[]) => ({ dim: sizes.map((size) => ({ size })), unknownRank: false });
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
  'LookupTableFindV2',
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
      'StaticRegexFullMatch',
    ],
    [
      'a variable that changes while it is served',
      edited((graph) => innermost(graph).nodeDef.push(nodeOf('count', 'AssignAddVariableOp'))),
      'UNSUPPORTED_OP',
      'count',
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

describe('a graph that does not hold together', () => {
  const graphBytes = savedModelFiles(DENSE).get('saved_model.pb') ?? Buffer.alloc(0);
  refusesEach([
    [
      'a graph that is cut short',
      withFiles((files) => files.set('saved_model.pb', graphBytes.subarray(0, graphBytes.length / 2))),
      'CORRUPT_ARTIFACT',
      'saved_model.pb',
    ],
    [
      'a graph that is text',
      withFiles((files) => files.set('saved_model.pb', Buffer.from('not a graph'))),
      'CORRUPT_ARTIFACT',
      'saved_model.pb',
    ],
    [
      'functions in attributes, nested a thousand deep',
      withFiles((files) => files.set('saved_model.pb', nestedAttributes(1000))),
      'CORRUPT_ARTIFACT',
      'saved_model.pb',
    ],
    [
      'an empty graph',
      withFiles((files) => files.set('saved_model.pb', Buffer.alloc(0))),
      'CORRUPT_ARTIFACT',
      'saved_model.pb',
    ],
    [
      'an input from nowhere',
      edited(({ nodes }) => nodes.push(nodeOf('lost', 'Identity', ['nowhere']))),
      'CORRUPT_ARTIFACT',
      'lost',
    ],
    [
      'a call of no function',
      edited((graph) =>
        innermost(graph).nodeDef[0]?.attr.push({ key: 'f', value: { func: { name: 'gone', attr: [] } } }),
      ),
      'CORRUPT_ARTIFACT',
      '',
    ],
    [
      'two nodes of one name',
      edited(({ nodes }) => nodes.push(nodeOf('NoOp', 'NoOp'))),
      'CORRUPT_ARTIFACT',
      'NoOp',
    ],
    [
      'a comma in a name',
      edited(({ nodes }) => nodes.push(nodeOf('a,b', 'NoOp'))),
      'CORRUPT_ARTIFACT',
      'a,b',
    ],
    [
      'a name that is ours',
      edited(({ nodes }) => nodes.push(nodeOf('souk_restore/all', 'NoOp'))),
      'CORRUPT_ARTIFACT',
      'souk_restore/all',
    ],
    [
      'no signature',
      edited(({ meta }) => {
        meta.signatureDef = [];
      }),
      'UNSUPPORTED_FORMAT',
      'saved_model.pb',
    ],
    [
      'a signature that names no tensor',
      edited(({ meta }) => {
        meta.signatureDef.find(
          ({ key }: { key: string }) => key === 'serving_default',
        ).value.outputs[0].value.name = 'gone:0';
      }),
      'CORRUPT_ARTIFACT',
      'output_0',
    ],
    [
      'an output of a type that cannot come out',
      edited(({ meta }) => {
        meta.signatureDef.find(
          ({ key }: { key: string }) => key === 'serving_default',
        ).value.outputs[0].value.dtype = 2;
      }),
      'UNSUPPORTED_TENSOR',
      'output_0',
    ],
    [
      'an input that the signature forgets',
      edited(({ meta }) => {
        meta.signatureDef.find(({ key }: { key: string }) => key === 'serving_default').value.inputs = [];
      }),
      'CORRUPT_ARTIFACT',
      'serving_default_keras_tensor',
    ],
  ] satisfies readonly HostileCase[]);

  it('a call of no function is refused by the name of the caller', async () => {
    const refusal = await readInProcess(
      edited((graph) => served(graph).nodeDef.push(nodeOf('lost', 'gone')))(),
    );
    expect(refusal).toMatchObject({ code: 'UNSUPPORTED_OP', subject: 'lost' });
  });
});

/** node { attr { value { func { attr { value { func … */
function nestedAttributes(depth: number): Buffer {
  let inner: Buffer = Buffer.alloc(0);
  const field = (id: number, bytes: Buffer): Buffer => {
    const length: number[] = [];
    for (let rest = bytes.length; ; rest >>>= 7) {
      if (rest < 128) {
        length.push(rest);
        break;
      }
      length.push((rest & 127) | 128);
    }
    return Buffer.concat([Buffer.of((id << 3) | 2), Buffer.from(length), bytes]);
  };
  for (let i = 0; i < depth; i++) inner = field(2, field(2, field(10, inner)));
  return field(2, field(2, field(1, field(5, field(2, field(10, inner))))));
}

describe('variables', () => {
  const index = 'variables/variables.index';
  const data = 'variables/variables.data-00000-of-00001';
  const indexBytes = savedModelFiles(DENSE).get(index) ?? Buffer.alloc(0);
  refusesEach([
    ['no index', withFiles((files) => files.delete(index)), 'CORRUPT_ARTIFACT', index],
    ['no data', withFiles((files) => files.delete(data)), 'CORRUPT_ARTIFACT', data],
    [
      'data that is cut short',
      withFiles((files) => files.set(data, files.get(data)?.subarray(0, 100) ?? Buffer.alloc(0))),
      'CORRUPT_ARTIFACT',
      'dense',
    ],
    [
      'an index of zeros',
      withFiles((files) => files.set(index, Buffer.alloc(indexBytes.length))),
      'CORRUPT_ARTIFACT',
      index,
    ],
    [
      'an index with one byte changed',
      withFiles((files) => {
        const changed = Buffer.from(indexBytes);
        changed[60] = (changed[60] ?? 0) ^ 1;
        files.set(index, changed);
      }),
      'CORRUPT_ARTIFACT',
      index,
    ],
    [
      'a graph with another shape than the checkpoint',
      edited(({ nodes }) => {
        for (const node of nodes.filter(({ op }) => op === 'VarHandleOp')) {
          node.attr.push({ key: 'shape2', value: null });
          for (const [at, entry] of node.attr.entries()) {
            if (entry.key === 'shape') node.attr[at] = { key: 'shape', value: { shape: shape(2 ** 40) } };
          }
        }
      }),
      'CORRUPT_ARTIFACT',
      'dense',
    ],
  ] satisfies readonly HostileCase[]);
});

describe('an archive', () => {
  const files = savedModelFiles(DENSE);
  const graph = files.get('saved_model.pb') ?? Buffer.alloc(0);
  refusesEach([
    [
      'with a name that climbs out',
      () =>
        zipOf([
          { name: 'saved_model.pb', data: graph },
          { name: '../variables/variables.index', data: graph },
        ]),
      'CORRUPT_ARTIFACT',
      '../variables/variables.index',
    ],
    [
      'with a symbolic link for its variables',
      () =>
        tarOf([
          { header: { name: 'm/saved_model.pb' }, data: graph },
          { header: { name: 'm/variables', type: 'symlink', linkname: '/etc' } },
        ]),
      'CORRUPT_ARTIFACT',
      'm/variables',
    ],
    [
      'with two models',
      () =>
        zipOf([
          { name: 'a/saved_model.pb', data: graph },
          { name: 'b/saved_model.pb', data: graph },
        ]),
      'UNSUPPORTED_FORMAT',
      'b/saved_model.pb',
    ],
  ]);

  it.each([
    ['zip', () => zipOfFiles(files)],
    ['zip without a folder', () => zipOfFiles(files, '')],
    ['tar.gz', () => tarOfFiles(files)],
    ['tar', () => tarOfFiles(files, false)],
  ])('as %s is read', async (_kind, bytes) => {
    expect(await readInProcess(await bytes())).toBeNull();
  });
});

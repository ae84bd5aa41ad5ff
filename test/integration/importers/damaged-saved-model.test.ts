/** SavedModels that do not hold together: graphs, variables and archives that lie or are cut short. */
import { describe, expect, it } from 'vitest';
import { readInProcess, refusesEach, type HostileCase } from '../../support/hostile.js';
import { tarOf } from '../../support/archives.js';
import {
  DENSE,
  edited,
  innermost,
  nodeOf,
  savedModelFiles,
  served,
  shape,
  tarOfFiles,
  withFiles,
  zipOfFiles,
} from '../../support/saved-models.js';
import { zipOf } from '../../support/zip.js';

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
        ).value.outputs[0].value.dtype = 8;
      }),
      'UNSUPPORTED_TENSOR',
      'output_0',
    ],
    [
      'an input that the signature forgets',
      edited(({ meta }) => {
        meta.signatureDef.find(({ key }: { key: string }) => key === 'serving_default').value.inputs = [];
      }),
      'UNSUPPORTED_TENSOR',
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

/** What becomes of a TensorFlow.js graph, node by node. */
import { expect, it } from 'vitest';
import {
  compact,
  lowerGraph,
  writeSavedModel,
  type CompactGraph,
  type GraphModel,
  type JsonNode,
  type MoveLimits,
  type PiecedFile,
} from '../../../src/lowering/index.js';

const text = (value: string): object => ({ s: Buffer.from(value).toString('base64') });
const type = (name: string): object => ({ type: name });
const node = (
  name: string,
  op: string,
  inputs: string[] = [],
  attributes: Record<string, unknown> = {},
): JsonNode => ({
  name,
  op,
  inputs,
  attributes,
});
const float = { T: type('DT_FLOAT') };
const placeholder = node('x', 'Placeholder', [], {
  dtype: type('DT_FLOAT'),
  shape: { shape: { dim: [{ size: '-1' }] } },
});

function model(nodes: readonly JsonNode[], more: Partial<GraphModel> = {}): GraphModel {
  return {
    nodes: [placeholder, ...nodes],
    functions: [],
    initializer: [],
    tables: [],
    inputs: [{ node: 'x', dtype: 'float32', shape: [null] }],
    outputs: [{ tensor: nodes.at(-1)?.name ?? '' }],
    weights: [],
    readWeight: () => new Uint8Array(),
    ...more,
  };
}

function lowered(given: GraphModel) {
  const result = lowerGraph(given);
  if (!result.ok) throw new Error(result.error.message);
  return result.value;
}

const weight = (name: string, shape: number[], dtype: 'float32' | 'int32' = 'float32') => ({
  name,
  shape,
  dtype,
});
const constant = (name: string, dtype = 'DT_FLOAT'): JsonNode =>
  node(name, 'Const', [], { dtype: type(dtype) });

it('writes a fused convolution as the plain ones, and gives the last the name', () => {
  const fused = node('conv', '_FusedConv2D', ['x', 'w', 'b', 'a'], {
    ...float,
    strides: { list: { i: ['1', '2', '2', '1'] } },
    padding: text('SAME'),
    fused_ops: {
      list: { s: [Buffer.from('BiasAdd').toString('base64'), Buffer.from('Prelu').toString('base64')] },
    },
    num_args: { i: '2' },
    epsilon: { f: 0 },
  });
  const weights = [weight('w', [1, 1, 1, 1]), weight('b', [1]), weight('a', [1])];
  const graph = lowered(model([constant('w'), constant('b'), constant('a'), fused], { weights }));
  const ops = graph.nodes.map(({ op }) => op);
  expect(ops).toEqual(['Placeholder', 'Conv2D', 'BiasAdd', 'Neg', 'Relu', 'Relu', 'Mul', 'Sub', 'Identity']);
  expect(graph.nodes.find(({ op }) => op === 'Sub')?.name).toBe('conv');
  const convolution = graph.nodes.find(({ op }) => op === 'Conv2D');
  expect(convolution?.attr.map(({ key }) => key)).toEqual(['T', 'strides', 'padding']);
  expect(convolution?.attr.find(({ key }) => key === 'strides')?.value).toEqual({
    list: { i: [1, 2, 2, 1] },
  });
});

it('refuses a fused op that it does not know', () => {
  const fused = node('mul', '_FusedMatMul', ['x', 'w'], {
    ...float,
    fused_ops: { list: { s: [Buffer.from('Wobble').toString('base64')] } },
  });
  const result = lowerGraph(model([constant('w'), fused], { weights: [weight('w', [1, 1])] }));
  expect(result).toMatchObject({ ok: false, error: { code: 'NOT_LOWERED', subject: 'mul' } });
});

it('gives a narrowed constant the type that the graph declares, and an output the one that callers know', () => {
  const find = node('at', 'ArgMax', ['x', 'axis'], {
    ...float,
    Tidx: type('DT_INT64'),
    output_type: type('DT_INT64'),
  });
  const graph = lowered(
    model([constant('axis', 'DT_INT64'), find], { weights: [weight('axis', [], 'int32')] }),
  );
  expect(graph.weights).toEqual([{ node: 'axis', weight: 'axis', dtype: 'int64', shape: [] }]);
  expect(graph.nodes.at(-1)).toMatchObject({ op: 'Cast', input: ['at'] });
  expect(graph.outputs).toEqual([{ tensor: 'souk_output_0:0', dtype: 'int32' }]);
});

it('takes an input in the type that callers send', () => {
  const half = node('x', 'Placeholder', [], { dtype: type('DT_INT64') });
  const graph = lowered({
    ...model([node('y', 'Neg', ['x'], { T: type('DT_INT64') })]),
    nodes: [half, node('y', 'Neg', ['x'], { T: type('DT_INT64') })],
    inputs: [{ node: 'x', dtype: 'int32', shape: [null] }],
  });
  expect(graph.inputs).toEqual([{ tensor: 'x/fed:0', dtype: 'int32' }]);
  expect(graph.nodes.find(({ name }) => name === 'x')).toMatchObject({ op: 'Cast', input: ['x/fed'] });
});

it('leads constants into the frame of a loop, once each, and leaves what is inside alone', () => {
  const frame = { ...float, frame_name: text('loop') };
  const nodes = [
    constant('step'),
    node('enter', 'Enter', ['x'], frame),
    node('merge', 'Merge', ['enter', 'next'], { ...float, N: { i: '2' } }),
    node('sum', 'AddV2', ['merge', 'step'], float),
    node('again', 'AddV2', ['sum', 'step'], float),
    node('next', 'NextIteration', ['again'], float),
    node('exit', 'Exit', ['merge'], float),
    node('after', 'AddV2', ['exit', 'step'], float),
  ];
  const graph = lowered(model(nodes, { weights: [weight('step', [])] }));
  const inputs = new Map(graph.nodes.map((item) => [item.name, item.input]));
  expect(inputs.get('sum')).toEqual(['merge', 'entered/0']);
  expect(inputs.get('again')).toEqual(['sum', 'entered/0']);
  expect(inputs.get('entered/0')).toEqual(['step']);
  expect(inputs.get('exit')).toEqual(['merge']);
  expect(inputs.get('after')).toEqual(['exit', 'step']);
});

function withTable(): ReturnType<typeof lowered> {
  const table = node('table', 'Placeholder', [], { dtype: type('DT_RESOURCE') });
  const found = node('found', 'LookupTableFindV2', ['table', 'x', 'none'], {
    Tin: type('DT_FLOAT'),
    Tout: type('DT_FLOAT'),
  });
  return lowered(
    model([table, constant('none'), found], {
      weights: [weight('none', []), weight('keys', [2]), weight('values', [2])],
      tables: [{ placeholder: 'table', table: 'made' }],
      initializer: [
        node('made', 'HashTableV2'),
        constant('keys'),
        constant('values'),
        node('fill', 'LookupTableImportV2', ['made', 'keys', 'values']),
      ],
    }),
  );
}

it('makes and fills the hash tables that the model expects from outside', () => {
  const graph = withTable();
  const inputs = new Map(graph.nodes.map((item) => [item.name, item.input]));
  expect(inputs.get('table')).toEqual(['souk_initializer/made']);
  expect(inputs.get('souk_initializer')).toEqual(['^souk_initializer/fill']);
  expect(graph.initializer).toBe('souk_initializer');
});

it('keeps what fills its tables as constants: tables are filled before variables', () => {
  const read: string[] = [];
  const files = writeSavedModel(
    compact(withTable()),
    ({ weight: name, shape }) => {
      read.push(name);
      return new Uint8Array(4 * shape.reduce((product, size) => product * size, 1));
    },
    { keptBytes: 0, largeBytes: 0 },
  );
  expect([...files.keys()]).toEqual(['saved_model.pb', 'assets/weight_0']);
  expect([...(files.get('assets/weight_0') as PiecedFile).pieces]).toHaveLength(1);
  expect(read).toEqual(['none']);
});

it('is written with its weights, in the types that the nodes declare', () => {
  const value = Uint8Array.of(1, 2, 3, 4);
  const files = writeSavedModel(withWeight([]), () => value);
  expect([...files.keys()]).toEqual(['saved_model.pb']);
  const file = files.get('saved_model.pb') as PiecedFile;
  const bytes = Buffer.concat([...file.pieces]);
  expect(bytes.length).toBe(file.byteLength);
  expect(bytes.includes(Buffer.from(value))).toBe(true);
  expect(bytes.includes(Buffer.from('serving_default'))).toBe(true);
  // The first field is the schema's version, 1.
  expect([...bytes.subarray(0, 2)]).toEqual([8, 1]);
});

it('has large weights in files beside it, where there are too many of them', () => {
  const value = Uint8Array.from({ length: 16 }, (_, at) => at);
  const written = (limits: MoveLimits) =>
    new Map(
      [...writeSavedModel(withWeight([4]), () => value, limits)].map(([name, file]) => {
        const bytes = Buffer.concat([...file.pieces]);
        expect(bytes.length).toBe(file.byteLength);
        return [name, bytes];
      }),
    );
  const moved = written({ keptBytes: 15, largeBytes: 16 });
  expect([...moved.keys()]).toEqual(['saved_model.pb', 'assets/weight_0']);
  expect(moved.get('assets/weight_0')).toEqual(Buffer.from(value));
  expect(moved.get('saved_model.pb')?.includes(Buffer.from(value))).toBe(false);
  // Few in all, or each of them small: they stay.
  expect([...written({ keptBytes: 16, largeBytes: 0 }).keys()]).toEqual(['saved_model.pb']);
  expect([...written({ keptBytes: 0, largeBytes: 17 }).keys()]).toEqual(['saved_model.pb']);
});

it('says so when a weight is not as long as its node declares', () => {
  for (const limits of [{ keptBytes: 0, largeBytes: 0 }, undefined]) {
    const files = writeSavedModel(withWeight([4]), () => new Uint8Array(12), limits);
    expect(() => [...files.values()].map(({ pieces }) => [...pieces])).toThrow('not the 16 bytes');
  }
});

function withWeight(shape: readonly number[]): CompactGraph {
  return compact(
    lowered(
      model([constant('w'), node('y', 'Mul', ['x', 'w'], float)], { weights: [weight('w', [...shape])] }),
    ),
  );
}

/** ONNX files through the real child process and the engine: what Python computed, and every datatype exactly. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { createImporter } from '../../../src/importers/index.js';
import { RUNTIMES } from '../../../src/inference/index.js';
import { decodeBytesElements, encodeBytesElements, toTypedArray } from '../../../src/inference/tensors.js';
import type { Datatype, Tensor } from '../../../src/lib/tensor.js';
import {
  createEngines,
  importBytes,
  refusalOf,
  reportOf,
  tensorOf,
  valuesOf,
} from '../../support/importing.js';
import {
  attribute,
  floats,
  graph,
  int64s,
  node,
  onnxFunction,
  onnxModel,
  part,
  tensor,
  tensorType,
  TYPE,
  unaryModel,
  value,
} from '../../support/onnx-model.js';

const FIXTURES = fileURLToPath(new URL('../../fixtures/onnx/', import.meta.url));
const importer = createImporter({ maxConcurrentImports: 2, maxQueuedImports: 100 });
const engines = createEngines();
afterAll(() => importer.stop());

type Nested = number | readonly Nested[];

async function imported(bytes: Uint8Array) {
  const result = await importBytes(importer, bytes, { runtimes: ['onnx'] });
  const report = reportOf(result);
  const model = await engines.load('onnx', result.pack as Uint8Array);
  return { report, run: (...inputs: Tensor[]) => model.run(inputs) };
}

const numbersOf = ({ data }: Tensor): number[] => [...toTypedArray('FP32', data)];

describe('the fixtures give what Python computed', () => {
  it.each(['dense', 'cnn', 'iris-tree'])('%s.onnx', async (name) => {
    const io = JSON.parse(readFileSync(join(FIXTURES, `${name}.io.json`), 'utf8')) as {
      inputs: Readonly<Record<string, Nested>>;
      outputs: Readonly<Record<string, Nested>>;
    };
    const { report, run } = await imported(readFileSync(join(FIXTURES, `${name}.onnx`)));
    expect(report).toMatchObject({ format: 'ONNX', runtime: 'onnx' });
    expect(report.signature.inputs.map((spec) => spec.name)).toEqual(Object.keys(io.inputs));
    expect(report.signature.outputs.map((spec) => spec.name)).toEqual(Object.keys(io.outputs));
    expect(report.signature.inputs[0]?.shape[0]).toBe(-1);
    expect(report.signature.outputs.every((spec) => spec.shape[0] === -1)).toBe(true);

    const outputs = await run(
      ...Object.entries(io.inputs).map(([input, nested]) => tensorOf(input, 'FP32', valuesOf(nested))),
    );

    for (const [i, [output, nested]] of Object.entries(io.outputs).entries()) {
      const found = outputs[i] as Tensor;
      const wanted = valuesOf(nested);
      expect([found.name, found.shape]).toEqual([output, wanted.shape]);
      const got =
        found.datatype === 'INT64' ? [...toTypedArray('INT64', found.data)].map(Number) : numbersOf(found);
      const worst = wanted.data.reduce(
        (max, number, at) => Math.max(max, Math.abs(number - (got[at] ?? NaN))),
        0,
      );
      expect(worst).toBeLessThan(1e-5);
    }
  });

  it('names the label of a tree as INT64 and its parameters as 0, since they are attributes', async () => {
    const { report } = await imported(readFileSync(join(FIXTURES, 'iris-tree.onnx')));
    expect(report.signature.outputs).toEqual([
      { name: 'label', datatype: 'INT64', shape: [-1] },
      { name: 'probabilities', datatype: 'FP32', shape: [-1, 3] },
    ]);
    expect(report.operations).toContainEqual({ name: 'ai.onnx.ml.TreeEnsembleClassifier', count: 1 });
  });

  it('only the onnx engine is asked, whatever else may serve', async () => {
    const result = await importBytes(importer, readFileSync(join(FIXTURES, 'dense.onnx')), {
      runtimes: RUNTIMES,
    });
    const report = reportOf(result);
    expect(report.runtime).toBe('onnx');
    expect(report.parameterCount).toBe(10 * 64 + 64 + 64 * 10 + 10);
    expect(result.left).toEqual(['model.pack']);
  });
});

describe('every datatype goes in and out unchanged', () => {
  it.each<[keyof typeof TYPE, Datatype, Uint8Array]>([
    ['bool', 'BOOL', Uint8Array.of(1, 0)],
    ['uint8', 'UINT8', Uint8Array.of(255, 0)],
    ['int8', 'INT8', Uint8Array.of(0x80, 0x7f)],
    ['uint16', 'UINT16', Uint8Array.of(0xff, 0xff, 1, 0)],
    ['int16', 'INT16', Uint8Array.of(0, 0x80, 1, 0)],
    ['float16', 'FP16', Uint8Array.of(0, 0x3c, 0, 0xfc)],
    ['int32', 'INT32', new Uint8Array(Int32Array.of(-(2 ** 31), 7).buffer)],
    ['uint32', 'UINT32', new Uint8Array(Uint32Array.of(2 ** 32 - 1, 7).buffer)],
    ['float', 'FP32', new Uint8Array(Float32Array.of(-0, NaN).buffer)],
    ['double', 'FP64', new Uint8Array(Float64Array.of(Math.PI, -Infinity).buffer)],
    ['int64', 'INT64', new Uint8Array(BigInt64Array.of(2n ** 62n + 1n, -(2n ** 63n)).buffer)],
    ['uint64', 'UINT64', new Uint8Array(BigUint64Array.of(2n ** 64n - 1n, 1n).buffer)],
    ['string', 'BYTES', encodeBytesElements([Buffer.from('grüß'), Buffer.alloc(0)])],
  ])('%s as %s', async (type, datatype, data) => {
    const { report, run } = await imported(unaryModel('Identity', TYPE[type]));
    expect(report.signature.inputs).toEqual([{ name: 'x', datatype, shape: [-1] }]);
    const [output] = await run({ name: 'x', datatype, shape: [2], data: data.slice() });
    expect(output).toMatchObject({ name: 'y', datatype, shape: [2] });
    expect([...(output?.data ?? [])]).toEqual([...data]);
  });

  it('names strings that it would not pass on whole', async () => {
    const { run } = await imported(unaryModel('Identity', TYPE.string));
    const strings = (...elements: Uint8Array[]): Tensor => ({
      name: 'x',
      datatype: 'BYTES',
      shape: [elements.length],
      data: encodeBytesElements(elements),
    });
    await expect(run(strings(Buffer.from('a\0b')))).rejects.toThrow(/Element 0 of input x holds a zero byte/);
    await expect(run(strings(Buffer.from('a'), Uint8Array.of(0xff)))).rejects.toThrow(/Element 1.*not UTF-8/);
    const [output] = await run(strings(Buffer.from('fine')));
    expect(decodeBytesElements(output?.data ?? new Uint8Array()).map(String)).toHaveLength(1);
  });
});

describe('forms that exporters write', () => {
  it('takes the tensor before ZipMap in place of a list of maps, and says what its columns are', async () => {
    const listOfMaps = part(
      4,
      part(1, part(5, Buffer.concat([Buffer.of(8, 7), part(2, tensorType(1, null))]))),
    );
    const bytes = onnxModel({
      nodes: [
        node('Softmax', ['x'], ['probabilities']),
        node('ZipMap', ['probabilities'], ['output_probability'], {
          domain: 'ai.onnx.ml',
          attributes: [attribute.ints('classlabels_int64s', [4, 5, 6])],
        }),
      ],
      inputs: [value('x', TYPE.float, ['n', 3])],
      outputs: [value('output_probability', listOfMaps)],
      opsets: [['ai.onnx.ml', 3]],
    });
    const { report, run } = await imported(bytes);
    expect(report.signature.outputs).toEqual([
      { name: 'output_probability', datatype: 'FP32', shape: [-1, 3] },
    ]);
    expect(report.notes.join()).toContain('one column for each class: 4, 5, 6');
    const [output] = await run(tensorOf('x', 'FP32', { shape: [1, 3], data: [0, 0, 0] }));
    expect(output?.name).toBe('output_probability');
    for (const number of numbersOf(output as Tensor)) expect(number).toBeCloseTo(1 / 3);
  });

  it('does not ask callers for initialisers that an old file lists among its inputs', async () => {
    const bytes = onnxModel({
      ir: 3,
      opset: 9,
      nodes: [node('Add', ['x', 'w'], ['y'])],
      inputs: [value('x', TYPE.float, ['n', 2]), value('w', TYPE.float, [2])],
      outputs: [value('y', TYPE.float, ['n', 2])],
      initializers: [tensor('w', TYPE.float, [2], floats(1, 2))],
    });
    const { report, run } = await imported(bytes);
    expect(report.signature.inputs.map(({ name }) => name)).toEqual(['x']);
    expect(report.parameterCount).toBe(2);
    const [output] = await run(tensorOf('x', 'FP32', { shape: [1, 2], data: [10, 20] }));
    expect(numbersOf(output as Tensor)).toEqual([11, 22]);
  });

  it('runs both branches of If, and functions of the file', async () => {
    const branch = (op: string): Buffer =>
      graph({ nodes: [node(op, ['x'], ['z'])], outputs: [value('z', TYPE.float)] });
    const bytes = onnxModel({
      nodes: [
        node('If', ['flag'], ['chosen'], {
          attributes: [
            attribute.graph('then_branch', branch('Neg')),
            attribute.graph('else_branch', branch('Abs')),
          ],
        }),
        node('Twice', ['chosen'], ['y'], { domain: 'mine' }),
      ],
      inputs: [value('flag', TYPE.bool, []), value('x', TYPE.float)],
      outputs: [value('y', TYPE.float)],
      opsets: [['mine', 1]],
      functions: [onnxFunction('mine', 'Twice', [node('Add', ['a', 'a'], ['b'])])],
    });
    const { report, run } = await imported(bytes);
    expect(report.signature.inputs).toEqual([
      { name: 'flag', datatype: 'BOOL', shape: [] },
      { name: 'x', datatype: 'FP32', shape: [-1] },
    ]);
    const x = (): Tensor => tensorOf('x', 'FP32', { shape: [2], data: [-1, 2] });
    const flag = (bit: number): Tensor => ({
      name: 'flag',
      datatype: 'BOOL',
      shape: [],
      data: Uint8Array.of(bit),
    });
    expect(numbersOf((await run(flag(1), x()))[0] as Tensor)).toEqual([2, -4]);
    expect(numbersOf((await run(flag(0), x()))[0] as Tensor)).toEqual([2, 4]);
  });

  it('fixes the batch of a model that mixes rows to one', async () => {
    const bytes = onnxModel({
      nodes: [
        node('ReduceMean', ['x'], ['m'], { attributes: [attribute.ints('axes', [0])] }),
        node('Add', ['x', 'm'], ['y']),
      ],
      inputs: [value('x', TYPE.float, ['n', 2])],
      outputs: [value('y', TYPE.float, ['n', 2])],
    });
    const { report } = await imported(bytes);
    expect(report.signature.inputs[0]?.shape).toEqual([1, 2]);
    expect(report.notes.join()).toContain('mixes the rows of a batch');
  });

  it('reports what the runtime says without places in its source', async () => {
    const bytes = onnxModel({
      nodes: [node('MatMul', ['x', 'w'], ['y'])],
      inputs: [value('x', TYPE.float, ['n', 3])],
      outputs: [value('y', TYPE.float, ['n', 2])],
      initializers: [tensor('w', TYPE.float, [2, 2], floats(1, 2, 3, 4))],
    });
    const refusal = refusalOf(await importBytes(importer, bytes, { runtimes: ['onnx'] }));
    expect(refusal.code).toBe('TRIAL_FAILED');
    expect(refusal.message).toMatch(/MatMul|dimension/);
    expect(refusal.message).not.toMatch(/onnxruntime_src|\.cc|\.h:/);
  });

  it('knows a constant shape when it is small', async () => {
    const bytes = onnxModel({
      nodes: [node('ConstantOfShape', ['s'], ['c']), node('Add', ['x', 'c'], ['y'])],
      inputs: [value('x', TYPE.float, ['n', 2])],
      outputs: [value('y', TYPE.float, ['n', 2])],
      initializers: [tensor('s', TYPE.int64, [1], int64s(2))],
    });
    const { report } = await imported(bytes);
    expect(report.signature.outputs[0]?.shape).toEqual([-1, 2]);
  });
});

describe('what only a run shows stays in the child', () => {
  it('ends a loop of 2^62 turns at the deadline', async () => {
    const body = graph({
      nodes: [node('Identity', ['go'], ['on']), node('Identity', ['s'], ['t'])],
      inputs: [value('i', TYPE.int64, []), value('go', TYPE.bool, []), value('s', TYPE.float, ['n'])],
      outputs: [value('on', TYPE.bool, []), value('t', TYPE.float, ['n'])],
    });
    const bytes = onnxModel({
      nodes: [node('Loop', ['trips', 'yes', 'x'], ['y'], { attributes: [attribute.graph('body', body)] })],
      inputs: [value('x', TYPE.float)],
      outputs: [value('y', TYPE.float)],
      initializers: [
        tensor('trips', TYPE.int64, [], int64s(2n ** 62n)),
        tensor('yes', TYPE.bool, [], Uint8Array.of(1)),
      ],
    });
    const refusal = refusalOf(await importBytes(importer, bytes, { runtimes: ['onnx'], timeoutMs: 4_000 }));
    expect(refusal.code).toBe('IMPORT_TIMED_OUT');
  });
});

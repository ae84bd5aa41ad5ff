/**
 * What people have as ONNX beyond one file with one input: classical models as scikit-learn and LightGBM computed them
 * (`fixtures/onnx/ml`, written with onnx.helper as their converters write them), data files, sizes that must be found.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import {
  createImporter,
  type ImportFacts,
  type ImportProgress,
  type ImportSample,
} from '../../../src/importers/index.js';
import { decodeBytesElements, encodeBytesElements, toTypedArray } from '../../../src/inference/tensors.js';
import type { Datatype, Tensor } from '../../../src/lib/tensor.js';
import {
  createEngines,
  importBytes,
  refusalOf,
  reportOf,
  type ImportOptions,
} from '../../support/importing.js';
import {
  externalTensor,
  floats,
  int64s,
  node,
  onnxModel,
  tensor,
  TYPE,
  value,
} from '../../support/onnx-model.js';
import { zipOf } from '../../support/zip.js';

const FIXTURES = fileURLToPath(new URL('../../fixtures/onnx/ml/', import.meta.url));
const importer = createImporter({ maxConcurrentImports: 2, maxQueuedImports: 100 });
const engines = createEngines();
afterAll(() => importer.stop());

async function imported(bytes: Uint8Array, options: ImportOptions = {}) {
  const result = await importBytes(importer, bytes, { runtimes: ['onnx'], ...options });
  const report = reportOf(result);
  const model = await engines.load('onnx', result.pack as Uint8Array);
  return { report, run: (...inputs: Tensor[]) => model.run(inputs) };
}

interface IoTensor {
  readonly shape: readonly number[];
  readonly datatype: Datatype;
  readonly data: readonly (number | string | null)[];
}

function fromIo(name: string, { shape, datatype, data }: IoTensor): Tensor {
  if (datatype === 'BYTES')
    return {
      name,
      datatype,
      shape,
      data: encodeBytesElements(data.map((text) => Buffer.from(String(text)))),
    };
  const typed =
    datatype === 'INT64'
      ? BigInt64Array.from(data, (number) => BigInt(String(number)))
      : Float32Array.from(data, (number) => (number === null ? NaN : Number(number)));
  return { name, datatype, shape, data: new Uint8Array(typed.buffer) };
}

function elementsOf({ datatype, data }: Tensor): string[] {
  if (datatype === 'BYTES')
    return decodeBytesElements(data).map((element) => Buffer.from(element).toString());
  return [...toTypedArray(datatype, data)].map(String);
}

const floatsOf = (shape: readonly number[], name = 'x'): Tensor => {
  const count = shape.reduce((product, size) => product * size, 1);
  return { name, datatype: 'FP32', shape, data: new Uint8Array(new Float32Array(count).fill(0.5).buffer) };
};

describe('classical models give what Python computed', () => {
  const names = readdirSync(FIXTURES)
    .filter((file) => file.endsWith('.onnx'))
    .map((file) => file.slice(0, -5));

  it.each(names)('%s', async (name) => {
    const io = JSON.parse(readFileSync(join(FIXTURES, `${name}.io.json`), 'utf8')) as {
      inputs: Readonly<Record<string, IoTensor>>;
      outputs: Readonly<Record<string, IoTensor>>;
    };
    const { report, run } = await imported(readFileSync(join(FIXTURES, `${name}.onnx`)));
    expect(report.signature.inputs.map((spec) => spec.name)).toEqual(Object.keys(io.inputs));
    expect(report.batchable).toBe(true);
    const outputs = await run(...Object.entries(io.inputs).map(([input, given]) => fromIo(input, given)));
    for (const [at, [output, wanted]] of Object.entries(io.outputs).entries()) {
      const found = outputs[at] as Tensor;
      expect([found.name, found.datatype, found.shape]).toEqual([output, wanted.datatype, wanted.shape]);
      if (wanted.datatype !== 'FP32') {
        expect(elementsOf(found)).toEqual(wanted.data.map(String));
        continue;
      }
      const scale = Math.max(1, ...wanted.data.map((number) => Math.abs(Number(number))));
      for (const [i, number] of elementsOf(found).entries())
        expect(Math.abs(Number(number) - Number(wanted.data[i]))).toBeLessThan(1e-5 * scale);
    }
  });
});

describe('a model with data files', () => {
  const model = onnxModel({
    nodes: [node('Add', ['x', 'w'], ['y'])],
    inputs: [value('x', TYPE.float, ['n', 2])],
    outputs: [value('y', TYPE.float, ['n', 2])],
    initializers: [
      externalTensor('w', TYPE.float, [2], { location: 'model.onnx.data', offset: '4', length: '8' }),
    ],
  });

  it('runs out of a zip, and its pack is one file that names no other', async () => {
    const zip = zipOf([
      { name: 'exported/model.onnx', data: model },
      { name: 'exported/model.onnx.data', data: floats(9, 10, 20), deflate: true },
    ]);
    const result = await importBytes(importer, zip, { runtimes: ['onnx'] });
    expect(reportOf(result).parameterCount).toBe(2);
    expect(Buffer.from(result.pack ?? []).includes('model.onnx.data')).toBe(false);
    const loaded = await engines.load('onnx', result.pack as Uint8Array);
    const [y] = await loaded.run([floatsOf([1, 2])]);
    expect(elementsOf(y as Tensor)).toEqual(['10.5', '20.5']);
  });

  it('alone is refused with what to do', async () => {
    const refusal = refusalOf(await importBytes(importer, model, { runtimes: ['onnx'] }));
    expect(refusal).toMatchObject({ code: 'UNSUPPORTED_TENSOR', subject: 'w' });
    expect(refusal.message).toMatch(/into one zip or tar\.gz/);
  });
});

describe('what newer exporters write', () => {
  it('runs with opset 28 and IR version 14 as with those that the engine loads', async () => {
    const { report, run } = await imported(
      onnxModel({
        ir: 14,
        opset: 28,
        nodes: [node('Relu', ['x'], ['y'])],
        inputs: [value('x', TYPE.float, ['n', 2])],
        outputs: [value('y', TYPE.float, ['n', 2])],
      }),
    );
    expect(report.notes.join()).toContain('version 28');
    expect(elementsOf((await run(floatsOf([1, 2])))[0] as Tensor)).toEqual(['0.5', '0.5']);
  });
});

describe('sizes that the file leaves open', () => {
  it('are found: a window of sound of exactly 512, and a state whose batch is not in front', async () => {
    const { report } = await imported(
      onnxModel({
        nodes: [
          node('Reshape', ['sound', 'frames'], ['f']),
          node('ReduceMean', ['f'], ['level']),
          node('Mul', ['state', 'level'], ['next']),
        ],
        inputs: [
          value('sound', TYPE.float, ['batch', 'samples']),
          value('state', TYPE.float, [2, 'batch', 4]),
        ],
        outputs: [value('next', TYPE.float, [2, 'batch', 4])],
        initializers: [tensor('frames', TYPE.int64, [3], int64s(1, 4, 128))],
      }),
    );
    expect(report.signature.inputs.map(({ shape }) => shape)).toEqual([
      [-1, -1],
      [2, -1, 4],
    ]);
    expect(report.notes.join(' ')).toMatch(/ran with "sound" \[1, 512\]/);
  });

  it('of two names are no batch: a product of two matrices keeps its three sizes', async () => {
    const { report, run } = await imported(
      onnxModel({
        nodes: [node('MatMul', ['x', 'z'], ['y'])],
        inputs: [value('x', TYPE.float, ['m', 'k']), value('z', TYPE.float, ['k', 'n'])],
        outputs: [value('y', TYPE.float, ['m', 'n'])],
      }),
    );
    expect(report.signature.inputs.map(({ shape }) => shape)).toEqual([
      [-1, -1],
      [-1, -1],
    ]);
    expect(report.signature.outputs[0]?.shape).toEqual([-1, -1]);
    expect(report.batchable).toBe(false);
    expect((await run(floatsOf([2, 3]), floatsOf([3, 5], 'z')))[0]?.shape).toEqual([2, 5]);
  });

  it('follow expressions: a mask as long as past and present together', async () => {
    const { report } = await imported(
      onnxModel({
        nodes: [
          node('Concat', ['past', 'now'], ['all'], {
            attributes: [
              Buffer.concat([Buffer.of(10, 4), Buffer.from('axis'), Buffer.of(24, 1, 0xa0, 1, 2)]),
            ],
          }),
          node('Add', ['all', 'mask'], ['y']),
        ],
        inputs: [
          value('past', TYPE.float, ['batch', 'past']),
          value('now', TYPE.float, ['batch', 'now']),
          value('mask', TYPE.float, ['batch', 'past + now']),
        ],
        outputs: [value('y', TYPE.float, ['batch', 'past + now'])],
      }),
    );
    expect(report.batchable).toBe(true);
    expect(report.signature.outputs[0]?.shape).toEqual([-1, -1]);
  });

  it('stay open in an output that is as long as what was found', async () => {
    const { report } = await imported(
      onnxModel({
        nodes: [node('NonZero', ['x'], ['at'])],
        inputs: [value('x', TYPE.float, [1, 4])],
        outputs: [value('at', TYPE.int64, [2, 'found'])],
      }),
    );
    expect(report.signature.outputs[0]?.shape).toEqual([2, -1]);
  });
});

/** As the publisher sends it. */
function sampleOf(...tensors: Tensor[]): ImportSample {
  const inputs = tensors.map(({ data, ...tensor }) => ({
    ...tensor,
    data: Buffer.from(data).toString('base64'),
  }));
  return { inputs, outputs: [], tolerance: 0 };
}

describe("the publisher's own inputs", () => {
  const indexed = onnxModel({
    nodes: [node('Reshape', ['x', 'shape'], ['y'])],
    inputs: [value('x', TYPE.float, [6]), value('shape', TYPE.int64, [3])],
    outputs: [value('y', TYPE.float, ['a', 'b', 'c'])],
  });
  const shape: Tensor = {
    name: 'shape',
    datatype: 'INT64',
    shape: [3],
    data: new Uint8Array(BigInt64Array.of(2n, 3n, 1n).buffer),
  };

  it('run a model that made-up ones do not suit', async () => {
    const refusal = refusalOf(await importBytes(importer, indexed, { runtimes: ['onnx'] }));
    expect(refusal.code).toBe('TRIAL_FAILED');
    const { report } = await imported(indexed, { sample: sampleOf(floatsOf([6]), shape) });
    expect(report.signature.outputs[0]?.shape).toEqual([2, 3, 1]);
  });

  it('must be answered as the publisher expects, on each engine that is to serve', async () => {
    const dense = readFileSync(fileURLToPath(new URL('../../fixtures/keras/dense.h5', import.meta.url)));
    const { inputs, outputs } = JSON.parse(
      readFileSync(fileURLToPath(new URL('../../fixtures/keras/dense.io.json', import.meta.url)), 'utf8'),
    ) as Record<'inputs' | 'outputs', number[][]>;
    const runtimes = ['tfjs-node', 'tfjs-wasm'] as const;
    const call = { inputs: [{ data: inputs }], tolerance: 1e-5 };
    const sample = { ...call, outputs: [{ data: outputs }] };
    // All rows of the sample, though the trial itself is content with one.
    const other = outputs.map((row, at) => (at === 2 ? row.map((value) => value + 0.25) : row));
    const seen: ImportProgress[] = [];
    const wrong = { ...call, outputs: [{ data: other }] };
    const onProgress = (progress: ImportProgress) => void seen.push(progress);
    const [right, refused] = await Promise.all([
      importBytes(importer, dense, { runtimes, sample }),
      importBytes(importer, dense, { runtimes, sample: wrong, onProgress }),
    ]);
    const report = reportOf(right);
    expect(report.trials.map(({ ok }) => ok)).toEqual([true, true]);
    const [output] = report.signature.outputs.map(({ name }) => name);
    expect(report.sample).toMatchObject({ comparedOutputs: [output], inputs: [{ shape: [3, 10] }] });
    expect(report.sample?.largestDifference).toBeLessThan(1e-5);
    const refusal = refusalOf(refused);
    expect(refusal).toMatchObject({ code: 'SAMPLE_MISMATCH', subject: output });
    expect(refusal.message).toMatch(/at \[2, 0\] is [\d.]+; [\d.]+ is expected \(tolerance 0\.00001\)/);
    const facts = Object.assign({}, ...seen.map((progress) => progress.facts)) as ImportFacts;
    expect(facts.trials?.map(({ ok, reason }) => [ok, reason?.includes('[2, 0]')])).toEqual(
      runtimes.map(() => [false, true]),
    );
    expect(facts.sample).toMatchObject({ inputs: [{ shape: [3, 10] }], largestDifference: null });
  }, 60_000);

  it.each<[string, Tensor[], string, RegExp]>([
    ['one is missing', [floatsOf([6])], 'shape', /takes the input "shape", INT64 \[3\].*has none/],
    [
      'one is too long',
      [floatsOf([7]), shape],
      'x',
      /"x" of the sample.*6 is expected in dimension 0, 7 found/,
    ],
    ['one is unknown', [floatsOf([6]), shape, floatsOf([1], 'z')], 'z', /has the input "z"/],
    ['one comes twice', [floatsOf([6]), shape, shape], 'shape', /"shape" more than once/],
  ])('are refused by name when %s', async (_what, inputs, subject, message) => {
    const sample = sampleOf(...inputs);
    const refusal = refusalOf(await importBytes(importer, indexed, { runtimes: ['onnx'], sample }));
    expect(refusal).toMatchObject({ code: 'SAMPLE_MISMATCH', subject });
    expect(refusal.message).toMatch(message);
  });
});

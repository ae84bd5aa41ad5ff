import { describe, expect, it } from 'vitest';
import {
  makePlan,
  type EvaluationOptions,
  type PlannedDataset,
} from '../../../src/domain/evaluations/plan.js';
import { feedRows } from '../../../src/domain/evaluations/feed.js';
import { readOutputs } from '../../../src/domain/evaluations/read-outputs.js';
import type { DatasetColumn, DatasetFile } from '../../../src/importers/index.js';
import type { DecodedBase64 } from '../../../src/lib/decoded-base64.js';
import type { Datatype, Tensor, TensorSpec } from '../../../src/lib/tensor.js';

const spec = (name: string, shape: readonly number[], datatype: Datatype = 'FP32'): TensorSpec => ({
  name,
  datatype,
  shape,
});
const PICTURE: DatasetColumn = { name: 'image', datatype: 'UINT8', shape: [2, 3, 1] };
const classes = (...labels: string[]) => labels.map((label) => ({ label, count: 1 }));
const dataset = (columns: readonly DatasetColumn[], more: Partial<PlannedDataset> = {}): PlannedDataset => ({
  rows: 10,
  columns,
  labelKind: 'NUMBER',
  classes: classes('0', '2'),
  ...more,
});

function plan(
  data: PlannedDataset,
  inputs: TensorSpec[],
  outputs: TensorSpec[],
  options: EvaluationOptions = {},
  batchComputeMs: number | null = null,
) {
  return makePlan(data, { signature: { inputs, outputs }, batchComputeMs }, options);
}

describe('a plan', () => {
  const scores = [spec('y', [-1, 3])];

  it.each([
    ['as it is', [-1, 2, 3, 1], [2, 3, 1], false],
    ['with open sides', [-1, -1, -1, 1], [2, 3, 1], false],
    ['channels first', [-1, 1, 2, 3], [1, 2, 3], true],
    ['flat', [-1, 6], [6], false],
    ['flat and open', [-1, -1], [6], false],
    ['without its one channel', [-1, 2, 3], [2, 3], false],
  ] as const)('gives a picture to a model %s', (_how, shape, expected, channelsFirst) => {
    const made = plan(dataset([PICTURE]), [spec('x', shape)], scores);
    expect(made).toMatchObject({ ok: true, value: { inputs: [{ shape: expected, channelsFirst }] } });
  });

  it('says what does not fit', () => {
    const misfit = plan(dataset([PICTURE]), [spec('x', [-1, 3, 2])], scores);
    expect(misfit).toMatchObject({ ok: false, error: { path: ['inputs'] } });
    const text = plan(dataset([PICTURE]), [spec('x', [-1], 'BYTES')], scores);
    expect(text).toMatchObject({ ok: false, error: { path: ['inputs'] } });
    const two = plan(dataset([PICTURE]), [spec('a', [-1, 6]), spec('b', [-1, 6])], scores);
    expect(two).toMatchObject({ ok: false, error: { path: ['inputs'] } });
    const outputs = plan(dataset([PICTURE]), [spec('x', [-1, 6])], [...scores, spec('z', [-1, 3])]);
    expect(outputs).toMatchObject({ ok: false, error: { path: ['output'] } });
  });

  it('whole numbers below the number of scores are their own index; other labels are in their order', () => {
    const of = (data: PlannedDataset, options: EvaluationOptions = {}) =>
      plan(data, [spec('x', [-1, 6])], scores, options);
    expect(of(dataset([PICTURE]))).toMatchObject({ value: { reading: 'ARGMAX', labels: ['0', '1', '2'] } });
    const names = dataset([PICTURE], { labelKind: 'TEXT', classes: classes('cat', 'dog', 'eel') });
    expect(of(names)).toMatchObject({ value: { labels: ['cat', 'dog', 'eel'] } });
    expect(of(names, { labels: ['eel', 'dog', 'cat'] })).toMatchObject({
      value: { labels: ['eel', 'dog', 'cat'] },
    });
    const few = dataset([PICTURE], { labelKind: 'TEXT', classes: classes('cat', 'dog') });
    expect(of(few)).toMatchObject({ ok: false, error: { path: ['labels'] } });
    expect(of(names, { labels: ['cat', 'dog', 'fox'] })).toMatchObject({
      ok: false,
      error: { path: ['labels'] },
    });
  });

  it('guesses how an output is read, and refuses a reading that cannot be', () => {
    const reading = (data: PlannedDataset, output: TensorSpec, options: EvaluationOptions = {}) => {
      const made = plan(data, [spec('x', [-1, 6])], [output], options);
      return made.ok ? made.value.reading : made.error.path;
    };
    const measures = dataset([PICTURE], { classes: null });
    const names = dataset([PICTURE], { labelKind: 'TEXT', classes: classes('a', 'b') });
    expect(reading(measures, spec('y', [-1, 1]))).toBe('VALUE');
    expect(reading(names, spec('y', [-1, 1]))).toBe('THRESHOLD');
    expect(reading(names, spec('y', [-1], 'BYTES'))).toBe('LABEL');
    expect(reading(dataset([PICTURE]), spec('y', [-1], 'INT64'))).toBe('LABEL');
    expect(reading(names, spec('y', [-1, 1]), { reading: 'VALUE' })).toEqual(['reading']);
    expect(reading(measures, spec('y', [-1, 3]), { reading: 'ARGMAX' })).toEqual(['reading']);
    expect(reading(names, spec('y', [-1, 4, 3]))).toEqual(['reading']);
  });

  it('takes as many rows as a tenth of a second bears, or as are asked for, and one where rows share nothing', () => {
    const rows = (batchComputeMs: number | null, options: EvaluationOptions = {}, shape = [-1, 6]) => {
      const made = plan(dataset([PICTURE]), [spec('x', shape)], scores, options, batchComputeMs);
      return made.ok ? made.value.batchRows : made.error.path;
    };
    expect(rows(null)).toBe(256);
    expect(rows(32)).toBe(100);
    expect(rows(10_000)).toBe(1);
    expect(rows(10_000, { batchRows: 64 })).toBe(64);
    expect(rows(null, { batchRows: 0 })).toEqual(['batchRows']);
    expect(rows(null, { batchRows: 64 }, [1, 6])).toBe(1);
  });
});

/** A file of these columns, in memory. */
function fileOf(columns: readonly Tensor[]): DatasetFile {
  const rows = columns[0]?.shape[0] ?? 0;
  return {
    rows,
    columns: columns.map(({ name, datatype, shape }) => ({ name, datatype, shape: shape.slice(1) })),
    labelKind: 'NUMBER',
    readColumn: (index) => Promise.resolve(columns[index] as Tensor),
    readLabels: () => Promise.resolve([]),
    close: () => Promise.resolve(),
  };
}

describe('rows as inputs', () => {
  const bytes = (values: ArrayBufferView) => new Uint8Array(values.buffer);

  async function fed(columns: readonly Tensor[], input: TensorSpec, options: EvaluationOptions = {}) {
    const file = fileOf(columns);
    const made = plan(dataset(file.columns), [input], [spec('y', [-1, 3])], options);
    if (!made.ok) throw new Error(made.error.message);
    const result = await feedRows(file, made.value, 0, file.rows);
    return result.ok
      ? result.value.map(({ shape, data }) => ({ shape, bytes: (data as DecodedBase64).bytes }))
      : result.error;
  }

  it('are scaled, turned, and set side by side', async () => {
    const picture = {
      name: 'p',
      datatype: 'UINT8' as const,
      shape: [1, 2, 1, 3],
      data: Uint8Array.of(0, 51, 102, 153, 204, 255),
    };
    expect(await fed([picture], spec('x', [-1, 2, 1, 3]), { scale: 1 / 255 })).toEqual([
      { shape: [1, 2, 1, 3], bytes: bytes(Float32Array.of(0, 0.2, 0.4, 0.6, 0.8, 1)) },
    ]);
    expect(await fed([picture], spec('x', [-1, 3, 2, 1]), { layout: 'NCHW', offset: -1 })).toEqual([
      { shape: [1, 3, 2, 1], bytes: bytes(Float32Array.of(-1, 152, 50, 203, 101, 254)) },
    ]);
    const column = (name: string, ...values: number[]): Tensor => ({
      name,
      datatype: 'FP64',
      shape: [2],
      data: bytes(Float64Array.from(values)),
    });
    expect(await fed([column('a', 1, 2), column('b', 3, 4)], spec('x', [-1, 2]))).toEqual([
      { shape: [2, 2], bytes: bytes(Float32Array.of(1, 3, 2, 4)) },
    ]);
  });

  it('keep 64-bit integers exactly, and name the row of a number that does not fit', async () => {
    const large = bytes(BigInt64Array.of(2n ** 62n + 1n, -1n));
    const column: Tensor = { name: 'x', datatype: 'INT64', shape: [2, 1], data: large };
    expect(await fed([column], spec('x', [-1, 1], 'INT64'))).toEqual([{ shape: [2, 1], bytes: large }]);
    const floats: Tensor = {
      name: 'x',
      datatype: 'FP64',
      shape: [2, 1],
      data: bytes(Float64Array.of(1, 300)),
    };
    expect(await fed([floats], spec('x', [-1, 1], 'UINT8'))).toMatchObject({
      code: 'INVALID_INPUT',
      message: expect.stringContaining('Row 1') as string,
    });
  });
});

describe('outputs', () => {
  it('of labels as integers are compared as text, exactly', () => {
    const data = new Uint8Array(BigInt64Array.of(7n, 2n ** 60n).buffer);
    const read = readOutputs(
      {
        output: 'label',
        reading: 'LABEL',
        labels: ['7', '1152921504606846976'],
        threshold: 0.5,
        logits: false,
      },
      [{ name: 'label', datatype: 'INT64', shape: [2], data }],
      ['7', '7'],
    );
    expect(read).toMatchObject({
      ok: true,
      value: [
        { actual: 0, predicted: 0 },
        { actual: 0, predicted: 1 },
      ],
    });
  });

  it('of another shape than was planned are refused', () => {
    const data = new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer);
    const read = readOutputs(
      { output: 'y', reading: 'ARGMAX', labels: ['a', 'b', 'c'], threshold: 0.5, logits: false },
      [{ name: 'y', datatype: 'FP32', shape: [2, 2], data }],
      ['a', 'b'],
    );
    expect(read).toMatchObject({ ok: false, error: { code: 'INVALID_INPUT', path: ['output'] } });
  });
});

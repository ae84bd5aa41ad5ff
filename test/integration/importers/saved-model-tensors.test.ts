/** What the tfjs-graph engine carries across, and what it keeps between runs: nothing. */
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, describe, expect, it } from 'vitest';
import { createImporter } from '../../../src/importers/index.js';
import { decodePack, encodePackHeader, type PackHeader } from '../../../src/inference/index.js';
import { createRuntime, isFatalEngineError } from '../../../src/inference/worker/runtimes/index.js';
import { encodeBytesElements } from '../../../src/inference/tensors.js';
import type { Tensor } from '../../../src/lib/tensor.js';
import { importBytes, refusalOf, reportOf } from '../../support/importing.js';
import {
  elementwise,
  nodeOf,
  savedModelFiles,
  smallSavedModel,
  typeAttr,
  zipOfFiles,
  type Files,
} from '../../support/saved-models.js';

const importer = createImporter();
const runtime = createRuntime('tfjs-graph');
await runtime.start();
afterAll(() => importer.stop());

const publish = (files: Files) => importBytes(importer, zipOfFiles(files), { runtimes: ['tfjs-graph'] });
const FLOAT = 1;

const tensor = (name: string, datatype: Tensor['datatype'], values: ArrayBufferView): Tensor => ({
  name,
  datatype,
  shape: [2, 2],
  data: new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
});

describe('datatypes', () => {
  it('go in and come out as they are, 64-bit integers to the last bit', async () => {
    const imported = await publish(elementwise('Identity', [1, 3, 9, 10, 7]));
    expect(reportOf(imported)).toMatchObject({ runtime: 'tfjs-graph', batchable: true });
    const model = await runtime.load(imported.pack as Uint8Array);
    const given = [
      tensor('y0', 'FP32', Float32Array.of(1.5, -0, NaN, Infinity)),
      tensor('y1', 'INT32', Int32Array.of(-1, 2 ** 31 - 1, 0, 7)),
      tensor('y2', 'INT64', BigInt64Array.of(2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n + 1n, -1n)),
      tensor('y3', 'BOOL', Uint8Array.of(1, 0, 0, 1)),
      tensor(
        'y4',
        'BYTES',
        encodeBytesElements(
          ['a', '', 'é', 'long enough to leave the short form'].map((text) => Buffer.from(text)),
        ),
      ),
    ];
    const answers = await model.run(given.map((value) => ({ ...value, data: value.data.slice() })));
    expect(answers).toEqual(given);
    expect(runtime.memory().tensors).toBe(0);
    model.dispose();
  });

  it('of small integers go in as they are and come out of a cast', async () => {
    const files = smallSavedModel(
      [
        nodeOf(
          'in',
          'Placeholder',
          [],
          [
            typeAttr('dtype', 4),
            { key: 'shape', value: { shape: { dim: [{ size: -1 }, { size: 2 }], unknownRank: false } } },
          ],
        ),
        nodeOf('out', 'Cast', ['in'], [typeAttr('SrcT', 4), typeAttr('DstT', 3)]),
      ],
      [{ key: 'pixels', name: 'in:0', dtype: 4, shape: [-1, 2] }],
      [{ key: 'numbers', name: 'out:0', dtype: 3, shape: [-1, 2] }],
    );
    const imported = await publish(files);
    expect(reportOf(imported).signature).toEqual({
      inputs: [{ name: 'pixels', datatype: 'UINT8', shape: [-1, 2] }],
      outputs: [{ name: 'numbers', datatype: 'INT32', shape: [-1, 2] }],
    });
    const model = await runtime.load(imported.pack as Uint8Array);
    const [answer] = await model.run([
      { name: 'pixels', datatype: 'UINT8', shape: [1, 2], data: Uint8Array.of(255, 3) },
    ]);
    expect([...new Int32Array((answer as Tensor).data.slice().buffer)]).toEqual([255, 3]);
    model.dispose();
  });

  it('that the API has no name for are refused', async () => {
    const complex = 8;
    expect(refusalOf(await publish(elementwise('Identity', [complex])))).toMatchObject({
      code: 'UNSUPPORTED_TENSOR',
      subject: 'x0',
    });
  });
});

describe('the report', () => {
  it('names every signature, and the one that answers when none is named', async () => {
    const shape = [-1, 2];
    const float = {
      key: 'shape',
      value: { shape: { dim: [{ size: -1 }, { size: 2 }], unknownRank: false } },
    };
    const nodes = [
      nodeOf('in', 'Placeholder', [], [typeAttr('dtype', FLOAT), float]),
      nodeOf('out', 'Relu', ['in'], [typeAttr('T', FLOAT)]),
    ];
    const files = smallSavedModel(
      nodes,
      [{ key: 'x', name: 'in:0', dtype: FLOAT, shape }],
      [{ key: 'y', name: 'out:0', dtype: FLOAT, shape }],
      ['embed', 'serving_default', 'train'],
    );
    const report = reportOf(await publish(files));
    expect(report.signatures.map(({ name }) => name)).toEqual(['serving_default', 'embed', 'train']);
    // What each takes is measured by itself; the figure of the first is its engine's.
    expect(report.signatures.map(({ computeMs }) => computeMs)).toEqual([
      undefined,
      expect.any(Number),
      expect.any(Number),
    ]);
    expect(report.notes).toContain('The signature "serving_default" answers predictions that name none.');
    expect(report.operations).toEqual([{ name: 'Relu', count: 1 }]);
  });

  it('says that rows are not joined when a later row depends on the ones before it', async () => {
    const float = {
      key: 'shape',
      value: { shape: { dim: [{ size: -1 }, { size: 2 }], unknownRank: false } },
    };
    const constant = (name: string, dtype: number, bytes: Uint8Array, dim: { size: number }[]) =>
      nodeOf(
        name,
        'Const',
        [],
        [
          typeAttr('dtype', dtype),
          {
            key: 'value',
            value: {
              tensor: {
                dtype,
                tensorShape: { dim, unknownRank: false },
                tensorContent: bytes,
                stringVal: [],
              },
            },
          },
        ],
      );
    const nodes = [
      nodeOf('in', 'Placeholder', [], [typeAttr('dtype', FLOAT), float]),
      nodeOf('sum', 'Cumsum', ['in', 'first'], [typeAttr('T', FLOAT), typeAttr('Tidx', 3)]),
      constant('first', 3, new Uint8Array(Int32Array.of(0).buffer), []),
    ];
    const files = smallSavedModel(
      nodes,
      [{ key: 'x', name: 'in:0', dtype: FLOAT, shape: [-1, 2] }],
      [{ key: 'y', name: 'sum:0', dtype: FLOAT, shape: [-1, 2] }],
    );
    // A running sum over the batch: the first row comes out as it does alone, every later one does not.
    const report = reportOf(await publish(files));
    expect(report).toMatchObject({ batchable: false, trials: [{ ok: true, batchComputeMs: null }] });
    expect(report.notes).toContainEqual(
      expect.stringMatching(/never joined, because a row's answer depends/),
    );
  });
});

describe('the engine', () => {
  it('holds no tensor after runs that fail, and leaves no file behind', async () => {
    const imported = await publish(savedModelFiles('saved-model/dense'));
    const before = readdirSync(tmpdir()).filter((name) => name.startsWith('souk-model-'));
    const model = await runtime.load(imported.pack as Uint8Array);
    expect(readdirSync(tmpdir()).filter((name) => name.startsWith('souk-model-'))).toEqual(before);
    expect(model.bytes).toBeGreaterThan(1354 * 4);
    expect(runtime.memory().bytes).toBe(model.bytes);
    const wrong: Tensor = { name: 'x', datatype: 'FP32', shape: [1, 3], data: new Uint8Array(12) };
    for (let i = 0; i < 20; i++) await expect(model.run([wrong])).rejects.toThrow();
    await expect(model.run([])).rejects.toThrow(/is missing/);
    const right: Tensor = { name: 'x', datatype: 'FP32', shape: [1, 10], data: new Uint8Array(40) };
    for (let i = 0; i < 100; i++) await model.run([{ ...right, data: right.data.slice() }]);
    expect(runtime.memory().tensors).toBe(0);
    model.dispose();
    model.dispose();
    expect(runtime.memory()).toEqual({ tensors: 0, bytes: 0 });
    await expect(model.run([right])).rejects.toThrow(/let go/);
  });

  it('asks for a new worker when failing runs have lost too much memory', async () => {
    const imported = await publish(savedModelFiles('saved-model/dense'));
    const engine = createRuntime('tfjs-graph');
    await engine.start();
    const model = await engine.load(imported.pack as Uint8Array);
    const rows = 2 ** 20;
    const wrong: Tensor = { name: 'x', datatype: 'FP32', shape: [rows, 11], data: new Uint8Array(rows * 44) };
    const failures: unknown[] = [];
    for (let i = 0; i < 6; i++) failures.push(await model.run([wrong]).catch((error: unknown) => error));
    expect(failures.map(isFatalEngineError)).toEqual([false, false, false, false, false, true]);
    model.dispose();
  });

  it('refuses a pack whose files are damaged, of another kind, or named to climb out', async () => {
    const imported = await publish(savedModelFiles('saved-model/dense'));
    const decoded = decodePack(imported.pack as Uint8Array);
    if (!decoded.ok) throw new Error(decoded.error.message);
    const { header, weights } = decoded.value;
    const load = (change: Partial<PackHeader>, bytes: Uint8Array = weights) =>
      runtime.load(Buffer.concat([encodePackHeader({ ...header, ...change }), bytes]));
    const damaged = Buffer.from(weights);
    damaged.fill(0xff, damaged.length - 400);
    const failure = await load({}, damaged).catch((error: unknown) => String(error));
    expect(failure).toMatch(/ModelLoadError: .*hecksum/);
    expect(failure).not.toContain(tmpdir());
    await expect(load({ kind: 'tfjs-graph' })).rejects.toThrow(/this engine runs TensorFlow graphs/);
    await expect(load({ outputNodes: ['a:0,b:0'] })).rejects.toThrow(/is not the name of a tensor/);
    const [first, ...others] = header.files ?? [];
    const climbing = [{ name: '../climbed.pb', byteLength: first?.byteLength ?? 0 }, ...others];
    await expect(load({ files: climbing })).rejects.toThrow(/is not a file name/);
    expect(runtime.memory()).toEqual({ tensors: 0, bytes: 0 });
  });
});

/** What people have as ONNX beyond one file with one tensor, through the whole API; and a key that may only publish. */
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { ask, fixture, newTenant, newVersion, predict, sendFile, succeed } from '../support/api.js';
import { externalTensor, floats, node, onnxModel, TYPE, value } from '../support/onnx-model.js';
import { startServer, type TestServer } from '../support/server.js';
import { zipOf } from '../support/zip.js';

vi.setConfig({ testTimeout: 60_000 });

let server: TestServer;
let token: string;
beforeAll(async () => {
  server = await startServer({ INFERENCE_RUNTIMES: 'onnx', INFERENCE_WORKERS: '1' });
  ({ token } = await newTenant(server.url, 'onnx'));
});
afterAll(() => server.stop());

async function answersOf(versionId: string, inputs: readonly object[]) {
  const answer = await predict(server.url, token, { target: { versionId }, inputs });
  expect(answer.errors).toEqual([]);
  return answer.prediction?.outputs ?? [];
}

it('weights in a data file beside the model come along in its archive', async () => {
  const place = { location: 'weights/model.onnx.data', offset: '4', length: '8' };
  const model = onnxModel({
    nodes: [node('Add', ['x', 'w'], ['y'])],
    inputs: [value('x', TYPE.float, ['n', 2])],
    outputs: [value('y', TYPE.float, ['n', 2])],
    initializers: [externalTensor('w', TYPE.float, [2], place)],
  });
  const archive = zipOf([
    { name: 'model.onnx', data: model },
    { name: 'weights/model.onnx.data', data: floats(99, 0.5, -2) },
  ]);
  const { versionId } = await newVersion(server.url, token, archive);
  expect(
    await answersOf(versionId, [
      {
        data: [
          [1, 1],
          [2, 2],
        ],
      },
    ]),
  ).toMatchObject([
    {
      name: 'y',
      data: [
        [1.5, -1],
        [2.5, 0],
      ],
    },
  ]);
});

it('a pipeline of columns with texts and gaps answers as scikit-learn did', async () => {
  const { versionId } = await newVersion(server.url, token, await fixture('onnx/ml/columns.onnx'));
  type Io = Record<string, { shape: number[]; datatype: string; data: (number | string | null)[] }>;
  const io = JSON.parse(String(await fixture('onnx/ml/columns.io.json'))) as { inputs: Io; outputs: Io };
  const inputs = Object.entries(io.inputs).map(([name, { shape, datatype, data }]) => ({
    name,
    shape,
    datatype,
    // What is missing in a column.
    data: data.map((element) => element ?? 'NaN'),
  }));
  const [output] = await answersOf(versionId, inputs);
  const wanted = io.outputs[output?.name ?? '']?.data.map(Number) ?? [];
  const found = (output?.data as number[][]).flat();
  expect(found).toHaveLength(wanted.length);
  for (const [at, number] of found.entries())
    expect(Math.abs(number - (wanted[at] as number))).toBeLessThan(1e-4);
});

it('sizes with names are free, each on its own, and what does not fit together is refused', async () => {
  const model = onnxModel({
    nodes: [node('MatMul', ['a', 'b'], ['y'])],
    inputs: [value('a', TYPE.float, ['rows', 'inner']), value('b', TYPE.float, ['inner', 'columns'])],
    outputs: [value('y', TYPE.float, ['rows', 'columns'])],
  });
  const { versionId } = await newVersion(server.url, token, model);
  const tensors = (a: number[][], b: number[][]) => [
    { name: 'a', data: a },
    { name: 'b', data: b },
  ];
  expect(
    await answersOf(
      versionId,
      tensors(
        [[1, 2, 3]],
        [
          [1, 0],
          [0, 1],
          [1, 1],
        ],
      ),
    ),
  ).toMatchObject([{ shape: [1, 2], data: [[4, 5]] }]);
  expect(await answersOf(versionId, tensors([[1], [2], [3]], [[2]]))).toMatchObject([{ shape: [3, 1] }]);
  const inputs = tensors([[1, 2, 3]], [[1], [2]]);
  const uneven = await predict(server.url, token, { target: { versionId }, inputs });
  expect(uneven.errors).toMatchObject([{ code: 'PREDICTION_FAILED' }]);
});

it('a key that may publish but not read gets its version, and is told that the model is not its to see', async () => {
  const { modelId } = await newVersion(server.url, token, await fixture('onnx/dense.onnx'));
  const { secret } = (await succeed(server.url, token, 'createApiKey', 'secret', {
    name: 'pipeline',
    scopes: ['VERSION_PUBLISH'],
  })) as never as { secret: string };
  const publish = async (selection: string) =>
    ask(
      server.url,
      secret,
      `mutation ($input: PublishVersionInput!) { publishVersion(input: $input) { ${selection} errors { code } } }`,
      {
        input: { modelId, uploadId: await sendFile(server.url, secret, 'onnx/dense.onnx'), waitMs: 60_000 },
      },
    );
  const plain = await publish(
    'version { number downloadUrl quarantine { reason } } publication { status version { number } }',
  );
  expect([plain.errors, plain.data]).toEqual([
    [],
    {
      publishVersion: {
        version: { number: 2, downloadUrl: null, quarantine: null },
        publication: { status: 'SUCCEEDED', version: null },
        errors: [],
      },
    },
  ]);
  for (const selection of ['version { number model { name } }', 'publication { status model { name } }']) {
    const [field] = selection.split(' ') as [string];
    const { data, errors } = await publish(selection);
    expect(data).toEqual({ publishVersion: { [field]: null, errors: [] } });
    expect(errors).toMatchObject([
      { message: `You may not see the model of this ${field}.`, extensions: { code: 'NOT_FOUND' } },
    ]);
  }
});

/** SavedModels through the whole API: every packing, every signature, every datatype to its last bit. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Tensor } from '../../src/lib/tensor.js';
import { ask, newTenant, newVersion, predict } from '../support/api.js';
import { expectClose } from '../support/close-tensors.js';
import { recordedRuns, savedModelFiles, tarOfFiles, zipOfFiles } from '../support/saved-models.js';
import { startServer, type TestServer } from '../support/server.js';

let server: TestServer;
let token: string;

beforeAll(async () => {
  server = await startServer({ INFERENCE_RUNTIMES: 'tfjs-graph', INFERENCE_WORKERS: '1' });
  ({ token } = await newTenant(server.url, 'saved'));
});
afterAll(() => server.stop());

const filesOf = (name: string) => savedModelFiles(`saved-model/${name}`);
const publish = async (name: string, bytes = zipOfFiles(filesOf(name))): Promise<string> =>
  (await newVersion(server.url, token, bytes)).versionId;

const asInput = ({ name, shape, data }: Tensor) => ({
  name,
  shape,
  data: Buffer.from(data).toString('base64'),
});

/** The answer as tensors again. */
async function call(input: object): Promise<Tensor[]> {
  const answer = await predict(server.url, token, { ...input, outputEncoding: 'BASE64' });
  expect(answer.errors).toEqual([]);
  return (answer.prediction?.outputs ?? []).map(({ name, datatype, shape, data }) => ({
    name,
    datatype: datatype as Tensor['datatype'],
    shape,
    data: new Uint8Array(Buffer.from(data as string, 'base64')),
  }));
}

/** Every recorded run of every signature; the first one without naming it, too. */
async function expectRecorded(name: string, versionId: string): Promise<void> {
  for (const [signature, runs] of Object.entries(recordedRuns(name))) {
    for (const { inputs, outputs } of runs) {
      const named = await call({ target: { versionId }, signature, inputs: inputs.map(asInput) });
      expect(named).toHaveLength(outputs.length);
      for (const answer of named) {
        expectClose(
          answer,
          outputs.find((output) => output.name === answer.name),
        );
      }
    }
  }
}

describe('a SavedModel answers as TensorFlow does', () => {
  it.each<[string, (name: string) => Buffer | Promise<Buffer>]>([
    ['text', (name) => tarOfFiles(filesOf(name))],
    ['vocabulary', (name) => tarOfFiles(filesOf(name), false)],
    ['control', (name) => zipOfFiles(filesOf(name), '')],
    ['tf1', (name) => zipOfFiles(filesOf(name), `export/${name}/1/`)],
  ])('%s', async (name, pack) => {
    await expectRecorded(name, await publish(name, await pack(name)));
  });
});

describe('signatures', () => {
  let versionId: string;
  beforeAll(async () => {
    versionId = await publish('signatures');
  });

  it('are listed, called by name, and one of them when none is named', async () => {
    const listed = await ask(
      server.url,
      token,
      `query ($id: ID!) { version(id: $id) { signature { outputs { name } } findings
        signatures { name batchable signature { inputs { name shape } outputs { name datatype } } } } }`,
      { id: versionId },
    );
    expect(listed.data?.['version']).toMatchObject({
      signature: { outputs: [{ name: 'probabilities' }] },
      findings: expect.arrayContaining([
        'The signature "serving_default" answers predictions that name none.',
      ]) as unknown,
      signatures: [
        { name: 'serving_default', batchable: true },
        {
          name: 'embed',
          batchable: true,
          signature: {
            inputs: [{ name: 'features', shape: [-1, 6] }],
            outputs: [{ name: 'embedding', datatype: 'FP32' }],
          },
        },
        { name: 'similarity', batchable: false },
      ],
    });
    await expectRecorded('signatures', versionId);
    const [run] = recordedRuns('signatures')['serving_default'] ?? [];
    const [unnamed] = await call({ target: { versionId }, inputs: (run?.inputs ?? []).map(asInput) });
    expectClose(unnamed as Tensor, run?.outputs[0]);
    const unknown = await predict(server.url, token, {
      target: { versionId },
      signature: 'train',
      inputs: [{ data: [[1]] }],
    });
    expect(unknown.errors).toMatchObject([
      {
        code: 'INVALID_INPUT',
        path: ['signature'],
        message:
          'The version has no signature named "train"; it has "serving_default", "embed", "similarity".',
      },
    ]);
  });

  it('share no run, though their inputs look alike', async () => {
    const runs = recordedRuns('signatures');
    const wanted = ['serving_default', 'embed'].map((signature) => {
      const run = runs[signature]?.[0];
      if (run === undefined) throw new Error(`There is no recorded run of ${signature}.`);
      return { signature, run };
    });
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, at) => {
        const { signature, run } = wanted[at % 2] as (typeof wanted)[number];
        return call({ target: { versionId }, signature, inputs: run.inputs.map(asInput) });
      }),
    );
    answers.forEach(([answer], at) => {
      expectClose(answer as Tensor, wanted[at % 2]?.run.outputs[0]);
    });
  });

  it('are part of what an idempotency key stands for', async () => {
    const [run] = recordedRuns('signatures')['embed'] ?? [];
    const request = {
      target: { versionId },
      inputs: (run?.inputs ?? []).map(asInput),
      idempotencyKey: 'one',
    };
    expect((await predict(server.url, token, { ...request, signature: 'embed' })).errors).toEqual([]);
    expect((await predict(server.url, token, request)).errors).toMatchObject([
      { code: 'IDEMPOTENCY_MISMATCH' },
    ]);
  });
});

describe('every bit survives the trip', () => {
  const TYPES = [
    ['INT64', 8],
    ['UINT64', 8],
    ['FP64', 8],
    ['FP32', 4],
    ['UINT32', 4],
    ['INT32', 4],
    ['FP16', 2],
    ['INT16', 2],
    ['UINT16', 2],
    ['INT8', 1],
    ['UINT8', 1],
  ] as const;
  const nameOf = (type: string): string => type.toLowerCase().replace('fp', 'float');
  const width = 4;
  let versionId: string;

  beforeAll(async () => {
    versionId = await publish('types');
  });

  /** The inputs of the fixture, with these elements in place of the first ones. */
  const inputsOf = (given: Readonly<Record<string, unknown>>) => {
    const [run] = recordedRuns('types')['serving_default'] ?? [];
    return (run?.inputs ?? []).map((input) => {
      const data = given[input.name];
      return data === undefined ? asInput(input) : { name: input.name, shape: [width], data };
    });
  };

  it('as TensorFlow carried them, scalars too', () => expectRecorded('types', versionId));

  it('as base64, whatever the bits', async () => {
    const bits = TYPES.map(([, size]) => fc.uint8Array({ minLength: size * width, maxLength: size * width }));
    await fc.assert(
      fc.asyncProperty(fc.tuple(...bits), async (bytes) => {
        const given = Object.fromEntries(
          TYPES.map(([type], at) => [`x_${nameOf(type)}`, Buffer.from(bytes[at] ?? []).toString('base64')]),
        );
        const answers = await call({ target: { versionId }, inputs: inputsOf(given) });
        for (const [type] of TYPES) {
          const answer = answers.find(({ name }) => name === `y_${nameOf(type)}`);
          expect(Buffer.from(answer?.data ?? []).toString('base64'), type).toBe(given[`x_${nameOf(type)}`]);
        }
      }),
      { numRuns: 25 },
    );
  });

  it('as JSON: whole numbers as numbers up to 2^53 and as text beyond', async () => {
    const long = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
    const asJson = (value: bigint): number | string =>
      value >= -(2n ** 53n) + 1n && value < 2n ** 53n ? Number(value) : value.toString();
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(long, fc.bigInt({ min: -(2n ** 54n), max: 2n ** 54n })), {
          minLength: width,
          maxLength: width,
        }),
        fc.array(fc.double(), { minLength: width, maxLength: width }),
        async (longs, doubles) => {
          // JSON has one zero.
          const numbers = doubles.map((value) => (Number.isFinite(value) ? value + 0 : String(value)));
          const given = { x_int64: longs.map(asJson), x_float64: numbers };
          const answer = await predict(server.url, token, { target: { versionId }, inputs: inputsOf(given) });
          expect(answer.errors).toEqual([]);
          const outputs = answer.prediction?.outputs ?? [];
          expect(outputs.find(({ name }) => name === 'y_int64')?.data).toEqual(given.x_int64);
          expect(outputs.find(({ name }) => name === 'y_float64')?.data).toEqual(
            numbers.map((value) => (value === 0 ? 0 : value)),
          );
        },
      ),
      { numRuns: 25 },
    );
  });
});

/** Real trained models give Python's outputs, through the whole API, on every engine. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fixture, newTenant, newVersion, predict } from '../support/api.js';
import { digitTensor, readDigits } from '../support/digits.js';
import { startServer, type TestServer } from '../support/server.js';

const TOLERANCE = 1e-5;
const MODELS = ['dense', 'cnn', 'mlp', 'rnn', 'autoencoder'];

type Nested = number | readonly Nested[];

function flat(nested: Nested): number[] {
  return typeof nested === 'number' ? [nested] : nested.flatMap((part) => flat(part));
}

function maxAbsDiff(actual: Nested, expected: Nested): number {
  const wanted = flat(expected);
  const got = flat(actual);
  expect(got.length).toBe(wanted.length);
  return got.reduce((worst, value, i) => Math.max(worst, Math.abs(value - (wanted[i] ?? NaN))), 0);
}

describe.each(['tfjs-node', 'tfjs-wasm'])('on %s', (runtime) => {
  let server: TestServer;
  let token: string;

  beforeAll(async () => {
    server = await startServer({ INFERENCE_RUNTIMES: runtime });
    ({ token } = await newTenant(server.url, 'fixtures'));
  });
  afterAll(() => server.stop());

  it.each(MODELS.flatMap((name) => [`${name}.h5`, `${name}.keras`]))(
    '%s agrees with Python',
    async (file) => {
      const { versionId } = await newVersion(server.url, token, `keras/${file}`);
      const io = JSON.parse((await fixture(`keras/${file.replace(/\..*/, '')}.io.json`)).toString()) as {
        inputs: Nested;
        outputs: Nested;
      };
      const answer = await predict(server.url, token, {
        target: { versionId },
        inputs: [{ data: io.inputs }],
      });
      expect(answer.errors).toEqual([]);
      expect(answer.prediction?.receipt.runtime.toLowerCase().replace('_', '-')).toBe(runtime);
      expect(maxAbsDiff(answer.prediction?.outputs?.[0]?.data as Nested, io.outputs)).toBeLessThanOrEqual(
        TOLERANCE,
      );
    },
  );

  it.each(['digits.h5', 'digits.keras'])(
    '%s reads each of the 40 test pictures as Python does',
    async (file) => {
      const { versionId } = await newVersion(server.url, token, `digits/${file}`);
      const { expected, images } = await readDigits();
      const answer = await predict(server.url, token, {
        target: { versionId },
        inputs: [digitTensor(images)],
      });
      expect(answer.errors).toEqual([]);
      const rows = answer.prediction?.outputs?.[0]?.data as number[][];
      // Python saw the pictures before they were cut to 8 bits; `digits-reference.test.ts` compares to 1e-5.
      expect(maxAbsDiff(rows, expected.probabilities)).toBeLessThanOrEqual(2e-3);
      const argMax = (row: readonly number[]) => row.indexOf(Math.max(...row));
      expect(rows.map(argMax)).toEqual(expected.probabilities.map(argMax));
    },
  );
});

describe('on onnx', () => {
  let server: TestServer;
  let token: string;

  beforeAll(async () => {
    server = await startServer({ INFERENCE_RUNTIMES: 'onnx' });
    ({ token } = await newTenant(server.url, 'fixtures'));
  });
  afterAll(() => server.stop());

  it.each(['dense', 'cnn', 'iris-tree'])('%s.onnx agrees with Python', async (name) => {
    const { versionId } = await newVersion(server.url, token, `onnx/${name}.onnx`);
    const io = JSON.parse((await fixture(`onnx/${name}.io.json`)).toString()) as {
      inputs: Readonly<Record<string, Nested>>;
      outputs: Readonly<Record<string, Nested>>;
    };
    const answer = await predict(server.url, token, {
      target: { versionId },
      inputs: Object.entries(io.inputs).map(([input, data]) => ({ name: input, data })),
    });
    expect(answer.errors).toEqual([]);
    expect(answer.prediction?.receipt.runtime).toBe('ONNX');
    for (const output of answer.prediction?.outputs ?? []) {
      // 64-bit integers come as text where a number could lose digits.
      const wanted = io.outputs[output.name] as Nested;
      const got = flat(output.data as Nested).map(Number);
      expect(maxAbsDiff(got, wanted)).toBeLessThanOrEqual(TOLERANCE);
    }
    expect(answer.prediction?.outputs).toHaveLength(Object.keys(io.outputs).length);
  });
});

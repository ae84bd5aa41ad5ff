/** Real trained models give Python's outputs, through the whole API, on every engine. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, fixture, newTenant, newVersion, predict } from '../support/api.js';
import { digitTensor, readDigits } from '../support/digits.js';
import { savedModelFiles, tarOfFiles, zipOfFiles } from '../support/saved-models.js';
import { startServer, type TestServer } from '../support/server.js';

const TOLERANCE = 1e-5;
const MODELS = ['dense', 'cnn', 'rnn'];

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

let server: TestServer;
let token: string;

/** For the describe block that calls it. */
function serverWith(runtimes: string): void {
  beforeAll(async () => {
    server = await startServer({ INFERENCE_RUNTIMES: runtimes, INFERENCE_WORKERS: '1' });
    ({ token } = await newTenant(server.url, 'fixtures'));
  });
  afterAll(() => server.stop());
}

/** Publishes the model and asks it what Python was asked. Returns the engine that ran it. */
async function agreesWithPython(model: string | Buffer, name: string): Promise<string> {
  const { versionId } = await newVersion(server.url, token, model);
  const io = JSON.parse((await fixture(`keras/${name}.io.json`)).toString()) as {
    inputs: Nested;
    outputs: Nested;
  };
  const answer = await predict(server.url, token, { target: { versionId }, inputs: [{ data: io.inputs }] });
  expect(answer.errors).toEqual([]);
  expect(maxAbsDiff(answer.prediction?.outputs?.[0]?.data as Nested, io.outputs)).toBeLessThanOrEqual(
    TOLERANCE,
  );
  return answer.prediction?.receipt.runtime ?? 'none';
}

/** Both kinds of file on every engine: `test/integration/importers/keras.test.ts`. */
function kerasFiles(runtime: string, kind: 'keras' | 'h5'): void {
  it.each(MODELS.map((name) => `${name}.${kind}`))('%s agrees with Python', async (file) => {
    const ran = await agreesWithPython(`keras/${file}`, file.replace(/\..*/, ''));
    expect(ran.toLowerCase().replace('_', '-')).toBe(runtime);
  });

  it.each([`digits.${kind}`])('%s reads each of the 40 test pictures as Python does', async (file) => {
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
  });
}

describe('on tfjs-wasm', () => {
  serverWith('tfjs-wasm');
  kerasFiles('tfjs-wasm', 'h5');
});

// Each kind of file runs on one of the two, so that no file has a choice.
describe('on tfjs-graph and onnx', () => {
  serverWith('tfjs-graph,onnx');
  kerasFiles('tfjs-graph', 'keras');

  describe('a SavedModel', () => {
    it.each(['dense', 'cnn'])('the SavedModel %s agrees with Python', async (name) => {
      const files = zipOfFiles(savedModelFiles(`saved-model/${name}`));
      expect(await agreesWithPython(files, name)).toBe('TFJS_GRAPH');
    });

    it('the SavedModel of digits reads each of the 40 test pictures as Python does', async () => {
      const file = await tarOfFiles(savedModelFiles('digits/saved_model'));
      const { versionId } = await newVersion(server.url, token, file);
      const { expected, images } = await readDigits();
      const answer = await predict(server.url, token, {
        target: { versionId },
        inputs: [digitTensor(images)],
      });
      expect(answer.errors).toEqual([]);
      const rows = answer.prediction?.outputs?.[0]?.data as number[][];
      expect(maxAbsDiff(rows, expected.probabilities)).toBeLessThanOrEqual(2e-3);
    });

    it('the engines that were tried are told with their figures', async () => {
      const { versionId } = await newVersion(
        server.url,
        token,
        zipOfFiles(savedModelFiles('saved-model/dense')),
      );
      const trials = 'runtime ok chosen reason loadMs computeMs batchComputeMs maxRelativeDiff';
      const answer = await ask(
        server.url,
        token,
        `query ($id: ID!) { version(id: $id) { format batchable parameterCount trials { ${trials} } } }`,
        { id: versionId },
      );
      expect(answer.data?.['version']).toEqual({
        format: 'SAVED_MODEL',
        batchable: true,
        parameterCount: 1354,
        trials: [
          {
            runtime: 'TFJS_GRAPH',
            ok: true,
            chosen: true,
            reason: null,
            loadMs: expect.any(Number),
            computeMs: expect.any(Number),
            batchComputeMs: expect.any(Number),
            maxRelativeDiff: 0,
          },
        ],
      });
    });
  });

  describe('on onnx', () => {
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
});

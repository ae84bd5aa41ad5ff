// The requests of the arms, and what their answers must be.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { compare } from './judge.mjs';
import { zipOfFolder } from './zip.mjs';

const fixture = (path) => fileURLToPath(new URL(`../../test/fixtures/${path}`, import.meta.url));

const PREDICT = `mutation ($input: PredictInput!) { predict(input: $input) {
  prediction { id outputs { data } receipt { batchSize queueMs loadMs computeMs } } errors { code message } } }`;
const NAIVE = `mutation ($input: PredictInput!) { predict(input: $input) { prediction { outputs { data } } } }`;

export const CEILING = [{ json: JSON.stringify({ query: '{ __typename }' }), expect: { kind: 'typename' } }];

/**
 * Requests for a published model.
 * @param cases {{shape?: number[], data: unknown, values: ArrayLike<number>}[]} one input each, and the first output
 */
export function predictions(target, cases, outputEncoding = 'JSON') {
  for (const [at, { values }] of cases.entries()) {
    // Else an answer that belongs to another request would pass.
    if (cases.some((other, i) => i !== at && compare([...other.values], values) === null)) {
      throw new Error(`Two inputs for ${target.model} have answers that cannot be told apart.`);
    }
  }
  return cases.map(({ shape, data, values }) => ({
    json: JSON.stringify({
      query: PREDICT,
      variables: {
        input: { target, inputs: [shape === undefined ? { data } : { shape, data }], outputEncoding },
      },
    }),
    expect: { kind: 'predict', values },
  }));
}

/** The same for the naive server, which has one model. */
export function naivePredictions(cases) {
  return cases.map(({ data, values }) => ({
    json: JSON.stringify({ query: NAIVE, variables: { input: { inputs: [{ data }] } } }),
    expect: { kind: 'predict', values },
  }));
}

/** A fixture with one input: as SavedModel where the server takes one (it is the faster), else as Keras file. */
function fixtureModel(name) {
  const { inputs, outputs } = JSON.parse(readFileSync(fixture(`keras/${name}.io.json`), 'utf8'));
  const flat = inputs.map((rows) => rows.flat(Infinity));
  return {
    candidates: [
      () => zipOfFolder(fixture(`saved-model/${name}`)),
      () => readFileSync(fixture(`keras/${name}.keras`)),
    ],
    /** Written as nested JSON. */
    asJson: inputs.map((row, index) => ({ data: [row], values: outputs[index] })),
    /** Written as base64. */
    asBase64: (shape) =>
      flat.map((values, index) => ({
        shape,
        data: base64(new Uint8Array(Float32Array.from(values).buffer)),
        values: outputs[index],
      })),
    bytes: flat.map((values) => new Uint8Array(Float32Array.from(values).buffer)),
  };
}

export const dense = () => fixtureModel('dense');
export const cnn = () => fixtureModel('cnn');
export const CNN_SHAPE = [1, 28, 28, 1];
export const SMALL_PICTURE_SHAPE = CNN_SHAPE;
export const PICTURE_SHAPE = [1, 224, 224, 3];

export const base64 = (bytes) => Buffer.from(bytes).toString('base64');

/** Inputs for the raw engine: a list of runs, each a list of tensors. */
export function rawInputs({ signature }, shape, pictures) {
  const { name, datatype } = signature.inputs[0];
  return pictures.map((data) => [{ name, datatype, shape, data }]);
}

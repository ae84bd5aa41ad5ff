/** Activations, and layers of which there is no file of Keras 3, against a computation of our own in plain numbers. */
import { expect, it } from 'vitest';
import { encodeBytesElements } from '../../../src/inference/index.js';
import type { Tensor } from '../../../src/lib/tensor.js';
import { LOWERED_ACTIVATIONS } from '../../../src/lowering/index.js';
import { elementsOf, float32 } from '../../support/graph-models.js';
import { createEngines } from '../../support/importing.js';
import { runLayer } from '../../support/layers-models.js';

const engines = createEngines();

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const softplus = (x: number): number => Math.log1p(Math.exp(x));
const clip = (x: number, low: number, high: number): number => Math.min(Math.max(x, low), high);
const hardSigmoid = (x: number): number => clip(x + 3, 0, 6) / 6;
const total = (row: readonly number[]): number => row.reduce((sum, value) => sum + value, 0);
/** Winitzki's would be too rough: the series of the error function, which converges for all we feed it. */
function erf(x: number): number {
  let [term, sum] = [x, x];
  for (let n = 1; n < 200; n++) {
    term *= (-x * x) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}
const softmax = (row: readonly number[]): number[] => {
  const raised = row.map((x) => Math.exp(x));
  return raised.map((value) => value / total(raised));
};
/** As Keras's own code has it; the paper's threshold takes the last running sum only. */
function sparsemax(row: readonly number[]): number[] {
  const sorted = [...row].sort((a, b) => b - a);
  const sums = sorted.map((_, i) => total(sorted.slice(0, i + 1)));
  const support = sorted.map((value, i) => value - ((sums[i] ?? 0) - 1) / (i + 1) > 0);
  const threshold = (total(sums.filter((_, i) => support[i])) - 1) / support.filter(Boolean).length;
  return row.map((x) => Math.max(x - threshold, 0));
}

const each = (f: (x: number) => number) => (row: readonly number[]) => row.map(f);

const EXPECTED: Readonly<Record<string, (row: readonly number[]) => number[]>> = {
  linear: each((x) => x),
  relu: each((x) => Math.max(x, 0)),
  relu6: each((x) => clip(x, 0, 6)),
  elu: each((x) => (x > 0 ? x : Math.expm1(x))),
  selu: each((x) => 1.0507009873554805 * (x > 0 ? x : 1.6732632423543772 * Math.expm1(x))),
  sigmoid: each(sigmoid),
  softplus: each(softplus),
  softsign: each((x) => x / (1 + Math.abs(x))),
  tanh: each(Math.tanh),
  exponential: each(Math.exp),
  softmax,
  log_softmax: (row) => softmax(row).map(Math.log),
  swish: each((x) => x * sigmoid(x)),
  silu: each((x) => x * sigmoid(x)),
  gelu: each((x) => 0.5 * x * (1 + erf(x / Math.SQRT2))),
  gelu_approximate: each((x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))),
  mish: each((x) => x * Math.tanh(softplus(x))),
  leaky_relu: each((x) => (x > 0 ? x : 0.2 * x)),
  hard_sigmoid_keras3: each(hardSigmoid),
  hard_sigmoid: each((x) => clip(0.2 * x + 0.5, 0, 1)),
  hard_silu: each((x) => x * hardSigmoid(x)),
  hard_swish: each((x) => x * hardSigmoid(x)),
  hard_tanh: each((x) => clip(x, -1, 1)),
  hard_shrink: each((x) => (Math.abs(x) > 0.5 ? x : 0)),
  soft_shrink: each((x) => Math.sign(x) * Math.max(Math.abs(x) - 0.5, 0)),
  tanh_shrink: each((x) => x - Math.tanh(x)),
  log_sigmoid: each((x) => -softplus(-x)),
  squareplus: each((x) => (x + Math.sqrt(x * x + 4)) / 2),
  sparse_plus: each((x) => (x <= -1 ? 0 : x < 1 ? (x + 1) ** 2 / 4 : x)),
  sparse_sigmoid: each((x) => clip((x + 1) / 2, 0, 1)),
  celu: each((x) => (x > 0 ? x : Math.expm1(x))),
  glu: (row) => row.slice(0, row.length / 2).map((x, i) => x * sigmoid(row[i + row.length / 2] ?? 0)),
  sparsemax,
  threshold: each((x) => (x > 0 ? x : 0)),
};

const ROWS = [
  [-3.5, -1, -0.5, -0.1, 0, 0.1],
  [0.5, 0.75, 1, 2, 3, 7],
  [-6, 2.5, 0.25, -0.25, 6.5, -2.999],
] as const;

it('every activation has its formula here', () => {
  expect(Object.keys(EXPECTED).sort()).toEqual([...LOWERED_ACTIVATIONS].sort());
});

it.each(LOWERED_ACTIVATIONS)('%s gives what its formula says', async (activation) => {
  const x = float32('x', [3, 6], ROWS.flat());
  const [y] = await runLayer(engines, { className: 'Activation', config: { activation } }, [x]);
  const expected = ROWS.flatMap((row) => EXPECTED[activation]?.(row) ?? []);
  const made = elementsOf(y as Tensor);
  expect(made).toHaveLength(expected.length);
  const worst = expected.map((want, i) => Math.abs(want - (made[i] ?? NaN)) / Math.max(1, Math.abs(want)));
  expect(Math.max(...worst)).toBeLessThan(1e-5);
});

it('ThresholdedReLU of Keras 2 lets through what is above its threshold', async () => {
  const x = float32('x', [1, 4], [-2, 0.9, 1, 1.1]);
  const [y] = await runLayer(engines, { className: 'ThresholdedReLU', config: { theta: 1 } }, [x]);
  expect(elementsOf(y as Tensor)).toEqual([0, 0, 0, Math.fround(1.1)]);
});

const words = (...values: string[]): Tensor => ({
  name: 'x',
  datatype: 'BYTES',
  shape: [1, values.length],
  data: encodeBytesElements(values.map((value) => Buffer.from(value))),
});

it.each([
  ['unknown words share place 0', { num_oov_indices: 1 }, [2, 0, 1, 0]],
  ['a mask has place 0, unknown words place 1', { num_oov_indices: 1, mask_token: '' }, [3, 0, 2, 1]],
  ['one place for each word', { num_oov_indices: 1, output_mode: 'multi_hot' }, [1, 1, 1]],
])('StringLookup: %s', async (_what, options, expected) => {
  const config = { output_mode: 'int', vocabulary: ['cat', 'café'], ...options };
  const [y] = await runLayer(engines, { className: 'StringLookup', config }, [
    words('café', '', 'cat', 'dog'),
  ]);
  expect(elementsOf(y as Tensor)).toEqual(expected);
});

it('StringLookup without a place for unknown words refuses them', async () => {
  const config = { output_mode: 'int', vocabulary: ['cat', 'café'], num_oov_indices: 0 };
  const layer = { className: 'StringLookup', config };
  const [y] = await runLayer(engines, layer, [words('café', 'cat')]);
  expect(elementsOf(y as Tensor)).toEqual([1, 0]);
  await expect(runLayer(engines, layer, [words('dog')])).rejects.toThrow(/not in \[0, 1\)/);
});

import { expect, it } from 'vitest';
import { comparisonCases } from '../../../src/importers/comparison-inputs.js';
import { agreement } from '../../../src/importers/trial-tensors.js';
import type { Datatype, Tensor } from '../../../src/lib/tensor.js';
import { elementsOf } from '../../support/graph-models.js';

const BYTES: Partial<Record<Datatype, number>> = { FP32: 4, INT32: 4, INT64: 8, BOOL: 1 };
const tensor = (datatype: Datatype, shape: number[]): Tensor => ({
  name: 'x',
  datatype,
  shape,
  data: new Uint8Array(shape.reduce((a, b) => a * b, BYTES[datatype] ?? 1)),
});

function casesOf(input: Tensor, largest: number | null = null) {
  return comparisonCases([input], [largest], true).map(({ what, inputs: [only] }) => ({
    what,
    shape: only?.shape,
    values: elementsOf(only as Tensor),
  }));
}

it('are random, large, negative and zero, each in one row and in five, the same every time', () => {
  const cases = casesOf(tensor('FP32', [1, 4]));
  expect(cases.map(({ what, shape }) => [what, shape])).toEqual(
    ['random values', 'large values', 'negative values', 'zeros'].flatMap((what) => [
      [`${what} in 1 row`, [1, 4]],
      [`${what} in 5 rows`, [5, 4]],
    ]),
  );
  const of = (what: string) =>
    cases.filter((one) => one.what.startsWith(what)).flatMap(({ values }) => values);
  expect(of('random').every((value) => value >= 0 && value < 1)).toBe(true);
  expect(Math.max(...of('large'))).toBeGreaterThan(100);
  expect(Math.min(...of('large'))).toBeLessThan(-100);
  expect(of('negative').every((value) => value <= 0)).toBe(true);
  expect(of('zeros').every((value) => value === 0)).toBe(true);
  expect(casesOf(tensor('FP32', [1, 4]))).toEqual(cases);
});

it.each<[Datatype, number | null, number]>([
  ['INT32', 99, 99],
  ['INT64', 99, 99],
  // Keras feeds an Embedding floats when the file says so.
  ['FP32', 99, 99],
  ['INT32', null, 1],
  ['BOOL', null, 1],
])(
  '%s inputs hold the first and the last place of a table of which %s is the last, and nothing beyond',
  (datatype, known, last) => {
    const cases = casesOf(tensor(datatype, [1, 40]), known);
    const values = cases.flatMap((one) => one.values);
    expect([Math.min(...values), Math.max(...values)]).toEqual([0, last]);
    expect(cases.find(({ what }) => what.startsWith('large'))?.values.every((value) => value === last)).toBe(
      true,
    );
    expect(values.every(Number.isInteger)).toBe(true);
  },
);

it('leave a setting as the trial found it, and texts', () => {
  const rate = { ...tensor('INT32', []), data: new Uint8Array(Int32Array.of(16_000).buffer) };
  for (const { values } of casesOf(rate)) expect(values).toEqual([16_000]);
});

const reals = (...values: number[]): Tensor => ({
  ...tensor('FP32', [values.length]),
  data: new Uint8Array(Float32Array.from(values).buffer),
});

it.each([
  ['not a number in both', reals(NaN, 1), reals(NaN, 1), 0],
  ['not a number in one', reals(NaN, 1), reals(0, 1), Infinity],
  ['infinite in both', reals(Infinity, 1), reals(Infinity, 1), 0],
  ['infinite of another sign', reals(Infinity, 1), reals(-Infinity, 1), Infinity],
  ['a small number beside a large one', reals(1000, 1), reals(1000, 2), 0.001],
])('agreement of what is %s', (_what, a, b, expected) => {
  expect(agreement([a], [b])).toBe(expected);
});

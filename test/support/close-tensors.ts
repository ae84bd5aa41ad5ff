/** Compares tensors as the issue demands: numbers with fractions within 1e-5, everything else to the last bit. */
import { expect } from 'vitest';
import { toTypedArray } from '../../src/inference/tensors.js';
import type { Tensor } from '../../src/lib/tensor.js';

export const TOLERANCE = 1e-5;

export function expectClose(actual: Tensor, wanted: Tensor | undefined): void {
  if (wanted === undefined) throw new Error(`Nobody expects a tensor named ${actual.name}.`);
  const { name, datatype, shape } = actual;
  expect({ name, datatype, shape }).toEqual({ name, datatype: wanted.datatype, shape: [...wanted.shape] });
  if (datatype !== 'FP32' && datatype !== 'FP64') {
    expect(Buffer.from(actual.data).equals(Buffer.from(wanted.data)), `${name} to the last bit`).toBe(true);
    return;
  }
  const got = toTypedArray(datatype, actual.data);
  const values = toTypedArray(datatype, wanted.data);
  let worst = 0;
  for (const [at, value] of values.entries()) {
    const found = got[at] ?? NaN;
    if (!Object.is(found, value)) worst = Math.max(worst, Math.abs(found - value));
  }
  expect(worst, `largest difference in ${name}`).toBeLessThanOrEqual(TOLERANCE);
}

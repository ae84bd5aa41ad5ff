import { expect, it } from 'vitest';
import { computeShareUs } from '../../../src/domain/metering/index.js';

it.each([
  ['alone', { computeMs: 1.5, rows: 3, batchRows: 3, batchSize: 1 }, 1500],
  ['a fifth of a batch', { computeMs: 1, rows: 1, batchRows: 5, batchSize: 2 }, 200],
  ['rounded up, so that a share is never lost', { computeMs: 0.001, rows: 1, batchRows: 3, batchSize: 3 }, 1],
  ['a run of no rows, by requests', { computeMs: 1, rows: 0, batchRows: 0, batchSize: 4 }, 250],
])('the charged part of a run: %s', (_, run, us) => {
  expect(computeShareUs(run)).toBe(us);
});

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { classificationFigures } from '../../../src/domain/evaluations/classification.js';
import { compareFigures } from '../../../src/domain/evaluations/compare.js';
import { mcNemarPValue } from '../../../src/domain/evaluations/mcnemar.js';
import {
  encodeRecords,
  joinRecords,
  recordsOf,
  type RowRecord,
} from '../../../src/domain/evaluations/records.js';
import { regressionFigures } from '../../../src/domain/evaluations/regression.js';
import { makeReport } from '../../../src/domain/evaluations/report.js';
import { EPSILON, logSoftmax, scoreBinary, scoreClasses } from '../../../src/domain/evaluations/scores.js';
import { sumOf } from '../../../src/domain/evaluations/sums.js';

const LABELS = ['a', 'b', 'c'];
const row = (actual: number, predicted: number, more: Partial<RowRecord> = {}): RowRecord => ({
  actual,
  predicted,
  probability: NaN,
  loss: NaN,
  rank: NaN,
  ...more,
});
const recordsFrom = (rows: readonly RowRecord[]) => joinRecords([encodeRecords(rows)]);

describe('the figures of a classification', () => {
  // a: 2 of 3 right, b: 1 of 2, c: 1 of 1; one a was taken for b, one b for c.
  const figures = classificationFigures(
    recordsFrom([row(0, 0), row(0, 0), row(0, 1), row(1, 1), row(1, 2), row(2, 2)]),
    LABELS,
    [],
  );

  it('are those that a hand computes', () => {
    expect(figures.accuracy).toBe(4 / 6);
    expect(figures.confusionMatrix).toEqual([
      [2, 1, 0],
      [0, 1, 1],
      [0, 0, 1],
    ]);
    const [a, b, c] = figures.classes;
    expect(a).toEqual({ label: 'a', precision: 1, recall: 2 / 3, f1: 0.8, support: 3, predicted: 2 });
    expect(b).toEqual({ label: 'b', precision: 0.5, recall: 0.5, f1: 0.5, support: 2, predicted: 2 });
    expect(c).toMatchObject({ precision: 0.5, recall: 1, f1: 2 / 3, support: 1, predicted: 2 });
    expect(figures.macro.precision).toBeCloseTo(2 / 3, 15);
    expect(figures.macro.recall).toBeCloseTo((2 / 3 + 0.5 + 1) / 3, 15);
    expect(figures.weighted.recall).toBeCloseTo(4 / 6, 15);
    expect(figures.weighted.f1).toBeCloseTo((0.8 * 3 + 0.5 * 2 + 2 / 3) / 6, 15);
    expect(figures.confusions).toEqual([
      { label: 'a', predicted: 'b', count: 1 },
      { label: 'b', predicted: 'c', count: 1 },
    ]);
    expect(figures.crossEntropy).toBeNull();
  });

  it('leave a class that neither occurs nor is predicted out of the macro average', () => {
    const perfect = classificationFigures(recordsFrom([row(0, 0), row(1, 1)]), LABELS, []);
    expect(perfect.macro).toEqual({ precision: 1, recall: 1, f1: 1 });
  });

  const anyRows = fc.array(
    fc.tuple(fc.integer({ min: 0, max: 4 }), fc.integer({ min: -1, max: 4 }), fc.integer({ min: 0, max: 5 })),
    { minLength: 1, maxLength: 200 },
  );

  it('agree with each other, whatever the rows are', () => {
    fc.assert(
      fc.property(anyRows, fc.integer({ min: 1, max: 60 }), (cells, chunkRows) => {
        const rows = cells.map(([actual, predicted, rank]) => row(actual, predicted, { rank }));
        const chunks = Array.from({ length: Math.ceil(rows.length / chunkRows) }, (_, index) =>
          encodeRecords(rows.slice(index * chunkRows, (index + 1) * chunkRows)),
        );
        const records = joinRecords(chunks);
        expect([...recordsOf(records)]).toEqual(rows);
        const labels = ['0', '1', '2', '3', '4'];
        const all = classificationFigures(records, labels, [1, 3]);
        const matrix = all.confusionMatrix ?? [];
        const sum = matrix.flat().reduce((total, count) => total + count, 0);
        expect(sum + all.otherPredictions).toBe(rows.length);
        const trace = matrix.reduce((total, counts, index) => total + (counts[index] ?? 0), 0);
        expect(all.accuracy).toBe(trace / rows.length);
        // The accuracy is also the recall weighted by support.
        expect(all.weighted.recall).toBeCloseTo(all.accuracy, 12);
        expect(all.classes.reduce((total, one) => total + one.support, 0)).toBe(rows.length);
        for (const one of all.classes) {
          for (const figure of [one.precision, one.recall, one.f1]) {
            expect(figure).toBeGreaterThanOrEqual(0);
            expect(figure).toBeLessThanOrEqual(1);
          }
          const { precision, recall } = one;
          const harmonic = precision + recall === 0 ? 0 : (2 * precision * recall) / (precision + recall);
          expect(one.f1).toBeCloseTo(harmonic, 12);
        }
        expect(all.topK[0]?.accuracy).toBeLessThanOrEqual(all.topK[1]?.accuracy ?? 0);
      }),
    );
  });
});

describe('scores', () => {
  it('give prediction, probability, cross-entropy and rank', () => {
    const scored = scoreClasses(Float64Array.of(0.2, 0.7, 0.1), 0, false);
    expect(scored).toEqual({ predicted: 1, probability: 0.7, loss: -Math.log(0.2), rank: 1 });
    expect(scoreClasses(Float64Array.of(0.5, 0.5), 1, false)).toMatchObject({ predicted: 0, rank: 1 });
    expect(scoreBinary(0.25, 1, 0.5, false)).toEqual({
      predicted: 0,
      probability: 0.75,
      loss: -Math.log(0.25),
      rank: 1,
    });
  });

  it('keep a confident mistake finite, and huge logits stable', () => {
    expect(scoreClasses(Float64Array.of(1, 0), 1, false).loss).toBeCloseTo(-Math.log(EPSILON), 10);
    expect(scoreClasses(Float64Array.of(1000, 0), 0, true).loss).toBe(0);
    expect(scoreClasses(Float64Array.of(1000, 0), 1, true).loss).toBe(1000);
    expect(scoreBinary(-800, 1, 0.5, true)).toMatchObject({ predicted: 0, loss: 800 });
    expect(scoreBinary(800, 1, 0.5, true)).toMatchObject({ predicted: 1, loss: 0 });
    expect([...logSoftmax(Float64Array.of(-1e4, -1e4))]).toEqual([-Math.LN2, -Math.LN2]);
  });

  it('that are no probabilities have no cross-entropy, and NaN is never the highest', () => {
    expect(scoreClasses(Float64Array.of(3, 1), 0, false)).toMatchObject({ predicted: 0, loss: NaN, rank: 0 });
    expect(scoreClasses(Float64Array.of(NaN, 0.2), 0, false)).toMatchObject({
      predicted: 1,
      loss: NaN,
      rank: 2,
    });
    expect(scoreClasses(Float64Array.of(NaN, NaN), 0, false).predicted).toBe(-1);
  });

  it('a rank of 0 and the prediction are one thing', () => {
    const scores = fc.array(fc.float({ noNaN: true }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(scores, fc.nat(), (values, n) => {
        const actual = n % values.length;
        const { predicted, rank } = scoreClasses(Float64Array.from(values), actual, false);
        expect(rank === 0).toBe(predicted === actual);
      }),
    );
  });
});

describe('the figures of a regression', () => {
  it('are those that a hand computes', () => {
    const figures = regressionFigures(recordsFrom([row(1, 2), row(2, 2), row(6, 4)]));
    expect(figures).toEqual({
      meanSquaredError: 5 / 3,
      rootMeanSquaredError: Math.sqrt(5 / 3),
      meanAbsoluteError: 1,
      r2: 1 - 5 / 14,
    });
    expect(regressionFigures(recordsFrom([row(3, 1), row(3, 3)]))?.r2).toBeNull();
    expect(regressionFigures(recordsFrom([row(3, NaN)]))).toBeNull();
  });

  it('do not lose a small spread beside a large offset', () => {
    const offset = 1e9;
    const figures = regressionFigures(
      recordsFrom([0, 1, 2, 3].map((n) => row(offset + n, offset + n + 0.5))),
    );
    expect(figures?.r2).toBeCloseTo(1 - 0.25 / 1.25, 9);
    expect(sumOf([1, 1e100, 1, -1e100])).toBe(2);
    expect(sumOf([Infinity, 1])).toBe(Infinity);
  });
});

describe('McNemar’s exact test', () => {
  it('is the binomial test of the disagreements', () => {
    expect(mcNemarPValue(0, 0)).toBe(1);
    expect(mcNemarPValue(5, 5)).toBe(1);
    expect(mcNemarPValue(0, 5)).toBeCloseTo(2 / 32, 15);
    expect(mcNemarPValue(1, 9)).toBeCloseTo((2 * 11) / 1024, 15);
    expect(mcNemarPValue(3, 17)).toBeCloseTo((2 * (1 + 20 + 190 + 1140)) / 2 ** 20, 15);
  });

  it('is symmetric, at most 1, and neither over- nor underflows', () => {
    fc.assert(
      fc.property(fc.nat({ max: 3000 }), fc.nat({ max: 3000 }), (b, c) => {
        const p = mcNemarPValue(b, c);
        expect(p).toBe(mcNemarPValue(c, b));
        expect(p).toBeGreaterThanOrEqual(0);
        expect(p).toBeLessThanOrEqual(1);
      }),
    );
    expect(mcNemarPValue(500_000, 500_100)).toBeCloseTo(0.921, 2);
  });
});

describe('a report', () => {
  const plan = { reading: 'ARGMAX' as const, labels: LABELS, logits: false };

  it('shows the worst mistakes first, at most 20, and no row that is right', () => {
    const rows = Array.from({ length: 60 }, (_, n) =>
      row(n % 3, n % 2 === 0 ? n % 3 : (n + 1) % 3, { loss: n / 10, probability: 0.5, rank: 0 }),
    );
    const { examples } = makeReport(plan, recordsFrom(rows), 1);
    expect(examples).toHaveLength(20);
    expect(examples.map(({ row: at }) => at)).toEqual(Array.from({ length: 20 }, (_, n) => 59 - 2 * n));
  });

  it('compares two versions row by row', () => {
    const rowsA = [row(0, 0), row(0, 1), row(1, 1), row(2, 0)];
    const rowsB = [row(0, 0), row(0, 0), row(1, 2), row(2, 1)];
    const [a, b] = [rowsA, rowsB].map((rows) => ({
      plan,
      records: recordsFrom(rows),
      report: makeReport(plan, recordsFrom(rows), 0),
    }));
    const compared = compareFigures(a!, b!);
    expect(compared.agreement).toEqual({ bothRight: 1, onlyA: 1, onlyB: 1, neither: 1, mcNemarPValue: 1 });
    expect(compared.changedRows).toEqual([
      { row: 1, label: 'a', a: 'b', b: 'a' },
      { row: 2, label: 'b', a: 'b', b: 'c' },
    ]);
    expect(compared.figures[0]).toEqual({ figure: 'accuracy', a: 0.5, b: 0.5, difference: 0 });
  });
});

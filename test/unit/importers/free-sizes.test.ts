/** Which dimensions are free, which must be equal, and what their names come to. */
import { describe, expect, it } from 'vitest';
import { parseDimension } from '../../../src/importers/dimension-expression.js';
import { freeSizesOf } from '../../../src/importers/free-sizes.js';
import type { Signature } from '../../../src/lib/tensor.js';

const signatureOf = (...shapes: number[][]): Signature => ({
  inputs: shapes.map((shape, at) => ({ name: `x${at}`, datatype: 'FP32', shape })),
  outputs: [],
});

describe('names of dimensions', () => {
  it.each<[string, Record<string, number>, number | null]>([
    ['batch', { batch: 3 }, 3],
    ['past_sequence_length + 1', { past_sequence_length: 7 }, 8],
    ['past + sequence', { past: 2, sequence: 5 }, 7],
    ['2*s0', { s0: 4 }, 8],
    ['s77//2', { s77: 9 }, 4],
    ['((s0 - 1)//2) + 1', { s0: 10 }, 5],
    ['s0 - 1', { s0: 1 }, null],
    ['s0//0', { s0: 1 }, null],
    ['batch-size', { 'batch-size': 2 }, 2],
    ['p2o.DynamicDimension.0', { 'p2o.DynamicDimension.0': 6 }, 6],
    ['batch', {}, null],
  ])('%j with %j is %j', (text, sizes, expected) => {
    expect(parseDimension(text).evaluate(new Map(Object.entries(sizes)))).toBe(expected);
  });

  it.each(['a +', '(a', 'a)', '?', 'a b', '12', 'höhe', 'Max(1, s0)', '+', '('.repeat(100)])(
    '%j is one name of its own',
    (text) => {
      const parsed = parseDimension(text);
      expect(parsed.names).toEqual([text]);
      expect(parsed.evaluate(new Map([[text, 5]]))).toBe(5);
    },
  );
});

describe('free dimensions', () => {
  it('without names are a batch in front of every input, and else each on its own', () => {
    const free = freeSizesOf(signatureOf([-1, -1], [-1, 3]), []);
    expect(free.batch).toHaveLength(1);
    expect(free.names).toEqual(['dimension 1 of "x0"']);
    expect(free.shapes(free.all(2, 8))).toEqual([
      [2, 8],
      [2, 3],
    ]);
  });

  it('of one name are one size, wherever they stand', () => {
    const free = freeSizesOf(signatureOf([-1, -1], [2, -1, 4], [-1, -1]), [
      ['batch', 'seq'],
      [null, 'batch', null],
      ['batch', 'past + seq'],
    ]);
    // The second input has no first dimension that is free, so no row of its own.
    expect(free.batch).toEqual([]);
    expect(free.batchLike).toEqual(['batch']);
    expect(free.shapes(free.all(1, 8))).toEqual([
      [1, 8],
      [2, 1, 4],
      [1, 16],
    ]);
  });

  it('with two names in front may be two things', () => {
    const free = freeSizesOf(signatureOf([-1, -1], [-1, -1]), [
      ['m', 'k'],
      ['k', 'n'],
    ]);
    expect(free.batch).toEqual(['m', 'k']);
  });

  it('that are expressions are no batch', () => {
    expect(freeSizesOf(signatureOf([-1]), [['2*batch']]).batch).toEqual([]);
  });

  it('come to sizes in given shapes, or the name that has two', () => {
    const free = freeSizesOf(signatureOf([-1, -1], [-1]), [['n', 'k'], ['k']]);
    expect(free.sizesIn([[2, 5], [5]])).toEqual(
      new Map([
        ['n', 2],
        ['k', 5],
      ]),
    );
    expect(free.sizesIn([[2, 5], [4]])).toBe('k');
  });
});

import fc from 'fast-check';
import { parseValue } from 'graphql';
import { describe, expect, it } from 'vitest';
import { scalarResolvers } from '../../../src/graphql/resolvers/scalars.js';

const { DateTime, SafeInt, TensorData } = scalarResolvers;

describe('DateTime', () => {
  it('reads what it writes', () => {
    fc.assert(
      fc.property(
        fc.date({ min: new Date('0001-01-01'), max: new Date('9999-12-31'), noInvalidDate: true }),
        (date) => {
          expect(DateTime.parseValue(DateTime.serialize(date))).toEqual(date);
        },
      ),
    );
  });

  it('reads offsets and seconds without a fraction', () => {
    expect(DateTime.parseValue('2026-01-31T14:00:00+02:00')).toEqual(new Date('2026-01-31T12:00:00Z'));
    expect(DateTime.parseLiteral(parseValue('"2026-01-31T12:00:00Z"'), {})).toEqual(
      new Date('2026-01-31T12:00:00Z'),
    );
  });

  it.each([
    '',
    '1',
    '2026-01-31',
    'March 7',
    '2026-02-30T00:00:00Z',
    '2026-13-01T00:00:00Z',
    '2026-01-31T25:00:00Z',
    '2026-01-31T12:00:00',
    1769860800000,
    null,
    {},
  ])('refuses %j', (value) => {
    expect(() => DateTime.parseValue(value)).toThrow(/RFC 3339/);
  });

  it('refuses to write what is no date, rather than to write "Invalid Date"', () => {
    for (const value of [new Date(Number.NaN), '2026-01-31T12:00:00Z', 0])
      expect(() => DateTime.serialize(value)).toThrow();
  });
});

describe('SafeInt', () => {
  it('reads and writes whole numbers up to 2^53 - 1', () => {
    for (const value of [0, -1, 2 ** 31, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER]) {
      expect(SafeInt.parseValue(value)).toBe(value);
      expect(SafeInt.parseLiteral(parseValue(String(value)), {})).toBe(value);
      expect(SafeInt.serialize(BigInt(value))).toBe(value);
    }
  });

  it.each([1.5, 2 ** 53, Number.NaN, Infinity, '1', true, null])('refuses %j', (value) => {
    expect(() => SafeInt.parseValue(value)).toThrow(/whole number/);
  });
});

describe('TensorData', () => {
  it('passes lists, numbers, booleans and strings through untouched', () => {
    const lists = [
      [1, 2],
      [3, 'NaN'],
    ];
    expect(TensorData.parseValue(lists)).toBe(lists);
    expect(TensorData.parseLiteral(parseValue('[[1, 2.5], [true, "NaN"]]'), {})).toEqual([
      [1, 2.5],
      [true, 'NaN'],
    ]);
  });

  it('refuses objects and enums, as variable and as literal', () => {
    expect(() => TensorData.parseValue({ __proto__: null })).toThrow(/TensorData/);
    expect(() => TensorData.parseLiteral(parseValue('[{ a: 1 }]'), {})).toThrow(/TensorData/);
    expect(() => TensorData.parseLiteral(parseValue('[NaN]'), {})).toThrow(/TensorData/);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cutAtMarks, fillMarks } from '../../../src/graphql/marked-text.js';

const MARKS = ['<one>', '<two>'];

describe('a text with marks', () => {
  it('gets the words in their places, whatever they are', () => {
    const piece = fc.oneof(
      fc.constantFrom(...MARKS),
      fc.string().filter((text) => !/[<>]/.test(text)),
    );
    fc.assert(
      fc.property(fc.array(piece), fc.tuple(fc.string(), fc.string()), (pieces, words) => {
        const expected = pieces.map((text) => words[MARKS.indexOf(text)] ?? text).join('');
        expect(fillMarks(cutAtMarks(pieces.join(''), MARKS), words)).toBe(expected);
      }),
    );
  });
});

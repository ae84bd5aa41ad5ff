import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkSearchInput } from '../../../src/domain/catalog/search.js';
import { searchWords, toTsQuery } from '../../../src/domain/catalog/search-words.js';
import { encodeCursor } from '../../../src/lib/page.js';

describe('a search text', () => {
  it('becomes lower-case words, each once', () => {
    expect(searchWords('Image  classification, IMAGE v1.5 (École)')).toEqual([
      'image',
      'classification',
      'v1',
      '5',
      'école',
    ]);
    expect(searchWords("a & b | !c <-> 'd':* \\ e")).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(searchWords('日本語 モデル')).toEqual(['日本語', 'モデル']);
    expect(searchWords(' !&| ')).toEqual([]);
  });

  it('never brings syntax of its own into the query, whatever it holds', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
        for (const word of searchWords(text)) expect(word).toMatch(/^[\p{L}\p{M}\p{N}]+$/u);
      }),
    );
  });

  it('asks for every word as a beginning', () => {
    expect(toTsQuery(['digit', 'cl'])).toBe(`'digit':* & 'cl':*`);
  });

  it('is refused beyond 200 characters, and cut to 16 words', () => {
    expect(checkSearchInput({ search: 'x'.repeat(201) })).toMatchObject({
      ok: false,
      error: { code: 'INVALID_INPUT', path: ['search'] },
    });
    expect(searchWords(Array.from({ length: 30 }, (_, i) => `w${i}`).join(' '))).toHaveLength(16);
  });

  it('that holds no word matches nothing, while an empty one matches everything', () => {
    const impossible = (search: string) => {
      const result = checkSearchInput({ search });
      return result.ok && result.value.isImpossible;
    };
    expect(impossible('!!!')).toBe(true);
    expect(impossible('   ')).toBe(false);
  });
});

describe('a filter', () => {
  it('with a value that no model can have makes the search impossible instead of failing', () => {
    for (const filter of [{ owner: 'a\u0000' }, { task: '☃' }, { tags: [''] }, { licence: 'no-such' }]) {
      const result = checkSearchInput({ filter });
      expect(result.ok && result.value.isImpossible).toBe(true);
    }
  });

  it('reads licences in any case', () => {
    const result = checkSearchInput({ filter: { licence: 'mit' } });
    expect(result.ok && result.value.licence).toBe('MIT');
  });
});

describe('a cursor', () => {
  const refused = { ok: false, error: { code: 'INVALID_INPUT', path: ['after'] } };

  it('is refused with another order or another search text', () => {
    const id = 'mdl_' + '0'.repeat(26);
    const newest = encodeCursor('NEWEST', ['2026-01-01T00:00:00.000Z', id]);
    expect(checkSearchInput({ orderBy: 'NEWEST', after: newest }).ok).toBe(true);
    expect(checkSearchInput({ after: newest }).ok).toBe(true);
    expect(checkSearchInput({ orderBy: 'UPDATED', after: newest })).toMatchObject(refused);
    expect(checkSearchInput({ orderBy: 'NEWEST', search: 'digits', after: newest })).toMatchObject(refused);
  });

  it.each([
    ['NEWEST', ['soon', 'mdl_' + '0'.repeat(26)]],
    ['NEWEST', ['2026-99-99T00:00:00.000Z', 'mdl_' + '0'.repeat(26)]],
    ['NEWEST', ['2026-01-01T00:00:00.000Z', "x'"]],
    ['UPDATED', [5, 6]],
    ['NAME', ['acme\u0000', 'digits']],
    ['NAME', ['acme', 7]],
    ['NAME', ['acme', 'digits', 'more']],
  ] as const)('that is forged (%s %j) never reaches the database', (orderBy, key) => {
    expect(checkSearchInput({ orderBy, after: encodeCursor(orderBy, key) })).toMatchObject(refused);
  });
});

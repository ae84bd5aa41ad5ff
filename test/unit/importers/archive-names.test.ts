import fc from 'fast-check';
import { join, resolve, sep } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  canonicalName,
  commonFolder,
  entryNameProblem,
  isClutter,
} from '../../../src/importers/archive-names.js';

describe('a name in an archive', () => {
  it.each(['model.json', 'a/b/c.bin', 'group1-shard1of1.bin', 'Größe/模型.json', '...', 'a..b', '.hidden'])(
    '%j is accepted',
    (name) => {
      expect(entryNameProblem(name)).toBeNull();
    },
  );

  it.each([
    '',
    '/etc/passwd',
    '../x',
    'a/../b',
    'a/..',
    '..',
    'a//b',
    './a',
    'a/.',
    'C:/x',
    'c:x',
    'a\\b',
    'a\0b',
    'a\nb',
    'x'.repeat(2000),
    'bad\uFFFDname',
  ])('%j is refused', (name) => {
    expect(entryNameProblem(name)).toEqual(expect.any(String));
  });

  it('that is accepted never leads out of the folder it would be joined to', () => {
    const step = fc.oneof(
      fc.constantFrom('..', '.', '', '/', '\\', 'C:', 'a', '~', '%2e%2e'),
      fc.string({ maxLength: 6 }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 8 }), fc.constantFrom('/', '\\', ''), (steps, separator) => {
        const name = canonicalName(steps.join(separator));
        fc.pre(entryNameProblem(name) === null);
        const base = resolve('/work-directory');
        expect(resolve(join(base, name)).startsWith(base + sep)).toBe(true);
        expect(name).not.toMatch(/[\0\\]/);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('the folder that all names share', () => {
  it.each([
    [['m/model.json', 'm/w.bin'], 'm/'],
    [['a/b/model.json', 'a/b/c/w.bin'], 'a/b/'],
    [['model.json', 'm/w.bin'], ''],
    [['ab/x', 'abc/y'], ''],
    [['model.json'], ''],
    [['m/model.json'], 'm/'],
    [[], ''],
  ])('of %j is %j', (names, folder) => {
    expect(commonFolder(names)).toBe(folder);
  });

  it('is a prefix of every name, ends with a slash, and leaves every name something', () => {
    const name = fc
      .array(fc.constantFrom('a', 'b', 'ab'), { minLength: 1, maxLength: 5 })
      .map((steps) => steps.join('/'));
    fc.assert(
      fc.property(fc.array(name, { minLength: 1 }), (names) => {
        const folder = commonFolder(names);
        expect(folder === '' || folder.endsWith('/')).toBe(true);
        expect(names.every((each) => each.startsWith(folder) && each.length > folder.length)).toBe(true);
      }),
    );
  });
});

it('files that operating systems add are clutter', () => {
  expect(['__MACOSX/._model.json', 'm/.DS_Store', 'm/._x', 'Thumbs.db'].every(isClutter)).toBe(true);
  expect(['model.json', 'MACOSX/x', '.hidden'].some(isClutter)).toBe(false);
});

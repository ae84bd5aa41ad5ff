import { describe, expect, it } from 'vitest';
import { canonicalLicence, nearestLicence } from '../../../src/domain/catalog/licence.js';
import { checkModelChange, checkName, checkNewModel } from '../../../src/domain/catalog/validation.js';

const messageOf = (result: { ok: boolean; error?: { message: string } }) => result.error?.message ?? '';

describe('a name', () => {
  it.each(['ab', 'digits', 'res-net_50.v2', '0x', 'a'.repeat(60)])('may be %s', (name) => {
    expect(checkName(name)).toEqual({ ok: true, value: name });
  });

  it.each([
    '',
    'a',
    'a'.repeat(61),
    'Digits',
    'a--b',
    'a..b',
    '-a',
    'a-',
    'a/b',
    'a:1',
    'größe',
    'a b',
    'a\u0000b',
    'models',
    'new',
  ])('may not be %j', (name) => {
    expect(checkName(name)).toMatchObject({ ok: false, error: { code: 'INVALID_INPUT', path: ['name'] } });
  });

  it('is trimmed, and a refusal says what was found', () => {
    expect(checkName('  digits ')).toEqual({ ok: true, value: 'digits' });
    expect(messageOf(checkName('x'))).toBe('A name has 2 to 60 characters; this one has 1.');
  });
});

describe('a licence', () => {
  it('is matched in any case and kept as SPDX writes it', () => {
    expect(canonicalLicence('apache-2.0')).toBe('Apache-2.0');
    expect(canonicalLicence('mit')).toBe('MIT');
    expect(canonicalLicence('gpl-3.0')).toBe('GPL-3.0');
    expect(canonicalLicence('constructor')).toBeNull();
    expect(canonicalLicence('MIT OR Apache-2.0')).toBeNull();
  });

  it.each([
    ['Apache 2.0', 'Apache-2.0'],
    ['apache2', 'Apache-2.0'],
    ['The Apache License, Version 2.0', 'Apache-2.0'],
    ['MIT License', 'MIT'],
    ['GPLv3', 'GPL-3.0-only'],
    ['BSD 3 Clause', 'BSD-3-Clause'],
    ['CC BY 4.0', 'CC-BY-4.0'],
    ['Apahce-2.0', 'Apache-2.0'],
  ])('that is written %j brings the suggestion %s', (text, id) => {
    expect(nearestLicence(text)).toBe(id);
  });

  it('that is like no other brings none', () => {
    expect(nearestLicence('my company only, ask Bob')).toBeNull();
    expect(nearestLicence('???')).toBeNull();
    expect(nearestLicence('x'.repeat(100_000))).toBeNull();
  });

  it('that is refused names the nearest one in the message', () => {
    const result = checkNewModel({ name: 'digits', licence: 'Apache 2' });
    expect(result).toMatchObject({
      ok: false,
      error: [
        {
          message: '"Apache 2" is not an SPDX licence identifier. Did you mean Apache-2.0?',
          path: ['licence'],
        },
      ],
    });
  });
});

describe('a new model', () => {
  it('gets the defaults of the contract, also for null', () => {
    const defaults = {
      name: 'digits',
      summary: '',
      card: '',
      licence: null,
      tags: [],
      task: null,
      visibility: 'PRIVATE',
      publicAccess: 'PREDICT',
    };
    expect(checkNewModel({ name: 'digits' })).toEqual({ ok: true, value: defaults });
    expect(
      checkNewModel({
        name: 'digits',
        summary: null,
        card: null,
        licence: null,
        tags: null,
        task: null,
        visibility: null,
        publicAccess: null,
      }),
    ).toEqual({ ok: true, value: defaults });
  });

  it('has its tags sorted, each once', () => {
    const result = checkNewModel({ name: 'digits', tags: ['vision', 'mnist', ' vision '] });
    expect(result.ok && result.value.tags).toEqual(['mnist', 'vision']);
  });

  it('is told all of its mistakes at once, each with its path', () => {
    const result = checkNewModel({
      name: 'A',
      summary: 'two\nlines',
      card: 'a\u0000b',
      licence: 'nope-nope-nope',
      tags: ['ok', 'Not OK', ''],
      task: 'x'.repeat(41),
    });
    expect(result.ok).toBe(false);
    const paths = result.ok ? [] : result.error.map((error) => error.path?.join('.'));
    expect(paths).toEqual(['name', 'summary', 'card', 'licence', 'tags.1', 'tags.2', 'task']);
  });

  it.each([
    ['summary', { summary: 'x'.repeat(201) }],
    ['summary', { summary: 'moc.elpmaxe \u202e' + 'x' }],
    ['summary', { summary: 'half \ud83d of a pair' }],
    ['card', { card: 'x'.repeat(100_001) }],
    ['card', { card: '\u001b[2J' }],
    ['tags', { tags: Array.from({ length: 21 }, (_, i) => `t${i}`) }],
  ])('is refused for its %s at the bounds', (path, input) => {
    expect(checkNewModel({ name: 'digits', ...input })).toMatchObject({
      ok: false,
      error: [{ path: [path] }],
    });
  });

  it('may have texts of the full length, and lines and emoji in its card', () => {
    const card = '# Title\n\n\ttab 😀\r\n' + 'x'.repeat(90_000);
    const result = checkNewModel({ name: 'digits', summary: 'x'.repeat(200), card });
    expect(result.ok && result.value.card).toBe(card);
  });
});

describe('a change', () => {
  it('holds only the fields that were given', () => {
    expect(checkModelChange({ modelId: 'm', summary: ' new ' })).toEqual({
      ok: true,
      value: { summary: 'new' },
    });
    expect(checkModelChange({ modelId: 'm' })).toEqual({ ok: true, value: {} });
  });

  it('clears licence and task by null, and refuses null elsewhere', () => {
    expect(checkModelChange({ modelId: 'm', licence: null, task: null })).toEqual({
      ok: true,
      value: { licence: null, task: null },
    });
    const result = checkModelChange({ modelId: 'm', summary: null, visibility: null });
    expect(result.ok ? [] : result.error.map((error) => error.path)).toEqual([['summary'], ['visibility']]);
  });
});

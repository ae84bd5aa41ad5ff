import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createSecretTokenKind } from '../../../src/lib/secret-token.js';

describe('a kind of secret token', () => {
  const kind = createSecretTokenKind('souk_test_');

  it('makes tokens of 256 bits behind its prefix, each another', () => {
    const tokens = Array.from({ length: 50 }, () => kind.make());
    for (const token of tokens) {
      expect(token).toMatch(/^souk_test_[0-9A-Za-z_-]{43}$/);
      expect(Buffer.from(token.slice('souk_test_'.length), 'base64url')).toHaveLength(32);
    }
    expect(new Set(tokens).size).toBe(tokens.length);
  });

  it('keeps the SHA-256 of the whole token', () => {
    const token = kind.make();
    expect(kind.hash(token)).toBe(createHash('sha256').update(token).digest('hex'));
  });

  it.each([
    ['nothing', ''],
    ['its prefix alone', 'souk_test_'],
    ['another kind', createSecretTokenKind('souk_other_').make()],
    ['a token that lacks a character', kind.make().slice(0, -1)],
    ['a token with one more', `${kind.make()}A`],
    ['a token and a line break', `${kind.make()}\n`],
    ['a token with a foreign character', `souk_test_${'ä'.repeat(43)}`],
  ])('has no hash for %s', (_what, text) => {
    expect(kind.hash(text)).toBeNull();
  });
});

import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { announcedDigest, digestField } from '../../../src/http/body-digest.js';

const hex = createHash('sha256').update('x').digest('hex');
const field = `sha-256=:${Buffer.from(hex, 'hex').toString('base64')}:`;

describe('announcedDigest', () => {
  it.each([
    [{}, undefined],
    [{ 'x-content-sha256': hex }, hex],
    [{ 'x-content-sha256': hex.toUpperCase() }, hex],
    [{ 'content-digest': field }, hex],
    [{ 'repr-digest': field }, hex],
    [{ 'content-digest': `sha-512=:AAAA:, ${field}` }, hex],
    [{ 'content-digest': `${field}, sha-512=:AAAA:` }, hex],
    [{ 'content-digest': 'sha-512=:AAAA:' }, undefined],
    [{ 'x-content-sha256': hex, 'content-digest': field, 'repr-digest': field }, hex],
  ])('reads %j as %s', (headers, expected) => {
    expect(announcedDigest(headers)).toEqual({ ok: true, value: expected });
  });

  it.each([
    [{ 'x-content-sha256': '' }],
    [{ 'x-content-sha256': `${hex}0` }],
    [{ 'x-content-sha256': '../'.repeat(20) }],
    [{ 'content-digest': `sha-256=${hex}` }],
    [{ 'content-digest': 'sha-256=:AAAA:' }],
    [{ 'x-content-sha256': '0'.repeat(64), 'content-digest': field }],
  ])('refuses %j', (headers) => {
    expect(announcedDigest(headers)).toMatchObject({ ok: false, error: { code: 'INVALID_INPUT' } });
  });

  it('reads back what `digestField` writes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (bytes) => {
        const digest = Buffer.from(bytes).toString('hex');
        expect(announcedDigest({ 'content-digest': digestField(digest) })).toEqual({
          ok: true,
          value: digest,
        });
      }),
    );
  });
});

import { expect, it } from 'vitest';
import { crc32 } from '../../../src/lib/crc.js';

// Published check values; the first is the one of the CRC catalogue.
it.each([
  ['123456789', 0xcbf43926],
  ['', 0],
  ['a', 0xe8b7be43],
  ['abc', 0x352441c2],
  ['The quick brown fox jumps over the lazy dog', 0x414fa339],
])('the checksum of %j is right', (text, expected) => {
  expect(crc32(Buffer.from(text))).toBe(expected);
});

it('the checksum of 32 zero bytes and of 32 bytes of ones is right', () => {
  expect(crc32(new Uint8Array(32))).toBe(0x190a55ad);
  expect(crc32(new Uint8Array(32).fill(0xff))).toBe(0xff6cab0b);
});

import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  hashApiKey,
  isWellFormedApiKey,
  newApiKeySecret,
  shownPartsOf,
} from '../../../src/domain/identity/api-key-secret.js';
import { createSecrets } from '../../../src/domain/identity/secrets.js';

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const secrets = createSecrets('Zr8#kP2!vQ9xW4mT7nB1cY6dF3gH5jL0');

it('a key of the documented format has the documented checksum', () => {
  // CRC-32 of the first 40 characters, in base 62: computed apart from this code.
  const body = `souk_live_${'0'.repeat(30)}`;
  const good = checksumAgain(body);
  expect(isWellFormedApiKey(body + good)).toBe(true);
});

/** The format again, bit by bit and with BigInt, so that a shared mistake would have to be made twice. */
function checksumAgain(body: string): string {
  let crc = 0xffffffffn;
  for (const byte of Buffer.from(body)) {
    crc ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit++) crc = crc & 1n ? (crc >> 1n) ^ 0xedb88320n : crc >> 1n;
  }
  let rest = crc ^ 0xffffffffn;
  let text = '';
  for (let i = 0; i < 6; i++) {
    text = (ALPHABET[Number(rest % 62n)] as string) + text;
    rest /= 62n;
  }
  return text;
}

it('a new key is well-formed, and no two are alike', () => {
  const keys = Array.from({ length: 300 }, newApiKeySecret);
  for (const key of keys) {
    expect(key).toMatch(/^souk_live_[0-9A-Za-z]{36}$/);
    expect(isWellFormedApiKey(key)).toBe(true);
    expect(key.slice(-6)).toBe(checksumAgain(key.slice(0, -6)));
  }
  expect(new Set(keys).size).toBe(keys.length);
});

it('every character of the alphabet comes equally often', () => {
  const counts = new Map<string, number>();
  const draws = 2000;
  for (let i = 0; i < draws; i++) {
    for (const character of newApiKeySecret().slice(10, 40)) {
      counts.set(character, (counts.get(character) ?? 0) + 1);
    }
  }
  const expected = (draws * 30) / 62;
  let chiSquare = 0;
  for (const character of ALPHABET) chiSquare += ((counts.get(character) ?? 0) - expected) ** 2 / expected;
  // 61 degrees of freedom: beyond 135 by chance once in ten million runs; a bias of `byte % 62` gives about 650.
  expect(chiSquare).toBeLessThan(135);
});

it('a key with a slip of the pen is not well-formed', () => {
  fc.assert(
    fc.property(fc.nat(45), fc.constantFrom(...ALPHABET), (at, character) => {
      const key = newApiKeySecret();
      const changed = key.slice(0, at) + character + key.slice(at + 1);
      expect(isWellFormedApiKey(changed)).toBe(changed === key);
    }),
  );
  const key = newApiKeySecret();
  for (const text of [
    key.slice(1),
    key.slice(0, -1),
    `${key}0`,
    ` ${key}`,
    `${key}\n`,
    key.toUpperCase(),
    '',
  ]) {
    expect(isWellFormedApiKey(text)).toBe(false);
  }
});

it('a key is hashed under the pepper of its server, and shown only at its ends', () => {
  const key = newApiKeySecret();
  const other = createSecrets('another Zr8#kP2!vQ9xW4mT7nB1cY6dF3gH5jL0');
  expect(hashApiKey(secrets, key)).toMatch(/^[0-9a-f]{64}$/);
  expect(hashApiKey(secrets, key)).toBe(hashApiKey(secrets, key));
  expect(hashApiKey(secrets, key)).not.toBe(hashApiKey(other, key));
  expect(shownPartsOf(key)).toEqual({ prefix: key.slice(0, 14), lastFour: key.slice(-4) });
});

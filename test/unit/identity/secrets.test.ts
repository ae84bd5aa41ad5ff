import { inspect } from 'node:util';
import { expect, it } from 'vitest';
import { createSecrets, weaknessOfSecret } from '../../../src/domain/identity/secrets.js';

const GOOD = 'Zr8#kP2!vQ9xW4mT7nB1cY6dF3gH5jL0';

it.each([
  ['', 'has 0 bytes'],
  ['short', 'has 5 bytes'],
  [GOOD.slice(1), 'has 31 bytes'],
  ['a'.repeat(64), 'repeats 1 characters'],
  ['abababababababababababababababababab', 'repeats 2 characters'],
  ['please-change-me-please-change-me-now!', 'sample value'],
  ['your-256-bit-secret-your-256-bit-secret', 'sample value'],
  ['0123456789abcdef0123456789abcdef0123', 'sample value'],
])('%j is no secret to start on', (secret, why) => {
  expect(weaknessOfSecret(secret)).toContain(why);
  expect(() => createSecrets(secret)).toThrow(why);
});

it('a good secret gives keys that are all different and never printed', () => {
  expect(weaknessOfSecret(GOOD)).toBeNull();
  const secrets = createSecrets(GOOD);
  const token = secrets.accessTokenKey.export().toString('hex');
  const pepper = secrets.apiKeyPepper.export().toString('hex');
  expect(token).not.toBe(pepper);
  const shown = inspect(secrets, { depth: 9 }) + JSON.stringify(secrets);
  for (const hidden of [GOOD, token, pepper]) expect(shown).not.toContain(hidden);
  expect(createSecrets(GOOD).accessTokenKey.equals(secrets.accessTokenKey)).toBe(true);
});

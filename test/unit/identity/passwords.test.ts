import { expect, it } from 'vitest';
import { checkPassword, createPasswords } from '../../../src/domain/identity/passwords.js';

it('a password is 10 to 200 characters of any kind', () => {
  expect(checkPassword('123456789', 'password')).toMatchObject({
    ok: false,
    error: { code: 'INVALID_INPUT' },
  });
  expect(checkPassword('1234567890', 'password').ok).toBe(true);
  expect(checkPassword('🔑'.repeat(200), 'password').ok).toBe(true);
  expect(checkPassword('x'.repeat(201), 'password').ok).toBe(false);
});

it('a password fits its own hash, however its characters are composed, and no other', async () => {
  const passwords = createPasswords();
  const hash = await passwords.hash('cafe\u0301 au lait');
  if (!hash.ok) throw new Error('busy');
  expect(hash.value).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  expect(await passwords.verify(hash.value, 'caf\u00e9 au lait')).toEqual({ ok: true, value: true });
  expect(await passwords.verify(hash.value, 'cafe au lait')).toEqual({ ok: true, value: false });
});

it('checking against nobody computes, and is never right', async () => {
  const passwords = createPasswords();
  expect(await passwords.verify(null, 'correct horse battery')).toEqual({ ok: true, value: false });
});

it('checking against nobody takes about as long as checking a wrong password', async () => {
  const passwords = createPasswords();
  const hash = await passwords.hash('correct horse battery');
  if (!hash.ok) throw new Error('busy');
  const times = { somebody: [] as number[], nobody: [] as number[] };
  for (let i = 0; i < 7; i++) {
    for (const [name, stored] of [
      ['somebody', hash.value],
      ['nobody', null],
    ] as const) {
      const start = performance.now();
      await passwords.verify(stored, 'wrong password');
      times[name].push(performance.now() - start);
    }
  }
  const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1] as number;
  // Wide, because the machine is shared; a check that is skipped would be a thousand times quicker.
  expect(median(times.nobody) / median(times.somebody)).toBeGreaterThan(0.5);
  expect(median(times.nobody) / median(times.somebody)).toBeLessThan(2);
});

import { expect, it } from 'vitest';
import { createAttemptLimiter, networkOf } from '../../../src/domain/identity/attempt-limiter.js';
import { createGate } from '../../../src/domain/identity/gate.js';

it.each([
  [null, 'unknown'],
  ['192.0.2.7', '192.0.2.7'],
  ['::ffff:192.0.2.7', '192.0.2.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:0db8:0001:0002::1', '2001:db8:1:2::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
])('the network of %s is %s', (address, network) => {
  expect(networkOf(address)).toBe(network);
});

function limiter() {
  let nowMs = 0;
  const clock = { now: () => new Date(nowMs), monotonicMs: () => nowMs };
  const made = createAttemptLimiter(clock, {
    perEmail: { burst: 2, intervalMs: 1000 },
    perAddress: { burst: 3, intervalMs: 100 },
  });
  return { ...made, advance: (ms: number) => (nowMs += ms) };
}

it('an attempt that one limit refuses does not count against the other', () => {
  const { admit } = limiter();
  const attempt = { email: 'a@x', clientAddress: '192.0.2.1' };
  expect([admit(attempt), admit(attempt)]).toEqual([0, 0]);
  for (let i = 0; i < 10; i++) expect(admit(attempt)).toBe(1000);
  expect(admit({ email: 'b@x', clientAddress: '192.0.2.1' })).toBe(0);
  expect(admit({ email: 'c@x', clientAddress: '192.0.2.1' })).toBe(100);
});

it('addresses of one IPv6 network count together, and time makes room', () => {
  const { admit, advance } = limiter();
  for (let i = 1; i <= 3; i++) expect(admit({ clientAddress: `2001:db8:1:2::${i}` })).toBe(0);
  expect(admit({ clientAddress: '2001:db8:1:2:ffff::' })).toBe(100);
  expect(admit({ clientAddress: '2001:db8:1:3::' })).toBe(0);
  advance(100);
  expect(admit({ clientAddress: '2001:db8:1:2::9' })).toBe(0);
});

it('a forgiven attempt was never made', () => {
  const { admit, forgive } = limiter();
  const attempt = { email: 'a@x', clientAddress: '192.0.2.1' };
  for (let i = 0; i < 50; i++) {
    expect(admit(attempt)).toBe(0);
    forgive(attempt);
  }
});

it('a gate runs a few, lets a few wait in order, and refuses the rest at once', async () => {
  const gate = createGate({ concurrency: 2, maxWaiting: 2, maxWaitMs: 5000 });
  const order: number[] = [];
  const release: (() => void)[] = [];
  const works = [0, 1, 2, 3, 4].map((i) =>
    gate.run(async () => {
      order.push(i);
      await new Promise<void>((resolve) => release.push(resolve));
      return i;
    }),
  );
  expect(await works[4]).toBeNull();
  expect(order).toEqual([0, 1]);
  release[0]?.();
  expect(await works[0]).toEqual({ value: 0 });
  release[1]?.();
  await works[1];
  await new Promise((resolve) => setImmediate(resolve));
  expect(order).toEqual([0, 1, 2, 3]);
  release[2]?.();
  release[3]?.();
  expect(await Promise.all([works[2], works[3]])).toEqual([{ value: 2 }, { value: 3 }]);
});

it('a gate gives up on who waits too long, and frees the place of a work that fails', async () => {
  const gate = createGate({ concurrency: 1, maxWaiting: 5, maxWaitMs: 20 });
  let finish: (() => void) | undefined;
  const first = gate.run(() => new Promise<void>((resolve) => (finish = resolve)));
  expect(await gate.run(() => Promise.resolve('never'))).toBeNull();
  finish?.();
  await first;
  await expect(gate.run(() => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
  expect(await gate.run(() => Promise.resolve('fine'))).toEqual({ value: 'fine' });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createFairQueue } from '../../../src/inference/fair-queue.js';

interface Entry {
  readonly fairnessKey: string;
  readonly bytes: number;
  readonly number: number;
}

const always = (): boolean => true;
const ROOMY = { maxQueued: 1000, maxQueuedPerKey: 1000, maxQueuedBytes: Infinity };

function entries(keys: readonly string[]): Entry[] {
  return keys.map((fairnessKey, number) => ({ fairnessKey, bytes: 1, number }));
}

const someKeys = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 40 });

describe('the fair queue', () => {
  it('keeps the order of arrival within a key, and gives each waiting key its turn', () => {
    fc.assert(
      fc.property(someKeys, (keys) => {
        const queue = createFairQueue<Entry>(ROOMY);
        for (const entry of entries(keys)) queue.offer(entry);
        const taken: Entry[] = [];
        for (let entry = queue.take(always); entry !== null; entry = queue.take(always)) taken.push(entry);

        expect(taken).toHaveLength(keys.length);
        for (const key of new Set(keys)) {
          const numbers = taken.filter(({ fairnessKey }) => fairnessKey === key).map(({ number }) => number);
          expect(numbers).toEqual([...numbers].sort((x, y) => x - y));
        }
        // Between two turns of a key, no other key has more than one.
        const remaining = new Map<string, number>();
        for (const key of keys) remaining.set(key, (remaining.get(key) ?? 0) + 1);
        const rounds = Math.max(0, ...remaining.values());
        let at = 0;
        for (let round = 0; round < rounds; round++) {
          const expected = [...remaining].filter(([, count]) => count > round).map(([key]) => key);
          const turn = taken.slice(at, at + expected.length).map(({ fairnessKey }) => fairnessKey);
          expect([...turn].sort()).toEqual([...expected].sort());
          at += expected.length;
        }
      }),
    );
  });

  it('counts exactly what it holds under any mixture of operations, within its bounds', () => {
    const operation = fc.oneof(
      fc.record({ op: fc.constant('offer' as const), key: fc.constantFrom('a', 'b', 'c'), bytes: fc.nat(5) }),
      fc.record({ op: fc.constant('take' as const), skip: fc.constantFrom('a', 'b', 'none') }),
      fc.record({ op: fc.constant('remove' as const), at: fc.nat(10) }),
      fc.record({ op: fc.constant('putBack' as const) }),
    );
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
        const queue = createFairQueue<Entry>({ maxQueued: 6, maxQueuedPerKey: 3, maxQueuedBytes: 12 });
        const model: Entry[] = [];
        const taken: Entry[] = [];
        let number = 0;
        for (const step of operations) {
          if (step.op === 'offer') {
            const entry = { fairnessKey: step.key, bytes: step.bytes, number: number++ };
            const inLine = model.filter(({ fairnessKey }) => fairnessKey === step.key).length;
            const bytes = model.reduce((sum, held) => sum + held.bytes, 0);
            const fits = model.length < 6 && inLine < 3 && (model.length === 0 || bytes + entry.bytes <= 12);
            const offer = queue.offer(entry);
            expect(offer.accepted).toBe(fits);
            if (offer.accepted) model.push(entry);
            else expect(offer.ahead).toBeGreaterThanOrEqual(1);
          } else if (step.op === 'take') {
            const entry = queue.take(({ fairnessKey }) => fairnessKey !== step.skip);
            if (entry === null)
              expect(model.every(({ fairnessKey }) => fairnessKey === step.skip)).toBe(true);
            else {
              expect(entry.fairnessKey).not.toBe(step.skip);
              model.splice(model.indexOf(entry), 1);
              taken.push(entry);
            }
          } else if (step.op === 'remove') {
            const entry = model[step.at];
            if (entry === undefined) continue;
            expect(queue.remove(entry)).toBe(true);
            expect(queue.remove(entry)).toBe(false);
            model.splice(step.at, 1);
          } else {
            const entry = taken.pop();
            if (entry === undefined) continue;
            queue.putBack(entry);
            model.push(entry);
            expect(queue.take(always)).toBe(entry);
            queue.putBack(entry);
          }
          expect(queue.length).toBe(model.length);
        }
        expect(new Set(queue.drain())).toEqual(new Set(model));
        expect(queue.length).toBe(0);
      }),
    );
  });

  it('accepts an entry larger than its byte bound only when it is empty', () => {
    const queue = createFairQueue<Entry>({ ...ROOMY, maxQueuedBytes: 10 });
    const large = { fairnessKey: 'a', bytes: 50, number: 0 };
    expect(queue.offer(large).accepted).toBe(true);
    expect(queue.offer({ fairnessKey: 'b', bytes: 1, number: 1 })).toEqual({
      accepted: false,
      full: 'queue',
      ahead: 1,
    });
  });
});

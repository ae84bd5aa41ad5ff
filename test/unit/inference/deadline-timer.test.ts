import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DeadlineTimer, type Deadlined } from '../../../src/inference/deadline-timer.js';
import { systemClock } from '../../../src/lib/clock.js';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe('one timer for many deadlines', () => {
  it('fires each that was not removed exactly once, in order and within a millisecond', () => {
    const someItems = fc.array(
      fc.record({ inMs: fc.double({ min: 0.1, max: 500, noNaN: true }), isRemoved: fc.boolean() }),
      {
        maxLength: 60,
      },
    );
    fc.assert(
      fc.property(someItems, (plan) => {
        const startMs = systemClock.monotonicMs();
        const fired: { readonly item: Deadlined; readonly lateMs: number }[] = [];
        const timer = new DeadlineTimer<Deadlined>(systemClock, (item) => {
          fired.push({ item, lateMs: systemClock.monotonicMs() - item.deadlineAtMs });
        });
        const items = plan.map(({ inMs }) => ({ deadlineAtMs: startMs + inMs, heapIndex: -1 }));
        for (const item of items) timer.add(item);
        items.forEach((item, at) => {
          if (plan[at]?.isRemoved === true) timer.remove(item);
        });
        vi.advanceTimersByTime(600);

        const expected = items.filter((_, at) => plan[at]?.isRemoved !== true);
        expect(new Set(fired.map(({ item }) => item))).toEqual(new Set(expected));
        expect(fired).toHaveLength(expected.length);
        const times = fired.map(({ item }) => item.deadlineAtMs);
        expect(times).toEqual([...times].sort((a, b) => a - b));
        for (const { lateMs } of fired) expect(lateMs).toBeLessThanOrEqual(2);
        expect(vi.getTimerCount()).toBe(0);
      }),
    );
  });

  it('holds no timer when nothing is due', () => {
    const timer = new DeadlineTimer<Deadlined>(systemClock, () => undefined);
    const item = { deadlineAtMs: systemClock.monotonicMs() + 10_000, heapIndex: -1 };
    timer.add(item);
    expect(vi.getTimerCount()).toBe(1);
    timer.remove(item);
    timer.remove(item);
    expect(vi.getTimerCount()).toBe(0);
  });
});

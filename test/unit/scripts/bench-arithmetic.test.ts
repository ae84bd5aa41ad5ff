import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
// @ts-expect-error: plain JavaScript without types
import * as untypedSchedule from '../../../scripts/bench/schedule.mjs';
// @ts-expect-error: plain JavaScript without types
import * as untyped from '../../../scripts/bench/statistics.mjs';

const statistics = untyped as {
  percentile(values: readonly number[], share: number): number | null;
  median(values: readonly (number | null)[]): number | null;
  worst(values: readonly (number | null)[]): number | null;
  ratio(value: number | null, base: number | null): number | null;
  summarise(values: readonly number[]): Record<string, number | null>;
  join(measurements: readonly { ok: number; elapsedMs: number; figures: unknown }[]): unknown;
  meetsBar(value: number | null, bar: { atLeast?: number; atMost?: number }): boolean | null;
};
interface Schedule {
  readonly count: number;
  dueMs(index: number): number;
}
const { openLoop, dueBy, nextWithin, aheadMs, latenciesDueIn } = untypedSchedule as {
  openLoop(load: { ratePerSecond: number; seconds: number }): Schedule;
  dueBy(schedule: Schedule, elapsedMs: number): number;
  nextWithin(schedule: Schedule, next: number, elapsedMs: number): number | null;
  aheadMs(intervalMs: number): number;
  latenciesDueIn(
    samples: { dueMs: readonly number[]; latencyMs: readonly number[] },
    fromMs: number,
    toMs: number,
  ): Float64Array;
};

describe('percentiles', () => {
  it('are values that were measured, by the nearest rank', () => {
    const values = Array.from({ length: 100 }, (_, index) => 100 - index);
    expect(statistics.percentile(values, 0.5)).toBe(50);
    expect(statistics.percentile(values, 0.99)).toBe(99);
    expect(statistics.percentile(values, 1)).toBe(100);
    expect(statistics.percentile([7], 0.01)).toBe(7);
  });

  it('sort by size, not by spelling', () => {
    expect(statistics.percentile([9, 10, 100], 1)).toBe(100);
  });

  it('do not exist where nothing was measured', () => {
    expect(statistics.percentile([], 0.5)).toBeNull();
    expect(statistics.summarise([])).toEqual({
      count: 0,
      p50: null,
      p90: null,
      p99: null,
      mean: null,
      max: null,
    });
  });

  it('leave at least their share of the values at or below them, and no smaller value does', () => {
    const values = fc.array(fc.double({ noNaN: true, min: 0, max: 1e6 }), { minLength: 1 });
    fc.assert(
      fc.property(values, fc.integer({ min: 1, max: 100 }), (all, percent) => {
        const found = statistics.percentile(all, percent / 100) as number;
        expect(all).toContain(found);
        expect(all.filter((value) => value <= found).length * 100).toBeGreaterThanOrEqual(
          percent * all.length,
        );
        expect(all.filter((value) => value < found).length * 100).toBeLessThan(percent * all.length);
      }),
    );
  });
});

describe('what joins the rounds', () => {
  it('is the middle one, or the mean of the middle two; unknown ones are left out', () => {
    expect(statistics.median([3, 10, 1])).toBe(3);
    expect(statistics.median([4, 1, 3, 2])).toBe(2.5);
    expect(statistics.median([null, 5, null])).toBe(5);
    expect(statistics.median([null])).toBeNull();
  });

  it('is the largest where the worst counts, and unknown when one is unknown', () => {
    expect(statistics.worst([1, 30, 4])).toBe(30);
    expect(statistics.worst([1, null])).toBeNull();
    expect(statistics.worst([])).toBeNull();
  });

  it('meets a bar in its own direction, and none when it is unknown', () => {
    expect(statistics.meetsBar(0.55, { atLeast: 0.55 })).toBe(true);
    expect(statistics.meetsBar(0.54, { atLeast: 0.55 })).toBe(false);
    expect(statistics.meetsBar(2, { atMost: 2 })).toBe(true);
    expect(statistics.meetsBar(Infinity, { atMost: 2 })).toBe(false);
    expect(statistics.meetsBar(null, { atMost: 2 })).toBeNull();
  });

  it('join measurements of different length by their time, not by their number', () => {
    const joined = statistics.join([
      { ok: 100, elapsedMs: 1_000, figures: 'a' },
      { ok: 900, elapsedMs: 3_000, figures: 'b' },
    ]);
    expect(joined).toEqual({ perSecond: 250, slices: ['a', 'b'] });
  });

  it('is no quotient where there is nothing to divide by', () => {
    expect(statistics.ratio(6, 3)).toBe(2);
    expect(statistics.ratio(6, 0)).toBeNull();
    expect(statistics.ratio(null, 3)).toBeNull();
  });
});

describe('an open loop', () => {
  it('has as many requests as its rate and its length say, evenly spread', () => {
    const schedule = openLoop({ ratePerSecond: 300, seconds: 10 });
    expect(schedule.count).toBe(3_000);
    expect(schedule.dueMs(0)).toBe(0);
    expect(schedule.dueMs(300)).toBeCloseTo(1_000);
  });

  it('has nothing due before it starts, and everything after its end', () => {
    const schedule = openLoop({ ratePerSecond: 50, seconds: 2 });
    expect(dueBy(schedule, -1)).toBe(0);
    expect(dueBy(schedule, 0)).toBe(1);
    expect(dueBy(schedule, 19.9)).toBe(1);
    expect(dueBy(schedule, 20)).toBe(2);
    expect(dueBy(schedule, 1e9)).toBe(100);
  });

  it('counts a request as due from its instant on, at any rate', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20_000 }), fc.integer({ min: 0, max: 50_000 }), (rate, index) => {
        const schedule = openLoop({ ratePerSecond: rate, seconds: 60_000 });
        expect(dueBy(schedule, schedule.dueMs(index))).toBe(index + 1);
      }),
    );
  });

  it('waits for a request that is due in a moment, for no other, and never for one that is over', () => {
    const schedule = openLoop({ ratePerSecond: 100, seconds: 1 });
    expect(nextWithin(schedule, 1, 9.8)).toBe(10);
    expect(nextWithin(schedule, 1, 9.7)).toBeNull();
    expect(nextWithin(schedule, 1, 10)).toBeNull();
    expect(nextWithin(schedule, 100, 999.9)).toBeNull();
  });

  it('spends a small part of the time between two requests on waiting for the next', () => {
    expect(aheadMs(10)).toBe(0.25);
    expect(aheadMs(0.5)).toBeLessThan(0.05);
  });

  it('puts a late answer in the window in which its request was due', () => {
    const samples = { dueMs: [0, 10, 20, 30], latencyMs: [1, 50, 2, 3] };
    expect([...latenciesDueIn(samples, 0, 20)]).toEqual([1, 50]);
    expect([...latenciesDueIn(samples, 20, 40)]).toEqual([2, 3]);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  grantOf,
  isRunningLow,
  needsRenewal,
  NO_PACE,
  paceAfterDraw,
  paceAt,
  remainingWith,
  surplusOf,
  wantedAhead,
} from '../../../src/domain/metering/lease.js';

const count = fc.nat({ max: 100_000 });
const room = fc.option(count, { nil: null });

describe('what a lease gets', () => {
  const wanted = fc
    .record({ asked: count, smallest: count, ahead: count })
    .map(({ asked, smallest, ahead }) => ({ asked, smallest: Math.min(asked, smallest), ahead }));

  it('is never more than is left, and all that is asked when that is left', () => {
    fc.assert(
      fc.property(room, wanted, (left, want) => {
        const granted = grantOf(left, want);
        if (left !== null) expect(granted).toBeLessThanOrEqual(left);
        if (left === null || left >= want.asked) expect(granted).toBeGreaterThanOrEqual(want.asked);
      }),
    );
  });

  it('is nothing ahead when not all are served, and at most an eighth of what is left then', () => {
    fc.assert(
      fc.property(count, wanted, (left, want) => {
        const ahead = Math.max(0, grantOf(left, want) - want.asked);
        expect(ahead).toBeLessThanOrEqual(want.ahead);
        expect(ahead * 8).toBeLessThanOrEqual(Math.max(0, left - want.asked));
      }),
    );
  });

  it('is nothing at all when it would serve nobody', () => {
    fc.assert(
      fc.property(count, wanted, (left, want) => {
        const granted = grantOf(left, want);
        if (granted > 0 && granted < want.asked) expect(granted).toBeGreaterThanOrEqual(want.smallest);
      }),
    );
  });

  it('whatever processes ask in whatever order, together they never have more than the limit', () => {
    fc.assert(
      fc.property(count, fc.array(wanted, { maxLength: 40 }), (limit, all) => {
        let left = limit;
        for (const want of all) left -= grantOf(left, want);
        expect(left).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});

describe('the pace', () => {
  it('is about the units of the last second, and is forgotten within a few', () => {
    let pace = NO_PACE;
    for (let ms = 0; ms < 5_000; ms += 5) pace = paceAfterDraw(pace, 1, ms);
    expect(paceAt(pace, 5_000)).toBeGreaterThan(180);
    expect(paceAt(pace, 5_000)).toBeLessThan(220);
    expect(wantedAhead(paceAt(pace, 10_000))).toBe(0);
  });

  it('a slow caller takes nothing ahead, so that what fails is there for everybody at once', () => {
    let pace = NO_PACE;
    for (let ms = 0; ms < 10_000; ms += 500) {
      pace = paceAfterDraw(pace, 1, ms);
      expect(wantedAhead(paceAt(pace, ms))).toBe(0);
    }
  });

  it('what is renewed is not at once too much: low and surplus exclude each other', () => {
    fc.assert(
      fc.property(count, fc.double({ min: 0, max: 100_000, noNaN: true }), (idle, perSecond) => {
        if (isRunningLow(idle, perSecond)) {
          expect(surplusOf(idle + wantedAhead(perSecond), perSecond)).toBe(0);
        }
        expect(surplusOf(idle, perSecond)).toBeLessThanOrEqual(idle);
      }),
    );
  });
});

it('what remains counts down by one with each draw from a lease', () => {
  expect([3, 2, 1, 0].map((idle) => remainingWith(7, idle))).toEqual([10, 9, 8, 7]);
  expect(remainingWith(null, 3)).toBeNull();
});

it('a lease is renewed when half its time is over', () => {
  expect([needsRenewal(40_000, 19_999), needsRenewal(40_000, 20_001)]).toEqual([false, true]);
});

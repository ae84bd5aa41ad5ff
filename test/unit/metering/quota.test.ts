import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  admits,
  monthlyQuota,
  periodOf,
  remainingOf,
  withinPeriod,
} from '../../../src/domain/metering/quota.js';

const instants = fc.date({ min: new Date('1971-01-01'), max: new Date('2199-12-31'), noInvalidDate: true });

describe('the period of an instant', () => {
  it.each([
    ['2026-01-31T23:59:59.999Z', '2026-01-01', '2026-02-01'],
    ['2026-02-01T00:00:00.000Z', '2026-02-01', '2026-03-01'],
    ['2028-02-29T12:00:00.000Z', '2028-02-01', '2028-03-01'],
    ['2027-02-28T23:59:59.999Z', '2027-02-01', '2027-03-01'],
    ['2100-02-28T23:59:59.999Z', '2100-02-01', '2100-03-01'],
    ['2026-12-31T23:59:59.999Z', '2026-12-01', '2027-01-01'],
  ])('%s lies in the month from %s to %s', (instant, start, end) => {
    expect(periodOf(new Date(instant))).toEqual({ start: new Date(start), end: new Date(end) });
  });

  it('holds the instant, starts where the last one ended, and is 28 to 31 days long', () => {
    fc.assert(
      fc.property(instants, (instant) => {
        const { start, end } = periodOf(instant);
        expect(start <= instant && instant < end).toBe(true);
        expect(periodOf(end).start).toEqual(end);
        expect(periodOf(new Date(start.getTime() - 1)).end).toEqual(start);
        const days = (end.getTime() - start.getTime()) / 86_400_000;
        expect([28, 29, 30, 31]).toContain(days);
        expect(start.toISOString()).toMatch(/-01T00:00:00\.000Z$/);
      }),
    );
  });

  it('keeps what it pays for inside itself, and does not move what is inside', () => {
    fc.assert(
      fc.property(instants, instants, (month, instant) => {
        const period = periodOf(month);
        const kept = withinPeriod(period, instant);
        expect(periodOf(kept)).toEqual(period);
        if (period.start <= instant && instant < period.end) expect(kept).toEqual(instant);
      }),
    );
  });
});

describe('an allowance', () => {
  const count = fc.nat({ max: 1000 });
  const limit = fc.option(count, { nil: null });

  it('admits exactly what remains', () => {
    fc.assert(
      fc.property(limit, count, count, fc.integer({ min: 1, max: 1000 }), (max, used, reserved, units) => {
        const remaining = remainingOf(max, used, reserved);
        expect(admits(max, used, reserved, units)).toBe(remaining === null || units <= remaining);
        if (remaining !== null) expect(remaining).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  it('is never passed, whatever is asked in whatever order', () => {
    fc.assert(
      fc.property(count, fc.array(fc.integer({ min: 1, max: 50 })), (max, asked) => {
        let used = 0;
        for (const units of asked) if (admits(max, used, 0, units)) used += units;
        expect(used).toBeLessThanOrEqual(max);
      }),
    );
  });

  it('is shown with what is left and when it resets', () => {
    const period = periodOf(new Date('2026-03-15'));
    const counter = { limit: 10, used: 3, reserved: 2, weight: 1 };
    expect(monthlyQuota('TENANT', 'ten_1', counter, 'HARD', period)).toEqual({
      subject: 'TENANT',
      subjectId: 'ten_1',
      modelId: null,
      measure: 'PREDICTIONS',
      window: 'MONTH',
      currency: null,
      enforcement: 'HARD',
      overage: 0,
      limit: 10,
      used: 3,
      reserved: 2,
      remaining: 5,
      weight: 1,
      periodStart: new Date('2026-03-01'),
      resetsAt: new Date('2026-04-01'),
    });
  });
});

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { admitGcra, refundGcra, type GcraRate } from '../../../src/lib/gcra.js';

const rates = fc.record({
  burst: fc.integer({ min: 1, max: 20 }),
  intervalMs: fc.integer({ min: 1, max: 1000 }),
});
const gaps = fc.array(fc.integer({ min: 0, max: 3000 }), { minLength: 1, maxLength: 200 });

function play(rate: GcraRate, waits: readonly number[]) {
  let tatMs: number | null = null;
  let nowMs = 0;
  const admitted: number[] = [];
  for (const wait of waits) {
    nowMs += wait;
    const decision = admitGcra(tatMs, rate, nowMs);
    tatMs = decision.tatMs;
    if (decision.admitted) admitted.push(nowMs);
  }
  return admitted;
}

it('in any window no more are admitted than the burst and what the window earns', () => {
  fc.assert(
    fc.property(rates, gaps, (rate, waits) => {
      const admitted = play(rate, waits);
      admitted.forEach((start, i) => {
        for (let j = i; j < admitted.length; j++) {
          const windowMs = (admitted[j] as number) - start;
          expect(j - i + 1).toBeLessThanOrEqual(rate.burst + Math.floor(windowMs / rate.intervalMs));
        }
      });
    }),
  );
});

it('the promised wait is exact: a millisecond earlier is refused, then admitted', () => {
  fc.assert(
    fc.property(rates, gaps, (rate, waits) => {
      let tatMs: number | null = null;
      let nowMs = 0;
      for (const wait of waits) {
        nowMs += wait;
        const decision = admitGcra(tatMs, rate, nowMs);
        if (!decision.admitted) {
          const { retryAfterMs } = decision;
          expect(admitGcra(decision.tatMs, rate, nowMs + retryAfterMs - 1).admitted).toBe(false);
          expect(admitGcra(decision.tatMs, rate, nowMs + retryAfterMs).admitted).toBe(true);
        }
        tatMs = decision.tatMs;
      }
    }),
  );
});

it('whoever keeps to the interval is always admitted', () => {
  fc.assert(
    fc.property(rates, fc.integer({ min: 1, max: 100 }), (rate, count) => {
      expect(play(rate, Array<number>(count).fill(rate.intervalMs))).toHaveLength(count);
    }),
  );
});

it('several at once cost as much as one after the other', () => {
  fc.assert(
    fc.property(rates, fc.integer({ min: 1, max: 30 }), (rate, cost) => {
      let tatMs: number | null = null;
      let single = 0;
      for (; single < cost; single++) {
        const decision = admitGcra(tatMs, rate, 0);
        if (!decision.admitted) break;
        tatMs = decision.tatMs;
      }
      const together = admitGcra(null, rate, 0, cost);
      expect(together.admitted).toBe(single === cost);
      if (together.admitted) expect(together.tatMs).toBe(tatMs);
      if (cost > rate.burst) expect(together.retryAfterMs).toBe(Infinity);
    }),
  );
});

it('what is given back can be taken again, and nothing beyond the burst', () => {
  const rate = { burst: 2, intervalMs: 100 };
  const one = admitGcra(null, rate, 0);
  const two = admitGcra(one.tatMs, rate, 0);
  expect(admitGcra(two.tatMs, rate, 0)).toEqual({ admitted: false, tatMs: 200, retryAfterMs: 100 });
  const back = refundGcra(two.tatMs, rate);
  expect(admitGcra(back, rate, 0).admitted).toBe(true);
  const overpaid = refundGcra(refundGcra(refundGcra(back, rate), rate), rate);
  expect(admitGcra(overpaid, rate, 0, 3).admitted).toBe(false);
});

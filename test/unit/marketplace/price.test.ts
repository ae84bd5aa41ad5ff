import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { highestPriceOf, priceOf, type PlanTerms } from '../../../src/domain/marketplace/index.js';
import { checkNewPlan, MAX_PRICE_MICROS } from '../../../src/domain/marketplace/plan.js';

const TERMS: PlanTerms = {
  currency: 'EUR',
  pricePerThousandMicros: 2_000_000,
  pricePerComputeSecondMicros: 30_000,
  freePredictionsPerMonth: 100,
  tiers: [
    { from: 1_001, pricePerThousandMicros: 1_500_000 },
    { from: 10_001, pricePerThousandMicros: 500_000 },
  ],
};

const price = fc.integer({ min: 0, max: MAX_PRICE_MICROS / 1_000 }).map((thousands) => thousands * 1_000);
const anyTerms = fc
  .record({
    pricePerThousandMicros: price,
    pricePerComputeSecondMicros: fc.integer({ min: 0, max: MAX_PRICE_MICROS }),
    freePredictionsPerMonth: fc.integer({ min: 0, max: 60 }),
    froms: fc.uniqueArray(fc.integer({ min: 2, max: 200 }), { maxLength: 5 }),
    prices: fc.array(price, { minLength: 5, maxLength: 5 }),
  })
  .map(({ froms, prices, ...terms }): PlanTerms => {
    const tiers = froms
      .sort((a, b) => a - b)
      .map((from, i) => ({ from, pricePerThousandMicros: prices[i]! }));
    return { currency: 'EUR', ...terms, tiers };
  });
const anyCompute = fc.integer({ min: 0, max: 400_000_000_000 });

/** The same price by another road: the month cut into its spans, each multiplied, all in whole numbers without end. */
function statementOf(terms: PlanTerms, count: number): bigint {
  const bounds = [
    { from: 1, pricePerThousandMicros: terms.pricePerThousandMicros },
    ...terms.tiers,
    { from: Infinity, pricePerThousandMicros: 0 },
  ];
  return bounds.slice(0, -1).reduce((sum, { from, pricePerThousandMicros }, i) => {
    const first = Math.max(from, terms.freePredictionsPerMonth + 1);
    const last = Math.min(count, (bounds[i + 1]?.from ?? Infinity) - 1);
    const paid = BigInt(Math.max(0, last - first + 1));
    return sum + (paid * BigInt(pricePerThousandMicros)) / 1_000n;
  }, 0n);
}

describe('the price of a prediction', () => {
  it.each([
    [1, 0],
    [100, 0],
    [101, 2_000],
    [1_000, 2_000],
    [1_001, 1_500],
    [10_000, 1_500],
    [10_001, 500],
    [1_000_000_000, 500],
  ])('number %i of the month costs %i micros and its compute', (ordinal, micros) => {
    expect(priceOf(TERMS, { ordinal, computeUs: 0 })).toBe(micros);
    // 1 ms of a second at 30,000 micros.
    expect(priceOf(TERMS, { ordinal, computeUs: 1_000 })).toBe(micros === 0 ? 0 : micros + 30);
  });

  it.each([
    [1, 1],
    [33, 1],
    [34, 2],
    [1_000_000, 30_000],
    [1_000_001, 30_001],
  ])('%i µs of compute are rounded up to %i micros', (computeUs, micros) => {
    expect(priceOf({ ...TERMS, pricePerThousandMicros: 0, tiers: [] }, { ordinal: 101, computeUs })).toBe(
      micros,
    );
  });

  it('is exact where the product outgrows a double', () => {
    fc.assert(
      fc.property(anyCompute, fc.integer({ min: 0, max: MAX_PRICE_MICROS }), (computeUs, perSecond) => {
        const exact = BigInt(computeUs) * BigInt(perSecond);
        fc.pre(exact / 1_000_000n < BigInt(Number.MAX_SAFE_INTEGER));
        const terms = {
          ...TERMS,
          tiers: [],
          pricePerThousandMicros: 0,
          pricePerComputeSecondMicros: perSecond,
        };
        const found = priceOf(terms, { ordinal: 101, computeUs });
        expect(BigInt(found)).toBe((exact + 999_999n) / 1_000_000n);
      }),
    );
  });

  it('adds up to the statement, wherever the tiers and the free ones end', () => {
    fc.assert(
      fc.property(anyTerms, fc.integer({ min: 0, max: 300 }), (terms, count) => {
        let sum = 0n;
        for (let ordinal = 1; ordinal <= count; ordinal++) {
          sum += BigInt(priceOf(terms, { ordinal, computeUs: 0 }));
        }
        expect(sum).toBe(statementOf(terms, count));
      }),
    );
  });

  it('is whole, never negative, never above what is claimed for it, and never falls with more compute', () => {
    fc.assert(
      fc.property(
        anyTerms,
        fc.integer({ min: 1, max: 300 }),
        anyCompute,
        anyCompute,
        (terms, ordinal, one, other) => {
          const [less, more] = one < other ? [one, other] : [other, one];
          const cheap = priceOf(terms, { ordinal, computeUs: less });
          const dear = priceOf(terms, { ordinal, computeUs: more });
          expect(Number.isInteger(cheap) && cheap >= 0).toBe(true);
          expect(dear).toBeGreaterThanOrEqual(cheap);
          expect(highestPriceOf(terms, more)).toBeGreaterThanOrEqual(dear);
        },
      ),
    );
  });
});

describe('the terms of a plan', () => {
  const input = { modelId: 'mdl', name: ' Standard ', currency: 'eur', pricePerThousandMicros: 2_000 };
  const pathsOf = (more: object) => {
    const checked = checkNewPlan({ ...input, ...more });
    return checked.ok ? [] : checked.error.map((mistake) => mistake.path?.join('.'));
  };

  it('are taken with what is left away as nothing', () => {
    expect(checkNewPlan(input)).toEqual({
      ok: true,
      value: {
        name: 'Standard',
        currency: 'EUR',
        pricePerThousandMicros: 2_000,
        pricePerComputeSecondMicros: 0,
        freePredictionsPerMonth: 0,
        tiers: [],
        includedLimits: [],
      },
    });
  });

  it.each([
    [{ name: '  ' }, ['name']],
    [{ name: 'a\u0000b' }, ['name']],
    [{ name: 'x'.repeat(61) }, ['name']],
    [{ currency: 'EURO' }, ['currency']],
    [{ currency: 'XXX' }, ['currency']],
    [{ pricePerThousandMicros: 1_500 }, ['pricePerThousandMicros']],
    [{ pricePerThousandMicros: -1_000 }, ['pricePerThousandMicros']],
    [{ pricePerThousandMicros: MAX_PRICE_MICROS + 1_000 }, ['pricePerThousandMicros']],
    [{ pricePerComputeSecondMicros: -1 }, ['pricePerComputeSecondMicros']],
    [{ freePredictionsPerMonth: -1 }, ['freePredictionsPerMonth']],
    [{ tiers: [{ from: 1, pricePerThousandMicros: 0 }] }, ['tiers.0.from']],
    [
      {
        tiers: [
          { from: 5, pricePerThousandMicros: 1 },
          { from: 5, pricePerThousandMicros: 0 },
        ],
      },
      ['tiers.0.pricePerThousandMicros', 'tiers.1.from'],
    ],
    [
      { tiers: Array.from({ length: 21 }, (_, i) => ({ from: i + 2, pricePerThousandMicros: 0 })) },
      ['tiers'],
    ],
    [{ includedLimits: [{ measure: 'PLACES', window: 'DAY', amount: 1 }] }, ['includedLimits.0.window']],
    [{ includedLimits: [{ measure: 'ROWS', window: 'NONE', amount: 1 }] }, ['includedLimits.0.window']],
    [
      {
        includedLimits: [
          { measure: 'ROWS', window: 'DAY', amount: -1 },
          { measure: 'ROWS', window: 'DAY', amount: 1, enforcement: 'SOFT' },
          { measure: 'ROWS', window: 'MINUTE', amount: 1, enforcement: 'SOFT' },
        ],
      },
      ['includedLimits.0.amount', 'includedLimits.1.window', 'includedLimits.2.enforcement'],
    ],
    [
      { name: '', currency: '', freePredictionsPerMonth: 0.5 },
      ['name', 'currency', 'freePredictionsPerMonth'],
    ],
  ])('%j is refused, and every mistake named', (more, paths) => {
    expect(pathsOf(more)).toEqual(paths);
  });
});

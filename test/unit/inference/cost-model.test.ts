import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createCostModel } from '../../../src/inference/cost-model.js';

const someCost = fc.record({
  fixedMs: fc.double({ min: 0.05, max: 50, noNaN: true }),
  perRowMs: fc.double({ min: 0.001, max: 50, noNaN: true }),
});

/** Runs as the batcher would: as many rows as the model allows, and a lone request now and then. */
function learn(cost: { readonly fixedMs: number; readonly perRowMs: number }, limit = 64) {
  const model = createCostModel();
  const truth = (rows: number): number => cost.fixedMs + cost.perRowMs * rows;
  for (let round = 0; round < 40; round++) {
    const rows = round % 4 === 0 ? 1 : model.maxRows('v', limit);
    model.observe('v', rows, truth(rows));
  }
  return { model, truth };
}

describe('the cost model', () => {
  it('learns what a run costs from the runs that it allows', () => {
    fc.assert(
      fc.property(someCost, (cost) => {
        const { model, truth } = learn(cost);
        for (const rows of [1, model.maxRows('v', 64)]) {
          expect(model.estimateMs('v', rows)).toBeGreaterThan(truth(rows) * 0.7);
          expect(model.estimateMs('v', rows)).toBeLessThan(truth(rows) * 1.4);
        }
      }),
    );
  });

  it('allows no run much above the target, and no smaller one than fits under it', () => {
    fc.assert(
      fc.property(someCost, (cost) => {
        const { model, truth } = learn(cost);
        const rows = model.maxRows('v', 64);
        const targetMs = Math.max(10, 1.5 * truth(1));
        if (rows > 1) expect(truth(rows)).toBeLessThan(targetMs * 1.3);
        if (rows < 64) expect(truth(2 * (rows + 1))).toBeGreaterThan(targetMs * 0.8);
      }),
    );
  });

  it('joins a model of 1.5 ms whose further rows are cheap, and not one of 30 ms whose rows are not', () => {
    expect(learn({ fixedMs: 1.3, perRowMs: 0.1 }).model.maxRows('v', 64)).toBe(64);
    expect(learn({ fixedMs: 5, perRowMs: 25 }).model.maxRows('v', 64)).toBe(1);
  });

  it('does not believe one interrupted run', () => {
    const { model, truth } = learn({ fixedMs: 1, perRowMs: 0.05 });
    model.observe('v', 1, 2_000);
    expect(model.estimateMs('v', 1)).toBeLessThan(2 * truth(1));
  });

  it('grows step by step and never exceeds the limit', () => {
    const model = createCostModel();
    const seen: number[] = [];
    for (let run = 0; run < 8; run++) {
      const rows = model.maxRows('v', 64);
      seen.push(rows);
      model.observe('v', rows, 1 + rows * 0.01);
    }
    expect(seen).toEqual([4, 8, 16, 32, 64, 64, 64, 64]);
    expect(model.maxRows('v', 10)).toBe(10);
    expect(model.maxRows('other', 1)).toBe(1);
  });
});

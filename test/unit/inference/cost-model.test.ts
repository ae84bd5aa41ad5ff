import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createCostModel } from '../../../src/inference/cost-model.js';

const someCost = fc.record({
  fixedMs: fc.double({ min: 0.05, max: 50, noNaN: true }),
  perRowMs: fc.double({ min: 0.001, max: 50, noNaN: true }),
});

/** The same each time: a property that holds almost always would fail somebody's build one day. */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    // Park and Miller's generator.
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

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

  it.each([
    { fixedMs: 0.2, perRowMs: 1.4 },
    { fixedMs: 0, perRowMs: 50 },
    { fixedMs: 5, perRowMs: 25 },
    { fixedMs: 45, perRowMs: 5 },
  ])('allows no run far above the target while times scatter, as they do on a busy machine: %o', (cost) => {
    const truth = (rows: number): number => cost.fixedMs + cost.perRowMs * rows;
    const targetMs = Math.max(10, 1.5 * truth(1));
    let longestMs = 0;
    for (let seed = 1; seed <= 20; seed++) {
      const model = createCostModel();
      const random = randomNumbers(seed);
      let slowness = 1;
      for (let run = 0; run < 600; run++) {
        const rows = run % 16 === 0 ? 1 : model.maxRows('v', 64);
        if (run > 12) longestMs = Math.max(longestMs, truth(rows));
        slowness = slowness ** 0.98 * Math.exp(0.25 * (random() - 0.5));
        const scatter = Math.exp(1.2 * (random() - 0.5)) * (random() < 0.03 ? 4 : 1);
        model.observe('v', rows, truth(rows) * slowness * scatter);
      }
    }
    expect(longestMs).toBeLessThan(4.5 * targetMs);
  });

  it('joins as many rows as before when all runs take longer for a while and then no more', () => {
    const { model, truth } = learn({ fixedMs: 1, perRowMs: 0.4 });
    const usual = model.maxRows('v', 64);
    const run = (factor: number): void => {
      const rows = model.maxRows('v', 64);
      model.observe('v', rows, truth(rows) * factor);
    };
    for (let i = 0; i < 100; i++) run(3);
    expect(model.maxRows('v', 64)).toBeLessThan(usual);
    for (let i = 0; i < 200; i++) run(1);
    expect(model.maxRows('v', 64)).toBeGreaterThanOrEqual(usual * 0.8);
    expect(model.maxRows('v', 64)).toBeLessThanOrEqual(usual * 1.25);
  });

  it('gives a run company that can wait while that takes little longer, or twice as long', () => {
    const { model: cheap } = learn({ fixedMs: 0.3, perRowMs: 0.01 });
    expect(cheap.rowsWithCompany('v', 1)).toBeGreaterThan(64);
    const { model: dear } = learn({ fixedMs: 1, perRowMs: 2 });
    expect(dear.rowsWithCompany('v', 1)).toBe(2);
    expect(dear.rowsWithCompany('v', 3)).toBe(6);
    expect(createCostModel().rowsWithCompany('v', 1)).toBe(Infinity);
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

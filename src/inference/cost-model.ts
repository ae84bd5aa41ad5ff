/**
 * What a run of a program (a version, by one of its signatures) costs, learnt from the runs that were observed:
 * cost ≈ fixed + rows · perRow, fitted by least squares. It decides how many rows a run may take and what
 * a fairness key is charged before the run has been measured. Pure: no clock.
 */
export interface CostModel {
  observe(program: string, rows: number, computeMs: number): void;
  /** Expected compute time of one run, in ms. */
  estimateMs(program: string, rows: number): number;
  /** What a row has cost lately, joined as runs were; what a queue of them will take. */
  msPerRow(program: string): number;
  /** The most rows that a joined run should take: at least 1, at most `limit`. */
  maxRows(program: string, limit: number): number;
  /** The most rows that a run of `rows` may have with company that can wait: it takes little longer, or twice as long. */
  rowsWithCompany(program: string, rows: number): number;
}

interface Fit {
  /** Of the last twenty runs or so: how fast the machine is changes. */
  weight: number;
  rows: number;
  ms: number;
  /** Of the last two hundred: how the program scales does not. */
  spreadWeight: number;
  rowsSpread: number;
  rowsMsSpread: number;
  largest: number;
  msPerRow: number;
  fixedMs: number;
  /** `null` while all runs had about as many rows: they cannot tell a row's share from the fixed one. */
  perRowMs: number | null;
}

/** A joined run may take this long, so that whoever arrives meanwhile does not wait long … */
const TARGET_RUN_MS = 10;
/** … or this many times what a single row takes, where that is more. */
const TARGET_SINGLE_RUNS = 1.5;
/** So much longer nobody minds. */
const LITTLE_LONGER_MS = 1;
/** What a run counts for after the next one. */
const DECAY = 0.95;
const SPREAD_DECAY = 0.995;
const SMOOTHING = 0.2;
/** A run that was interrupted (a garbage collection, a busy machine) counts as no more than this many expected ones. */
const MAX_SURPRISE = 5;
const ASSUMED_RUN_MS = 20;
const MAX_PROGRAMS = 4_096;

export function createCostModel(): CostModel {
  const fits = new Map<string, Fit>();

  return Object.freeze({
    observe(program: string, rows: number, computeMs: number): void {
      let fit = fits.get(program);
      if (fit === undefined) {
        const oldest = fits.keys().next();
        if (fits.size >= MAX_PROGRAMS && oldest.done !== true) fits.delete(oldest.value);
        fit = emptyFit();
        fits.set(program, fit);
      }
      const isKnown = fit.weight >= 3;
      const ms = isKnown ? Math.min(computeMs, MAX_SURPRISE * estimate(fit, rows)) : computeMs;
      include(fit, rows, ms);
    },

    estimateMs(program: string, rows: number): number {
      const fit = fits.get(program);
      return fit === undefined ? ASSUMED_RUN_MS : estimate(fit, rows);
    },

    msPerRow: (program: string) => fits.get(program)?.msPerRow ?? ASSUMED_RUN_MS,

    maxRows(program: string, limit: number): number {
      const fit = fits.get(program);
      if (fit === undefined) return Math.min(limit, FIRST_ROWS);
      // Twice what has been seen: how a program scales is found out step by step.
      const step = Math.max(FIRST_ROWS, 2 * fit.largest);
      const { fixedMs, perRowMs } = fit;
      if (perRowMs === null) return Math.max(1, Math.min(limit, step));
      const targetMs = Math.max(TARGET_RUN_MS, TARGET_SINGLE_RUNS * (fixedMs + perRowMs));
      const fitting = perRowMs > 0 ? Math.floor((targetMs - fixedMs) / perRowMs) : limit;
      // Whatever the slope of times that scatter says, a run gets as many rows as fit at what rows have cost on average.
      const proportional = Math.floor((targetMs * fit.rows) / fit.ms);
      return Math.max(1, Math.min(limit, step, Math.max(fitting, proportional)));
    },

    rowsWithCompany(program: string, rows: number): number {
      const fit = fits.get(program);
      // Not known yet: no run is joined then by more than its first few rows.
      if (fit === undefined || fit.perRowMs === null) return Infinity;
      const { fixedMs, perRowMs } = fit;
      const longerMs = Math.max(LITTLE_LONGER_MS, fixedMs + perRowMs * rows);
      return perRowMs > 0 ? rows + Math.floor(longerMs / perRowMs) : Infinity;
    },
  });
}

const FIRST_ROWS = 4;

function emptyFit(): Fit {
  return {
    weight: 0,
    rows: 0,
    ms: 0,
    spreadWeight: 0,
    rowsSpread: 0,
    rowsMsSpread: 0,
    largest: 1,
    msPerRow: 0,
    fixedMs: 0,
    perRowMs: null,
  };
}

function estimate(fit: Fit, rows: number): number {
  if (fit.perRowMs !== null) return fit.fixedMs + fit.perRowMs * rows;
  // Half fixed, half by rows, until it is known.
  const meanMs = fit.ms / fit.weight;
  return meanMs / 2 + ((meanMs / 2) * rows) / (fit.rows / fit.weight);
}

function include(fit: Fit, rows: number, ms: number): void {
  const isFirst = fit.weight === 0;
  if (!isFirst) {
    // Around the recent mean, so that a machine that has become slower does not look like a program that scales badly.
    const moreRows = rows - fit.rows / fit.weight;
    const moreMs = ms - fit.ms / fit.weight;
    fit.spreadWeight = fit.spreadWeight * SPREAD_DECAY + 1;
    fit.rowsSpread = fit.rowsSpread * SPREAD_DECAY + moreRows * moreRows;
    fit.rowsMsSpread = fit.rowsMsSpread * SPREAD_DECAY + moreRows * moreMs;
  }
  fit.weight = fit.weight * DECAY + 1;
  fit.rows = fit.rows * DECAY + rows;
  fit.ms = fit.ms * DECAY + ms;
  fit.largest = Math.max(fit.largest, rows);
  fit.msPerRow = isFirst ? ms / rows : fit.msPerRow + SMOOTHING * (ms / rows - fit.msPerRow);

  const meanRows = fit.rows / fit.weight;
  const meanMs = fit.ms / fit.weight;
  if (fit.rowsSpread > 0.02 * meanRows * meanRows * fit.spreadWeight) {
    fit.perRowMs = Math.max(0, fit.rowsMsSpread / fit.rowsSpread);
  }
  if (fit.perRowMs !== null) {
    // Alike runs say nothing new about the slope; the whole follows what was measured.
    fit.perRowMs = Math.min(fit.perRowMs, meanMs / meanRows);
    fit.fixedMs = Math.max(0, meanMs - fit.perRowMs * meanRows);
  }
}

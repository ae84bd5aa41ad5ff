const TARGET_RUN_MS = 10;
const TARGET_SINGLE_RUNS = 1.5;
const DECAY = 0.95;
const SMOOTHING = 0.2;
const MAX_SURPRISE = 5;
const ASSUMED_RUN_MS = 20;
const MAX_VERSIONS = 4096;
function createCostModel() {
  const fits = /* @__PURE__ */ new Map();
  return Object.freeze({
    observe(version, rows, computeMs) {
      let fit = fits.get(version);
      if (fit === void 0) {
        const oldest = fits.keys().next();
        if (fits.size >= MAX_VERSIONS && oldest.done !== true) fits.delete(oldest.value);
        fit = emptyFit();
        fits.set(version, fit);
      }
      const isKnown = fit.weight >= 3;
      const ms = isKnown ? Math.min(computeMs, MAX_SURPRISE * estimate(fit, rows)) : computeMs;
      include(fit, rows, ms);
    },
    estimateMs(version, rows) {
      const fit = fits.get(version);
      return fit === void 0 ? ASSUMED_RUN_MS : estimate(fit, rows);
    },
    msPerRow: (version) => fits.get(version)?.msPerRow ?? ASSUMED_RUN_MS,
    maxRows(version, limit) {
      const fit = fits.get(version);
      if (fit === void 0) return Math.min(limit, FIRST_ROWS);
      const step = Math.max(FIRST_ROWS, 2 * fit.largest);
      const { fixedMs, perRowMs } = fit;
      if (perRowMs === null) return Math.max(1, Math.min(limit, step));
      const targetMs = Math.max(TARGET_RUN_MS, TARGET_SINGLE_RUNS * (fixedMs + perRowMs));
      const fitting = perRowMs > 0 ? Math.floor((targetMs - fixedMs) / perRowMs) : limit;
      return Math.max(1, Math.min(limit, step, fitting));
    }
  });
}
const FIRST_ROWS = 4;
function emptyFit() {
  return {
    weight: 0,
    rows: 0,
    ms: 0,
    rowsSquared: 0,
    rowsMs: 0,
    largest: 1,
    msPerRow: 0,
    fixedMs: 0,
    perRowMs: null
  };
}
function estimate(fit, rows) {
  if (fit.perRowMs !== null) return fit.fixedMs + fit.perRowMs * rows;
  const meanMs = fit.ms / fit.weight;
  return meanMs / 2 + meanMs / 2 * rows / (fit.rows / fit.weight);
}
function include(fit, rows, ms) {
  const isFirst = fit.weight === 0;
  fit.weight = fit.weight * DECAY + 1;
  fit.rows = fit.rows * DECAY + rows;
  fit.ms = fit.ms * DECAY + ms;
  fit.rowsSquared = fit.rowsSquared * DECAY + rows * rows;
  fit.rowsMs = fit.rowsMs * DECAY + rows * ms;
  fit.largest = Math.max(fit.largest, rows);
  fit.msPerRow = isFirst ? ms / rows : fit.msPerRow + SMOOTHING * (ms / rows - fit.msPerRow);
  const meanRows = fit.rows / fit.weight;
  const meanMs = fit.ms / fit.weight;
  const variance = fit.rowsSquared / fit.weight - meanRows * meanRows;
  if (variance > 0.02 * meanRows * meanRows) {
    const slope = (fit.rowsMs / fit.weight - meanRows * meanMs) / variance;
    fit.perRowMs = Math.min(Math.max(0, slope), meanMs / meanRows);
  }
  if (fit.perRowMs !== null) {
    fit.perRowMs = Math.min(fit.perRowMs, meanMs / meanRows);
    fit.fixedMs = Math.max(0, meanMs - fit.perRowMs * meanRows);
  }
}
export {
  createCostModel
};
//# sourceMappingURL=cost-model.js.map

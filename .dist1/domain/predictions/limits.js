const DEFAULT_INPUT_LIMITS = Object.freeze({ maxBytes: 64 * 1024 * 1024, maxRows: 4096 });
const MAX_RANK = 8;
const MAX_MISTAKES = 50;
const MAX_SURPLUS_INPUTS = 1e3;
export {
  DEFAULT_INPUT_LIMITS,
  MAX_MISTAKES,
  MAX_RANK,
  MAX_SURPLUS_INPUTS
};
//# sourceMappingURL=limits.js.map

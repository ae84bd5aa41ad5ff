const UNITS_PER_PREDICTION = 1;
export {
  UNITS_PER_PREDICTION
};
//# sourceMappingURL=prediction.js.map

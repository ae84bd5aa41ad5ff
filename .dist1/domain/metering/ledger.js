const USAGE_DIMENSIONS = ["MODEL", "VERSION", "API_KEY", "DAY", "MONTH"];
export {
  USAGE_DIMENSIONS
};
//# sourceMappingURL=ledger.js.map

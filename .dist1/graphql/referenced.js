function referenced(value, what) {
  if (value === null) throw new Error(`${what} is referred to but was not found.`);
  return value;
}
export {
  referenced
};
//# sourceMappingURL=referenced.js.map

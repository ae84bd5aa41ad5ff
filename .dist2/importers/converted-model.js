function parameterCount(weights) {
  return weights.reduce((sum, { spec }) => sum + spec.shape.reduce((product, d) => product * d, 1), 0);
}
function countOperations(names) {
  const counts = /* @__PURE__ */ new Map();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].map(([name, count]) => ({ name, count })).sort((a, b) => b.count - a.count || a.name.localeCompare(b.name, "en"));
}
export {
  countOperations,
  parameterCount
};
//# sourceMappingURL=converted-model.js.map

function publicNames(names) {
  const bare = names.map((name) => name.replace(/:0$/, ""));
  const taken = /* @__PURE__ */ new Set();
  return bare.map((wanted) => {
    let name = wanted;
    for (let i = 1; taken.has(name); i++) name = `${wanted}_${i}`;
    taken.add(name);
    return name;
  });
}
function freeAsMinusOne(shape) {
  return shape.map((dimension) => dimension === null || dimension < 0 ? -1 : dimension);
}
export {
  freeAsMinusOne,
  publicNames
};
//# sourceMappingURL=signature.js.map

const enumResolvers = {
  Runtime: { TFJS_NODE: "tfjs-node", TFJS_WASM: "tfjs-wasm" }
};
export {
  enumResolvers
};
//# sourceMappingURL=enums.js.map

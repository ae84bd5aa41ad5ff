const RUNTIMES = ["tfjs-node", "tfjs-wasm"];
const PRIORITIES = ["LOW", "NORMAL", "HIGH"];
export {
  PRIORITIES,
  RUNTIMES
};
//# sourceMappingURL=types.js.map

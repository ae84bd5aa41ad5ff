export * from "./types.js";
export * from "./pack.js";
import { InferenceEngine } from "./engine.js";
export {
  InferenceEngine
};
//# sourceMappingURL=index.js.map

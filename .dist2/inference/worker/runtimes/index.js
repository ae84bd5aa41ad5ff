import { unreachable } from "../../../lib/result.js";
import { RUNTIMES } from "../../types.js";
import { createTfjsNodeRuntime } from "./tfjs-node.js";
import { createTfjsWasmRuntime } from "./tfjs-wasm.js";
import { EngineUnavailableError, ModelLoadError, isFatalEngineError } from "./runtime.js";
function createRuntime(name) {
  switch (name) {
    case "tfjs-node":
      return createTfjsNodeRuntime();
    case "tfjs-wasm":
      return createTfjsWasmRuntime();
    default:
      return unreachable(name);
  }
}
async function availableRuntimes(names = RUNTIMES) {
  const readiness = [];
  for (const name of names) readiness.push(await readinessOf(createRuntime(name)));
  return readiness;
}
async function readinessOf(runtime) {
  try {
    await runtime.start();
    return { runtime: runtime.name, available: true, reason: null };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { runtime: runtime.name, available: false, reason };
  }
}
export {
  EngineUnavailableError,
  ModelLoadError,
  availableRuntimes,
  createRuntime,
  isFatalEngineError,
  readinessOf
};
//# sourceMappingURL=index.js.map

import { dirname, sep } from "node:path";
import { engineMemory, loadTfjsModel, requireFromHere, requireTfjs } from "./tfjs-model.js";
import { EngineUnavailableError } from "./runtime.js";
function createTfjsWasmRuntime() {
  let host = null;
  const started = () => {
    if (host === null) throw new Error("The tfjs-wasm engine was used before it was started.");
    return host;
  };
  return Object.freeze({
    name: "tfjs-wasm",
    async start() {
      if (host !== null) return;
      try {
        const tf = requireTfjs();
        const wasm = requireFromHere("@tensorflow/tfjs-backend-wasm");
        wasm.setWasmPaths(dirname(requireFromHere.resolve("@tensorflow/tfjs-backend-wasm")) + sep);
        wasm.setThreadsCount(1);
        if (!await tf.setBackend("wasm")) throw new Error("its backend did not initialise");
        host = { tf, backend: "wasm" };
      } catch (error) {
        const reason = error instanceof Error ? error.message.split("\n")[0] ?? "" : String(error);
        throw new EngineUnavailableError(`The WebAssembly engine cannot be loaded: ${reason}`, {
          cause: error
        });
      }
    },
    load: (pack) => loadTfjsModel(started(), pack),
    memory: () => engineMemory(started().tf)
  });
}
export {
  createTfjsWasmRuntime
};
//# sourceMappingURL=tfjs-wasm.js.map

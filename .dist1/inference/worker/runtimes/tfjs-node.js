import { constants } from "node:os";
import { dirname, join } from "node:path";
import { engineMemory, loadTfjsModel, requireFromHere, requireTfjs } from "./tfjs-model.js";
import { EngineUnavailableError } from "./runtime.js";
const RTLD_NODELETE = { linux: 4096, darwin: 128 };
function keepLoaded() {
  const flag = RTLD_NODELETE[process.platform];
  if (flag === void 0) return;
  const root = dirname(requireFromHere.resolve("@tensorflow/tfjs-node/package.json"));
  const binding = join(root, "lib", "napi-v8", "tfjs_binding.node");
  process.dlopen({ exports: {} }, binding, constants.dlopen.RTLD_NOW | flag);
}
function createTfjsNodeRuntime() {
  let host = null;
  const started = () => {
    if (host === null) throw new Error("The tfjs-node engine was used before it was started.");
    return host;
  };
  return Object.freeze({
    name: "tfjs-node",
    start: () => {
      if (host !== null) return Promise.resolve();
      const tf = requireTfjs();
      try {
        requireFromHere("@tensorflow/tfjs-node");
        keepLoaded();
      } catch (error) {
        return Promise.reject(new EngineUnavailableError(explain(error), { cause: error }));
      }
      host = { tf, backend: "tensorflow" };
      return Promise.resolve();
    },
    load: (pack) => loadTfjsModel(started(), pack),
    memory: () => engineMemory(started().tf)
  });
}
function explain(error) {
  const message = error instanceof Error ? error.message : String(error);
  if (message.includes("tfjs_binding.node) can not be found")) {
    return "tfjs-node's native binding has not been built on this machine.";
  }
  if (message.includes("isNullOrUndefined")) {
    return `tfjs-node does not run on Node ${process.versions.node}; it needs Node 20 or 22.`;
  }
  const library = /(libtensorflow[\w.]*): cannot open shared object file/.exec(message)?.[1];
  if (library !== void 0) return `TensorFlow's library ${library} cannot be found by tfjs-node.`;
  return `tfjs-node cannot be loaded: ${message.split("\n")[0] ?? ""}`;
}
export {
  createTfjsNodeRuntime
};
//# sourceMappingURL=tfjs-node.js.map

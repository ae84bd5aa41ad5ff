import { memoryArtifacts } from "./memory-artifacts.js";
import { ModelLoadError } from "./runtime.js";
const NEEDS_ASYNC = /executeAsync\(\) instead/;
async function createGraphProgram(tf, header, weights) {
  const model = await tf.loadGraphModel(tf.io.fromMemory(memoryArtifacts(header, weights)));
  for (const node of header.inputNodes) checkNode(node, model.inputs, "input");
  const outputNodes = [...header.outputNodes];
  let isAsync = false;
  const execute = async (feeds) => {
    if (!isAsync) {
      try {
        return model.execute(feeds, outputNodes);
      } catch (error) {
        if (!(error instanceof Error) || !NEEDS_ASYNC.test(error.message)) throw error;
        isAsync = true;
      }
    }
    return model.executeAsync(feeds, outputNodes);
  };
  return {
    weights: Object.values(model.weights).flat(),
    run: async (inputs) => {
      const feeds = {};
      header.inputNodes.forEach((node, at) => {
        const input = inputs[at];
        if (input !== void 0) feeds[node] = input;
      });
      const made = await execute(feeds);
      const captured = model.resourceIdToCapturedInput ?? {};
      for (const tensor of Object.values(captured)) tf.keep(tensor);
      return Array.isArray(made) ? made : [made];
    },
    dispose: () => {
      model.dispose();
    }
  };
}
function checkNode(node, known, side) {
  const withoutIndex = (name) => name.replace(/:\d+$/, "");
  if (known.some((tensor) => withoutIndex(tensor.name) === withoutIndex(node))) return;
  throw new ModelLoadError(
    `The graph has no ${side} ${node}; it has ${known.map(({ name }) => name).join(", ")}.`
  );
}
export {
  createGraphProgram
};
//# sourceMappingURL=graph-program.js.map

import { ModelLoadError } from "./runtime.js";
import { memoryArtifacts } from "./memory-artifacts.js";
async function createLayersProgram(tf, header, weights) {
  const model = await tf.loadLayersModel(tf.io.fromMemory(memoryArtifacts(header, weights)));
  const inputAt = positions(header.inputNodes, model.inputs, "input");
  const outputAt = positions(header.outputNodes, model.outputs, "output");
  return {
    weights: model.weights.map((weight) => weight.read()),
    run: (inputs) => {
      const ordered = [];
      inputs.forEach((input, at) => {
        ordered[inputAt[at] ?? at] = input;
      });
      const made = model.predictOnBatch(ordered);
      if (model.stateful) model.resetStates();
      const outputs = Array.isArray(made) ? made : [made];
      return Promise.resolve(outputAt.map((at) => outputs[at]).filter((output) => output !== void 0));
    },
    dispose: () => {
      model.dispose();
    }
  };
}
function positions(nodes, tensors, side) {
  const layerNames = tensors.map((tensor) => tensor.sourceLayer.name);
  if (nodes.length === layerNames.length && nodes.every((node, at) => node === layerNames[at])) {
    return nodes.map((_, at) => at);
  }
  return nodes.map((node) => {
    const byLayer = layerNames.indexOf(node);
    const at = byLayer >= 0 ? byLayer : tensors.findIndex((tensor) => tensor.name === node);
    if (at < 0) {
      throw new ModelLoadError(`The model has no ${side} ${node}; it has ${layerNames.join(", ")}.`);
    }
    return at;
  });
}
export {
  createLayersProgram
};
//# sourceMappingURL=layers-program.js.map

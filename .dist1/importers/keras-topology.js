import { callsInOrder } from "./keras-graph.js";
import { IMPORT_LIMITS } from "./limits.js";
import { refuseImport } from "./refused.js";
import { freeAsMinusOne, publicNames } from "./signature.js";
function convertKerasModel(model, findWeights, file) {
  const layers = reachable(model);
  const weights = [];
  let totalBytes = 0;
  for (const layer of layers) {
    const expected = layer.translated.weights;
    if (expected.length === 0) continue;
    const found = findWeights(layer);
    expected.forEach((want, i) => {
      const have = found[i];
      if (have === void 0) {
        refuseImport(
          "CORRUPT_ARTIFACT",
          layer.name,
          `The file has no weight "${want.sourceName}" for layer "${layer.name}".`
        );
      }
      checkShape(layer, want, have);
      const byteLength = have.shape.reduce((product, dimension) => product * dimension, 4);
      totalBytes += byteLength;
      if (totalBytes > IMPORT_LIMITS.maxWeightBytes) {
        refuseImport(
          "LIMIT_EXCEEDED",
          layer.name,
          `The weights take more than ${IMPORT_LIMITS.maxWeightBytes} bytes.`
        );
      }
      weights.push({
        spec: { name: `${layer.id}/${want.name}`, shape: [...have.shape], dtype: "float32" },
        byteLength,
        read: () => adjusted(have.read(), want)
      });
    });
  }
  return {
    ...file,
    kind: "tfjs-layers",
    modelTopology: topology(layers, model),
    weights,
    inputs: modelInputs(model),
    outputs: modelOutputs(model),
    operations: layers.map((layer) => layer.className).filter((name) => name !== "InputLayer")
  };
}
function checkShape(layer, want, have) {
  const fits = have.shape.length <= IMPORT_LIMITS.maxRank && (want.shape === null || want.shape.length === have.shape.length && want.shape.every((dimension, i) => dimension === null || dimension === have.shape[i]));
  if (fits) return;
  const expected = want.shape === null ? "another rank" : `[${want.shape.map((d) => d ?? "any").join(", ")}]`;
  refuseImport(
    "UNSUPPORTED_TENSOR",
    layer.name,
    `The weight "${have.name}" has shape [${have.shape.join(", ")}], but layer "${layer.name}" needs ${expected}.`
  );
}
function adjusted(bytes, want) {
  if (want.adjust === void 0) return bytes;
  const values = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  want.adjust(values);
  return bytes;
}
function reachable(model) {
  const needed = new Set([...model.inputs, ...model.outputs].map((ref) => ref.layer));
  const pending = [...needed];
  for (let layer = pending.pop(); layer !== void 0; layer = pending.pop()) {
    for (const ref of layer.calls.flat()) {
      if (needed.has(ref.layer)) continue;
      needed.add(ref.layer);
      pending.push(ref.layer);
    }
  }
  return [...new Set(callsInOrder(model).map(({ layer }) => layer))].filter((layer) => needed.has(layer));
}
function topology(layers, model) {
  const ref = ({ layer, call, tensor }) => [layer.id, call, tensor];
  return {
    class_name: "Functional",
    config: {
      name: "model",
      layers: layers.map((layer) => ({
        name: layer.id,
        class_name: layer.translated.className,
        config: { ...layer.translated.config, name: layer.id },
        inbound_nodes: layer.translated.className === "InputLayer" ? [] : layer.calls.map((refs) => refs.map((item) => [...ref(item), {}]))
      })),
      input_layers: model.inputs.map(ref),
      output_layers: model.outputs.map(ref)
    }
  };
}
const DATATYPES = { float32: "FP32", int32: "INT32", bool: "BOOL" };
function modelInputs(model) {
  const names = publicNames(model.inputs.map((ref) => ref.layer.name));
  return model.inputs.map(({ layer }, i) => ({
    name: names[i] ?? layer.name,
    node: layer.id,
    datatype: DATATYPES[String(layer.translated.config["dtype"])] ?? "FP32",
    shape: freeAsMinusOne(layer.translated.config["batch_input_shape"])
  }));
}
function modelOutputs(model) {
  const names = publicNames(model.outputs.map((ref) => ref.layer.name));
  return model.outputs.map(({ layer }, i) => ({
    name: names[i] ?? layer.name,
    node: layer.id,
    datatype: "FP32",
    shape: null
  }));
}
export {
  convertKerasModel
};
//# sourceMappingURL=keras-topology.js.map

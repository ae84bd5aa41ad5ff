import { isObject, own, ownObject, ownString } from "./json.js";
import { readKerasModel } from "./keras-config.js";
import { convertKerasModel } from "./keras-topology.js";
import { createNamedWeights } from "./keras-weights.js";
import { refuseImport } from "./refused.js";
import { halfToNumber } from "./half.js";
function readTfjsLayers(topology, weights, producer) {
  const config = ownObject(topology, "model_config") ?? topology;
  const version = ownString(topology, "keras_version");
  const model = readKerasModel(snakeCaseKeys(config), version?.startsWith("3") === true ? 3 : 2);
  const found = weights.map(asFound);
  const groups = /* @__PURE__ */ new Map();
  const findWeights = (layer) => {
    const exact = layer.translated.weights.map(
      (want) => found.find((weight) => weight.name === `${layer.name}/${want.name}`)
    );
    if (exact.every((weight) => weight !== void 0)) return exact;
    const group = layer.path[0] ?? layer.name;
    let find = groups.get(group);
    if (find === void 0) {
      const members = model.layers.filter((member) => (member.path[0] ?? member.name) === group);
      const names = new Set(members.flatMap((member) => [...member.path]));
      find = createNamedWeights(
        group,
        members,
        found.filter((weight) => weight.name.split("/").some((step) => names.has(step)))
      );
      groups.set(group, find);
    }
    return find(layer);
  };
  return convertKerasModel(model, findWeights, {
    format: "TFJS_LAYERS",
    producer: producer ?? (version === null ? null : `keras ${version}`),
    notes: weights.some(({ spec }) => spec.quantization !== void 0) ? ["Quantised weights were unpacked to float32."] : []
  });
}
function asFound(block) {
  const { name, shape, dtype } = block.spec;
  return {
    name,
    shape,
    read: () => {
      if (dtype !== "float32") {
        return refuseImport(
          "UNSUPPORTED_TENSOR",
          name,
          `The weight "${name}" is ${dtype}; layers hold float32 weights.`
        );
      }
      return unpacked(block);
    }
  };
}
function unpacked(block) {
  const bytes = block.read();
  const packing = block.spec.quantization;
  if (packing === void 0) return bytes;
  const packed = packing.dtype === "uint8" ? bytes : new Uint16Array(bytes.slice().buffer);
  const { scale = 1, min = 0 } = packing;
  const values = new Float32Array(packed.length);
  for (const [i, value] of packed.entries()) {
    values[i] = packing.dtype === "float16" ? halfToNumber(value) : value * scale + min;
  }
  return new Uint8Array(values.buffer);
}
function snakeCaseKeys(value) {
  if (Array.isArray(value)) return value.map(snakeCaseKeys);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.keys(value).map((key) => {
      const item = own(value, key);
      const name = key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
      return [
        name,
        ENUMERATIONS.has(name) && typeof item === "string" ? snakeValue(item) : snakeCaseKeys(item)
      ];
    })
  );
}
const ENUMERATIONS = /* @__PURE__ */ new Set([
  "data_format",
  "activation",
  "recurrent_activation",
  "interpolation",
  "padding",
  "merge_mode"
]);
function snakeValue(value) {
  return value.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
export {
  readTfjsLayers
};
//# sourceMappingURL=tfjs-layers.js.map

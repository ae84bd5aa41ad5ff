import { isBuiltInName } from "./json.js";
import { refuseImport } from "./refused.js";
const SAFE_ID = /^[A-Za-z0-9][-A-Za-z0-9._/]*$/;
function createLayerIds() {
  const taken = /* @__PURE__ */ new Set();
  return (name) => {
    const usable = SAFE_ID.test(name) && name.length <= 200 && !isBuiltInName(name);
    const base = usable ? name : `layer_${name.replace(/[^A-Za-z0-9._]/g, "_").slice(0, 100)}`;
    let id = base;
    for (let i = 1; taken.has(id); i++) id = `${base}_${i}`;
    taken.add(id);
    return id;
  };
}
const MASK_SAFE = /* @__PURE__ */ new Set([
  "InputLayer",
  "Embedding",
  "Masking",
  "LSTM",
  "SimpleRNN",
  "GRU",
  "Dropout",
  "Dense",
  "Activation"
]);
function checkMasks(model) {
  const masked = /* @__PURE__ */ new Set();
  for (const { layer, call } of callsInOrder(model)) {
    const { className, config } = layer.translated;
    const reached = (layer.calls[call] ?? []).some((ref) => masked.has(callKey(ref.layer, ref.call)));
    if (reached && !MASK_SAFE.has(className)) {
      refuseImport(
        "UNSUPPORTED_LAYER",
        layer.name,
        `Layer "${layer.name}" (${layer.className}) would receive a mask from an Embedding with mask_zero or a Masking layer; no engine of Souk applies it there as Keras does.`
      );
    }
    const isRecurrent = className === "LSTM" || className === "SimpleRNN" || className === "GRU";
    const passesOn = reached && (!isRecurrent || config["return_sequences"] === true);
    const starts = className === "Masking" || className === "Embedding" && config["mask_zero"] === true;
    if (passesOn || starts) masked.add(callKey(layer, call));
  }
}
function callKey(layer, call) {
  return `${call} ${layer.id}`;
}
function callsInOrder(model) {
  const all = model.layers.flatMap((layer) => layer.calls.map((_, call) => ({ layer, call })));
  const missing = /* @__PURE__ */ new Map();
  const readers = /* @__PURE__ */ new Map();
  for (const reader of all) {
    const sources = new Set(
      (reader.layer.calls[reader.call] ?? []).map((ref) => callKey(ref.layer, ref.call))
    );
    missing.set(callKey(reader.layer, reader.call), sources.size);
    for (const source of sources) {
      const known = readers.get(source);
      if (known === void 0) readers.set(source, [reader]);
      else known.push(reader);
    }
  }
  const ordered = all.filter(({ layer, call }) => missing.get(callKey(layer, call)) === 0);
  for (let at = 0; at < ordered.length; at++) {
    const done = ordered[at];
    for (const reader of readers.get(callKey(done.layer, done.call)) ?? []) {
      const key = callKey(reader.layer, reader.call);
      const left = (missing.get(key) ?? 0) - 1;
      missing.set(key, left);
      if (left === 0) ordered.push(reader);
    }
  }
  const stuck = all.find(({ layer, call }) => (missing.get(callKey(layer, call)) ?? 0) > 0);
  if (stuck !== void 0) {
    refuseImport(
      "CORRUPT_ARTIFACT",
      stuck.layer.name,
      `Layer "${stuck.layer.name}" depends on its own output.`
    );
  }
  return ordered;
}
export {
  callsInOrder,
  checkMasks,
  createLayerIds
};
//# sourceMappingURL=keras-graph.js.map

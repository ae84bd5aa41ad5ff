import { refuseImport } from "./refused.js";
function createNamedWeights(group, members, listed) {
  const byName = /* @__PURE__ */ new Map();
  let complete = true;
  const claimed = /* @__PURE__ */ new Set();
  for (const layer of members) {
    for (const want of layer.translated.weights) {
      const candidates = listed.filter((weight) => matches(weight, want, layer, members.length > 1));
      const [only] = candidates;
      if (candidates.length !== 1 || only === void 0 || claimed.has(only)) {
        complete = false;
        continue;
      }
      claimed.add(only);
      byName.set(want, only);
    }
  }
  const assignment = complete ? byName : byOrder(group, members, listed);
  return (layer) => layer.translated.weights.flatMap((want) => {
    const weight = assignment.get(want);
    return weight === void 0 ? [] : [weight];
  });
}
function matches(weight, want, layer, isNested) {
  const steps = weight.name.replace(/:\d+$/, "").split("/");
  const last = steps.at(-1);
  const leaf = want.name.slice(want.name.lastIndexOf("/") + 1);
  if (last !== want.sourceName && last !== leaf) return false;
  if (want.part.startsWith("forward_layer") && !steps.some((step) => step.startsWith("forward_")))
    return false;
  if (want.part.startsWith("backward_layer") && !steps.some((step) => step.startsWith("backward_")))
    return false;
  return !isNested || steps.slice(0, -1).includes(layer.name);
}
function byOrder(group, members, listed) {
  const all = members.flatMap((layer) => layer.translated.weights);
  const expected = [...all.filter((want) => want.trainable), ...all.filter((want) => !want.trainable)];
  const usable = listed.filter((weight) => !/seed_generator_state|(^|\/)count(:\d+)?$/.test(weight.name));
  if (usable.length !== expected.length) {
    const names = usable.slice(0, 6).map((weight) => `"${weight.name}"`).join(", ");
    refuseImport(
      "CORRUPT_ARTIFACT",
      group,
      `Layer "${group}" needs ${expected.length} weights (${expected.slice(0, 6).map((want) => want.sourceName).join(", ")}); the file lists ${usable.length}${usable.length === 0 ? "" : ` (${names})`}.`
    );
  }
  return new Map(expected.map((want, i) => [want, usable[i]]));
}
export {
  createNamedWeights
};
//# sourceMappingURL=keras-weights.js.map

import { own, ownObject, ownString } from "./json.js";
import { activation } from "./keras-activations.js";
import { weight } from "./keras-rules.js";
import {
  flag,
  ignored,
  only,
  positive,
  refuseLayer,
  translateOptions
} from "./keras-options.js";
const RECURRENT = {
  units: positive(),
  use_bias: flag(true),
  return_sequences: flag(false),
  return_state: flag(false),
  go_backwards: flag(false),
  activation: activation("tanh"),
  stateful: only(false),
  unroll: ignored,
  time_major: only(false),
  // Only matters behind a mask, where Bidirectional is refused (see keras-graph.ts).
  zero_output_for_mask: ignored,
  dropout: ignored,
  recurrent_dropout: ignored
};
const CHEAP_INITIALIZERS = {
  kernel_initializer: "zeros",
  recurrent_initializer: "zeros",
  bias_initializer: "zeros"
};
function recurrent(gates, stateCount, extra, fixed = {}) {
  return (config, context) => {
    const translated = translateOptions(config, { ...RECURRENT, ...extra }, context);
    const units = translated["units"];
    const weights = [
      weight("kernel", 0, [null, gates * units], { part: "cell" }),
      weight("recurrent_kernel", 1, [units, gates * units], { part: "cell" })
    ];
    if (translated["use_bias"] === true) weights.push(weight("bias", 2, [gates * units], { part: "cell" }));
    return {
      className: context.className,
      config: { ...translated, ...CHEAP_INITIALIZERS, ...fixed },
      weights,
      outputs: translated["return_state"] === true ? 1 + stateCount : 1
    };
  };
}
const gru = (config, context) => {
  if (own(config, "reset_after") !== false) {
    refuseLayer(
      context,
      "is a GRU with reset_after=True (the Keras default), which no engine of Souk computes. Train it with GRU(\u2026, reset_after=False), or use an LSTM."
    );
  }
  return recurrent(3, 1, { recurrent_activation: activation("sigmoid"), reset_after: ignored })(
    config,
    context
  );
};
const RECURRENT_RULES = /* @__PURE__ */ new Map([
  ["SimpleRNN", recurrent(1, 1, {})],
  // The forget gate's ones are an initial value too.
  [
    "LSTM",
    recurrent(
      4,
      2,
      { recurrent_activation: activation("sigmoid"), unit_forget_bias: ignored },
      { unit_forget_bias: false }
    )
  ],
  ["GRU", gru]
]);
const MERGE_MODES = ["concat", "sum", "ave", "mul"];
const MIRRORED_OPTIONS = [
  "units",
  "activation",
  "recurrent_activation",
  "use_bias",
  "return_sequences",
  "return_state"
];
function bidirectional(config, context, translateInner) {
  const forward = ownObject(config, "layer");
  if (forward === null) return refuseLayer(context, "holds no layer.");
  const innerClass = ownString(forward, "class_name") ?? "";
  if (!RECURRENT_RULES.has(innerClass))
    refuseLayer(context, `wraps a ${innerClass}; LSTM, GRU and SimpleRNN can be served.`);
  const mergeMode = own(config, "merge_mode") ?? null;
  if (typeof mergeMode !== "string" || !MERGE_MODES.includes(mergeMode)) {
    refuseLayer(context, `has merge_mode ${JSON.stringify(mergeMode)}; expected ${MERGE_MODES.join(", ")}.`);
  }
  const inner = translateInner(forward, context);
  const backward = ownObject(config, "backward_layer");
  if (backward !== null) {
    const mirror = translateInner(backward, context);
    const same = MIRRORED_OPTIONS.every((option) => mirror.config[option] === inner.config[option]);
    if (mirror.className !== inner.className || !same || mirror.config["go_backwards"] === inner.config["go_backwards"]) {
      refuseLayer(context, "has a backward layer that is not the mirror of its forward layer.");
    }
  }
  if (inner.config["return_state"] === true)
    refuseLayer(context, "returns its states; only its output can be served.");
  const sides = ["forward", "backward"];
  return {
    className: "Bidirectional",
    config: {
      merge_mode: mergeMode,
      layer: { class_name: inner.className, config: { ...inner.config, name: "rnn" } }
    },
    weights: sides.flatMap(
      (side) => inner.weights.map((item) => ({
        ...item,
        name: `${side}_rnn/${item.name}`,
        part: `${side}_layer/${item.part}`
      }))
    ),
    outputs: 1
  };
}
function timeDistributed(config, context, translateInner) {
  const layer = ownObject(config, "layer");
  if (layer === null) return refuseLayer(context, "holds no layer.");
  const inner = translateInner(layer, context);
  if (RECURRENT_RULES.has(inner.className) || WRAPPER_CLASSES.includes(inner.className)) {
    refuseLayer(
      context,
      `wraps a ${inner.className}; layers without a time axis of their own can be served.`
    );
  }
  return {
    className: "TimeDistributed",
    config: { layer: { class_name: inner.className, config: { ...inner.config, name: "inner" } } },
    weights: inner.weights.map((item) => ({
      ...item,
      part: item.part === "" ? "layer" : `layer/${item.part}`
    })),
    outputs: 1
  };
}
const WRAPPER_CLASSES = ["Bidirectional", "TimeDistributed"];
function findRecurrentRule(className, translateInner) {
  if (className === "Bidirectional")
    return (config, context) => bidirectional(config, context, translateInner);
  if (className === "TimeDistributed")
    return (config, context) => timeDistributed(config, context, translateInner);
  return RECURRENT_RULES.get(className) ?? null;
}
export {
  findRecurrentRule
};
//# sourceMappingURL=keras-recurrent.js.map

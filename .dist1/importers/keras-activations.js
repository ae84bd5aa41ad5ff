import { isObject, own, ownString } from "./json.js";
import { refuseLayer } from "./keras-options.js";
const ACTIVATIONS = /* @__PURE__ */ new Map([
  ["linear", "linear"],
  ["relu", "relu"],
  ["relu6", "relu6"],
  ["elu", "elu"],
  ["selu", "selu"],
  ["sigmoid", "sigmoid"],
  ["softmax", "softmax"],
  ["log_softmax", "log_softmax"],
  ["softplus", "softplus"],
  ["softsign", "softsign"],
  ["tanh", "tanh"],
  ["swish", "swish"],
  ["silu", "swish"],
  ["gelu", "gelu"],
  ["mish", "mish"]
]);
function activationName(value, context) {
  if (value === null || value === void 0) return "linear";
  if (typeof value === "string") return value;
  if (!isObject(value))
    return refuseLayer(context, "has an activation that is neither a name nor an object.");
  const className = ownString(value, "class_name") ?? "an unnamed object";
  const config = own(value, "config");
  const module = ownString(value, "module");
  if (className === "function" && typeof config === "string") {
    if (module !== null && module !== "builtins" && !module.startsWith("keras")) {
      refuseLayer(
        context,
        `has the activation "${config}" from the Python module ${module}; only built-in activations can be served.`
      );
    }
    return config;
  }
  return refuseLayer(
    context,
    `has an activation of class ${className}; use a built-in activation function or a layer of its own.`
  );
}
function translateActivation(value, context) {
  const name = activationName(value, context);
  if (name === "hard_sigmoid" && context.kerasMajor === 2) return name;
  const known = ACTIVATIONS.get(name);
  if (known !== void 0) return known;
  return refuseLayer(
    context,
    `uses the activation "${name}", which no engine of Souk computes as Keras does; served are ${[...ACTIVATIONS.keys()].join(", ")}.`
  );
}
const activation = (fallback = "linear") => ({
  fallback,
  check: (value, context) => translateActivation(value, context)
});
export {
  activation,
  activationName,
  translateActivation
};
//# sourceMappingURL=keras-activations.js.map

import { isDimension, own, ownArray, ownObject, ownString, isObject } from "./json.js";
import { dtypeName, refuseLayer } from "./keras-options.js";
import { IMPORT_LIMITS } from "./limits.js";
import { refuseImport } from "./refused.js";
const INPUT_DTYPES = /* @__PURE__ */ new Map([
  ["float32", "float32"],
  ["float16", "float32"],
  ["bfloat16", "float32"],
  ["float64", "float32"],
  ["int32", "int32"],
  ["int64", "int32"],
  ["int16", "int32"],
  ["int8", "int32"],
  ["uint8", "int32"],
  ["uint16", "int32"],
  ["uint32", "int32"],
  ["bool", "bool"]
]);
function inputLayer(shape, config, context) {
  const dimensions = inputShape(shape, context);
  if (own(config, "sparse") === true || own(config, "ragged") === true)
    refuseLayer(context, "is a sparse or ragged input; dense inputs can be served.");
  const given = dtypeName(own(config, "dtype")) ?? "float32";
  const dtype = INPUT_DTYPES.get(given) ?? refuseLayer(context, `has the dtype ${given}; served are ${[...INPUT_DTYPES.keys()].join(", ")}.`);
  return {
    className: "InputLayer",
    config: { batch_input_shape: dimensions, dtype, sparse: false },
    weights: [],
    outputs: 1
  };
}
function inputShape(shape, context) {
  const isValid = Array.isArray(shape) && shape.length >= 1 && shape.length <= IMPORT_LIMITS.maxRank && shape.every((d) => d === null || isDimension(d) && d > 0);
  if (!isValid) {
    return refuseImport(
      "UNSUPPORTED_TENSOR",
      context.name,
      `Input "${context.name}" has the shape ${JSON.stringify(shape) ?? "none"}; expected a batch dimension and positive sizes, ${IMPORT_LIMITS.maxRank} at most.`
    );
  }
  const dimensions = shape;
  const elements = dimensions.reduce((product, dimension) => product * (dimension ?? 1), 1);
  if (elements > IMPORT_LIMITS.maxInputElements) {
    refuseImport(
      "LIMIT_EXCEEDED",
      context.name,
      `Input "${context.name}" has ${elements} elements; at most ${IMPORT_LIMITS.maxInputElements} are accepted.`
    );
  }
  return dimensions;
}
function nestedInputShape(config) {
  const first = ownArray(config, "layers")?.[0];
  if (!isObject(first)) return null;
  const firstConfig = ownObject(first, "config") ?? {};
  return own(firstConfig, "batch_shape") ?? own(firstConfig, "batch_input_shape") ?? nestedInputShape(firstConfig);
}
function createGroupNames() {
  const used = /* @__PURE__ */ new Map();
  return (className) => {
    const base = snakeCase(className);
    const count = used.get(base) ?? 0;
    used.set(base, count + 1);
    return count === 0 ? base : `${base}_${count}`;
  };
}
function snakeCase(className) {
  return className.replace(/\W+/g, "").replace(/(.)([A-Z][a-z]+)/g, "$1_$2").replace(/([a-z])([A-Z])/g, "$1_$2").toLowerCase();
}
const KERAS_MODULE = /^(keras|tf_keras|tensorflow\.keras|tensorflow\.python\.keras)(\.|$)/;
function refuseForeignModule(layer, context) {
  const module = ownString(layer, "module");
  const registered = ownString(layer, "registered_name");
  if (context.className === "Lambda") refuseUnknown(context);
  if (module !== null && !KERAS_MODULE.test(module)) {
    refuseLayer(context, `comes from the Python module "${module}"; only Keras's own layers can be served.`);
  }
  if (registered !== null && registered.includes(">")) {
    refuseLayer(
      context,
      `is a custom layer registered as "${registered}"; only Keras's own layers can be served.`
    );
  }
}
const HINTS = /* @__PURE__ */ new Map([
  [
    "Lambda",
    "carries Python code, and Souk never runs code from a model file. Replace it by built-in layers."
  ],
  ["TFSMLayer", "loads another model from a path; upload that model itself."],
  ["TorchModuleWrapper", "carries a pickled PyTorch module, which is never loaded."],
  [
    "TFOpLambda",
    "calls a TensorFlow function; express it with built-in layers, or convert the model to a TensorFlow.js graph model."
  ],
  [
    "SlicingOpLambda",
    "slices a tensor in Python; convert the model to a TensorFlow.js graph model (tensorflowjs_converter --output_format=tfjs_graph_model)."
  ]
]);
function refuseUnknown(context) {
  const hint = HINTS.get(context.className);
  return refuseLayer(
    context,
    hint ?? "is of a class that no engine of Souk computes. Replace the layer, or convert the model to a TensorFlow.js graph model (tensorflowjs_converter --output_format=tfjs_graph_model)."
  );
}
export {
  createGroupNames,
  inputLayer,
  nestedInputShape,
  refuseForeignModule,
  refuseUnknown,
  snakeCase
};
//# sourceMappingURL=keras-inputs.js.map

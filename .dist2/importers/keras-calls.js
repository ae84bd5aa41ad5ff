import { isDimension, isObject, own, ownArray, ownObject } from "./json.js";
import { refuseLayer } from "./keras-options.js";
import { IMPORT_LIMITS } from "./limits.js";
import { refuseImport } from "./refused.js";
function parseTensorList(value, what) {
  if (Array.isArray(value)) {
    const single = triple(value);
    if (single !== null) return [single];
    return value.flatMap((item) => [...parseTensorList(item, what)]);
  }
  if (isObject(value)) return Object.values(value).flatMap((item) => [...parseTensorList(item, what)]);
  return refuseImport("CORRUPT_ARTIFACT", null, `The model description has no readable ${what}.`);
}
function parseCalls(layer, context) {
  const nodes = ownArray(layer, "inbound_nodes") ?? [];
  if (nodes.length > IMPORT_LIMITS.maxLayers) {
    refuseImport("LIMIT_EXCEEDED", context.name, `Layer "${context.name}" is used ${nodes.length} times.`);
  }
  return nodes.map((node) => {
    const refs = isObject(node) ? keras3Call(node, context) : keras2Call(node, context);
    if (refs.length === 0)
      refuseImport("CORRUPT_ARTIFACT", context.name, `Layer "${context.name}" is used without any input.`);
    return refs;
  });
}
function keras3Call(node, context) {
  checkCallOptions(ownObject(node, "kwargs") ?? {}, context);
  const args = ownArray(node, "args") ?? [];
  const given = args.filter((argument) => argument !== null);
  if (given.length > 1)
    refuseLayer(
      context,
      "is called with several arguments; one tensor or one list of tensors can be served."
    );
  const first = given[0];
  return (Array.isArray(first) ? first : [first]).map((item) => kerasTensor(item, context));
}
function kerasTensor(value, context) {
  if (isObject(value) && own(value, "class_name") === "__keras_tensor__") {
    const history = ownArray(ownObject(value, "config") ?? {}, "keras_history");
    const ref = history === null ? null : triple(history);
    if (ref !== null) return ref;
  }
  return refuseLayer(context, "is called with something that is not a tensor of the model.");
}
function keras2Call(node, context) {
  if (!Array.isArray(node))
    return refuseImport(
      "CORRUPT_ARTIFACT",
      context.name,
      `The inputs of layer "${context.name}" cannot be read.`
    );
  const items = triple(node) === null ? node : [node];
  return items.map((item) => {
    const ref = Array.isArray(item) ? triple(item) : null;
    if (ref === null)
      return refuseImport(
        "CORRUPT_ARTIFACT",
        context.name,
        `The inputs of layer "${context.name}" cannot be read.`
      );
    const options = item[3];
    if (isObject(options)) checkCallOptions(options, context);
    return ref;
  });
}
function checkCallOptions(options, context) {
  for (const [name, value] of Object.entries(options)) {
    if (value === null || value === void 0) continue;
    if (name === "training" && value === false) continue;
    refuseLayer(context, `is called with ${name}, which cannot be served.`);
  }
}
function triple(value) {
  const [layer, call, tensor] = value;
  return typeof layer === "string" && isDimension(call) && isDimension(tensor) ? { layer, call, tensor } : null;
}
export {
  parseCalls,
  parseTensorList
};
//# sourceMappingURL=keras-calls.js.map

import { isDimension, isObject, own, ownString } from "./json.js";
import { printable, refuseImport } from "./refused.js";
const REQUIRED = /* @__PURE__ */ Symbol("required");
function refuseLayer(context, message) {
  return refuseImport(
    "UNSUPPORTED_LAYER",
    context.name,
    `Layer "${context.name}" (${context.className}) ${message}`
  );
}
function show(value) {
  return printable(JSON.stringify(value) ?? String(value), 60);
}
function option(expected, accepts, fallback, translate = (value) => value) {
  return {
    fallback,
    check(value, context, name) {
      if (!accepts(value)) refuseLayer(context, `has ${name} ${show(value)}; expected ${expected}.`);
      return translate(value);
    }
  };
}
const isPositive = (value) => isDimension(value) && value > 0;
const isNumber = (value) => typeof value === "number" && Number.isFinite(value);
const isIntegerList = (value) => Array.isArray(value) && value.length <= 8 && value.every((item) => Number.isInteger(item) && Math.abs(item) < 2 ** 31);
const positive = (fallback = REQUIRED) => option("a positive integer", isPositive, fallback);
const integer = (fallback = REQUIRED) => option("an integer", (v) => Number.isInteger(v), fallback);
const number = (fallback = REQUIRED) => option("a number", isNumber, fallback);
const flag = (fallback) => option("true or false", (v) => typeof v === "boolean", fallback);
const integers = (fallback = REQUIRED) => option("a list of integers", isIntegerList, fallback);
const oneOf = (values, fallback = values[0]) => option(values.map(show).join(" or "), (v) => values.includes(v), fallback);
const only = (...values) => ({
  fallback: void 0,
  check(value, context, name) {
    if (value !== void 0 && !values.includes(value)) {
      refuseLayer(
        context,
        `has ${name} ${show(value)}; only ${values.map(show).join(" or ")} can be served.`
      );
    }
    return void 0;
  }
});
const sizes = (rank, fallback = REQUIRED) => option(
  `a positive integer or ${rank} of them`,
  (v) => v === null || isPositive(v) || Array.isArray(v) && v.length === rank && v.every(isPositive),
  fallback,
  (v) => isPositive(v) ? Array.from({ length: rank }, () => v) : v
);
const optional = (rule) => ({ ...rule, fallback: void 0 });
const ignored = { fallback: void 0, check: () => void 0 };
const ALWAYS_IGNORED = /* @__PURE__ */ new Set([
  "name",
  "trainable",
  "dtype",
  "batch_input_shape",
  "batch_shape",
  "build_config",
  "input_dtype",
  "seed",
  "implementation"
]);
const TRAINING_SUFFIXES = ["_initializer", "_regularizer", "_constraint"];
function translateOptions(config, options, context) {
  const translated = {};
  for (const [name, rule] of Object.entries(options)) {
    const given = own(config, name) ?? rule.fallback;
    if (given === REQUIRED) {
      refuseImport(
        "CORRUPT_ARTIFACT",
        context.name,
        `Layer "${context.name}" (${context.className}) lacks ${name}.`
      );
    }
    const value = given === void 0 ? void 0 : rule.check(given, context, name);
    if (value !== void 0) translated[name] = value;
  }
  for (const [name, value] of Object.entries(config)) {
    if (Object.hasOwn(options, name) || ALWAYS_IGNORED.has(name)) continue;
    if (TRAINING_SUFFIXES.some((suffix) => name.endsWith(suffix))) continue;
    if (value === null || value === false || value === void 0) continue;
    refuseLayer(context, `has ${name} ${show(value)}, an option that Souk does not know.`);
  }
  checkPrecision(config, context);
  return translated;
}
const FLOAT_POLICIES = /* @__PURE__ */ new Set([
  "float32",
  "float16",
  "bfloat16",
  "float64",
  "mixed_float16",
  "mixed_bfloat16"
]);
function checkPrecision(config, context) {
  const policy = dtypeName(own(config, "dtype"));
  if (policy !== null && !FLOAT_POLICIES.has(policy) && context.className !== "InputLayer") {
    refuseLayer(context, `has the dtype policy ${show(policy)}; floating point layers are served.`);
  }
}
function dtypeName(value) {
  if (typeof value === "string") return value;
  if (!isObject(value)) return value === void 0 || value === null ? null : "unknown";
  const config = own(value, "config");
  const name = isObject(config) ? ownString(config, "name") : null;
  const className = ownString(value, "class_name") ?? "unknown";
  return className === "DTypePolicy" || className === "Policy" ? name ?? "unknown" : className;
}
export {
  REQUIRED,
  dtypeName,
  flag,
  ignored,
  integer,
  integers,
  number,
  oneOf,
  only,
  optional,
  positive,
  refuseLayer,
  sizes,
  translateOptions
};
//# sourceMappingURL=keras-options.js.map

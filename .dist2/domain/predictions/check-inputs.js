import { ok, refuse } from "../../lib/result.js";
import {
  bytesPerElement,
  elementCount,
  hasBatchDimension
} from "../../lib/tensor.js";
import { invalidInput } from "./errors.js";
import { MAX_MISTAKES, MAX_RANK, MAX_SURPLUS_INPUTS } from "./limits.js";
import { isScalarText, nestingOf, readBase64, readJson } from "./read-elements.js";
function checkInputs(signature, raw, limits) {
  const mistakes = [];
  if (raw.length > signature.inputs.length + MAX_SURPLUS_INPUTS) {
    const found = `these are ${raw.length}`;
    return refuse([
      invalidInput(["inputs"], `The version has ${namesOf(signature.inputs)}; ${found} inputs.`)
    ]);
  }
  const given = matchNames(signature, raw, mistakes);
  const shapes = /* @__PURE__ */ new Map();
  for (const spec of signature.inputs) {
    const index = given.get(spec);
    if (index === void 0) continue;
    const shape = checkShape(spec, raw[index], index);
    if (shape.ok) shapes.set(spec, shape.value);
    else mistakes.push(shape.error);
  }
  const rows = checkBatch(signature, given, shapes, limits, mistakes);
  const fits = checkBytes(shapes, limits, mistakes);
  const tensors = [];
  for (const [spec, shape] of fits ? shapes : []) {
    const index = given.get(spec);
    const data = readData(spec, raw[index], shape, ["inputs", String(index), "data"]);
    if (data.ok) tensors.push({ name: spec.name, datatype: spec.datatype, shape, data: data.value });
    else mistakes.push(data.error);
  }
  const bytes = tensors.reduce((sum, tensor) => sum + tensor.data.length, 0);
  if (fits && bytes > limits.maxBytes) mistakes.push(tooManyBytes(bytes, limits));
  return mistakes.length > 0 ? refuse(mistakes.slice(0, MAX_MISTAKES)) : ok({ tensors, rows });
}
function matchNames({ inputs }, raw, mistakes) {
  const given = /* @__PURE__ */ new Map();
  const only = inputs.length === 1 ? inputs[0] : void 0;
  raw.forEach((tensor, index) => {
    const path = ["inputs", String(index), "name"];
    const name = tensor.name ?? only?.name;
    if (name === void 0) {
      mistakes.push(invalidInput(path, `An input needs its name here; the version has ${namesOf(inputs)}.`));
      return;
    }
    const spec = inputs.find((candidate) => candidate.name === name);
    if (spec === void 0) {
      mistakes.push(
        invalidInput(path, `The version has no input named ${quoted(name)}; it has ${namesOf(inputs)}.`)
      );
    } else if (given.has(spec)) {
      mistakes.push(invalidInput(path, `The input ${quoted(name)} is given more than once.`));
    } else {
      given.set(spec, index);
    }
  });
  for (const spec of inputs) {
    if (given.has(spec)) continue;
    const expected = `${spec.datatype} of shape ${shown(spec.shape)}`;
    mistakes.push(invalidInput(["inputs"], `The input ${quoted(spec.name)} (${expected}) is missing.`));
  }
  return given;
}
function checkShape(spec, raw, index) {
  const at = (field) => ["inputs", String(index), field];
  if (raw.datatype && raw.datatype !== spec.datatype) {
    return refuse(
      invalidInput(
        at("datatype"),
        `${quoted(spec.name)} is ${spec.datatype} in the signature, not ${raw.datatype}.`
      )
    );
  }
  if (raw.shape) return checkDimensions(spec, raw.shape, at("shape"));
  const isBase64 = typeof raw.data === "string" && !isScalarText(raw.data, spec.datatype);
  if (!isBase64) return checkDimensions(spec, nestingOf(raw.data), at("data"));
  if (spec.shape.every((dimension) => dimension >= 0)) return ok(spec.shape);
  return refuse(
    invalidInput(at("shape"), `Base64 needs the shape of ${quoted(spec.name)}, as in ${shown(spec.shape)}.`)
  );
}
function checkDimensions(spec, shape, path) {
  const expected = `${quoted(spec.name)} has the shape ${shown(spec.shape)} (-1: any length)`;
  if (shape.length !== spec.shape.length) {
    const rank = shape.length > MAX_RANK ? `more than ${MAX_RANK}` : String(shape.length);
    const flat = shape.length === 1 && path.at(-1) === "data" ? " A flat list needs `shape` beside it." : "";
    return refuse(
      invalidInput(path, `${expected}: ${spec.shape.length} dimensions are expected, ${rank} found.${flat}`)
    );
  }
  for (const [i, dimension] of shape.entries()) {
    const wanted = spec.shape[i];
    const isGood = Number.isInteger(dimension) && dimension >= 1 && (wanted === -1 || wanted === dimension);
    if (isGood) continue;
    const what = wanted === -1 ? "at least 1" : String(wanted);
    const where = path.at(-1) === "shape" ? [...path, String(i)] : path;
    return refuse(
      invalidInput(where, `${expected}: ${what} is expected in dimension ${i}, ${dimension} found.`)
    );
  }
  return ok(shape);
}
function checkBatch(signature, given, shapes, limits, mistakes) {
  if (!hasBatchDimension(signature) || signature.inputs.length === 0) return 1;
  let first = null;
  for (const [spec, shape] of shapes) {
    const rows = shape[0];
    const path = ["inputs", String(given.get(spec)), "shape"];
    first ??= { name: spec.name, rows };
    if (rows !== first.rows) {
      const other = `${quoted(first.name)} has ${first.rows}`;
      mistakes.push(
        invalidInput(path, `All inputs share one batch dimension: ${other}, ${quoted(spec.name)} ${rows}.`)
      );
    } else if (rows > limits.maxRows && first.name === spec.name) {
      mistakes.push(
        invalidInput(
          path,
          `A request may carry at most ${limits.maxRows} rows; this one has ${rows}. Send it in several predictions.`
        )
      );
    }
  }
  return first?.rows ?? 1;
}
function checkBytes(shapes, limits, mistakes) {
  let bytes = 0;
  for (const [spec, shape] of shapes) bytes += elementCount(shape) * (bytesPerElement(spec.datatype) ?? 4);
  if (bytes <= limits.maxBytes) return true;
  mistakes.push(tooManyBytes(bytes, limits));
  return false;
}
function tooManyBytes(bytes, { maxBytes }) {
  return invalidInput(
    ["inputs"],
    `The inputs of a request may take at most ${maxBytes} bytes; these take ${bytes}. Send them in several predictions.`
  );
}
function readData(spec, { data }, shape, path) {
  const count = elementCount(shape);
  if (typeof data === "string" && !isScalarText(data, spec.datatype)) {
    return readBase64(data, spec.datatype, count, path);
  }
  const lists = nestingOf(data);
  const isFlat = lists.length === 1 && lists[0] === count;
  const isNested = lists.length === shape.length && lists.every((length, i) => length === shape[i]);
  if (isFlat || isNested) return readJson(data, spec.datatype, lists, path);
  const found = lists.length === 0 ? "a single value" : `lists nested as ${shown(lists.slice(0, MAX_RANK))}`;
  return refuse(
    invalidInput(
      path,
      `The shape ${shown(shape)} takes ${count} elements, nested like it or in one flat list; found ${found}.`
    )
  );
}
const MAX_QUOTED = 80;
function quoted(name) {
  return JSON.stringify(name.length > MAX_QUOTED ? `${name.slice(0, MAX_QUOTED)}\u2026` : name);
}
function namesOf(specs) {
  return specs.length === 0 ? "no inputs" : specs.map((spec) => quoted(spec.name)).join(", ");
}
function shown(shape) {
  return `[${shape.join(", ")}]`;
}
export {
  checkInputs
};
//# sourceMappingURL=check-inputs.js.map

import { isObject, own, ownArray, ownObject, ownString } from "./json.js";
import { parseCalls, parseTensorList } from "./keras-calls.js";
import {
  createLayerIds,
  callsInOrder,
  checkMasks
} from "./keras-graph.js";
import {
  createGroupNames,
  inputLayer,
  nestedInputShape,
  refuseForeignModule,
  refuseUnknown
} from "./keras-inputs.js";
import { canonicalClass, findLayerRule } from "./keras-layers.js";
import { dtypeName, refuseLayer } from "./keras-options.js";
import { findRecurrentRule } from "./keras-recurrent.js";
import { IMPORT_LIMITS } from "./limits.js";
import { refuseImport } from "./refused.js";
const MODEL_CLASSES = /* @__PURE__ */ new Set(["Sequential", "Functional", "Model"]);
function readKerasModel(config, kerasMajor) {
  if (!isObject(config))
    return refuseImport("CORRUPT_ARTIFACT", null, "The model description is not a JSON object.");
  const layers = [];
  const inputs = [];
  const newId = createLayerIds();
  let calls = 0;
  const className = ownString(config, "class_name") ?? "";
  if (!MODEL_CLASSES.has(className)) {
    refuseImport(
      "UNSUPPORTED_LAYER",
      className,
      `The model is of class "${className}"; Sequential and Functional models can be served. A subclassed model carries its computation in Python code, which is not in the file.`
    );
  }
  const translateInner = (layer, outer) => {
    const inner = layerContext(layer, `${outer.name}/`);
    if (MODEL_CLASSES.has(inner.className))
      refuseLayer(outer, "wraps a whole model; single layers can be wrapped.");
    return translate(ownObject(layer, "config") ?? {}, inner);
  };
  function translate(layerConfig, context) {
    const rule = findRecurrentRule(context.className, translateInner) ?? findLayerRule(context.className);
    if (rule === null) refuseUnknown(context);
    return rule(layerConfig, context);
  }
  function layerContext(layer, prefix) {
    const layerConfig = ownObject(layer, "config") ?? {};
    const rawClass = ownString(layer, "class_name");
    const name = ownString(layerConfig, "name") ?? ownString(layer, "name") ?? "";
    if (rawClass === null || name === "" || name.length > IMPORT_LIMITS.maxNameLength) {
      refuseImport(
        "CORRUPT_ARTIFACT",
        name || null,
        `The model description has a layer without ${rawClass === null ? "a class" : "a usable name"}.`
      );
    }
    const context = { name: prefix + name, className: canonicalClass(rawClass), kerasMajor };
    refuseForeignModule(layer, context);
    return context;
  }
  function addLayer(name, className_, path, weightsPath, translated) {
    if (layers.length >= IMPORT_LIMITS.maxLayers) {
      refuseImport("LIMIT_EXCEEDED", name, `The model has more than ${IMPORT_LIMITS.maxLayers} layers.`);
    }
    const layer = {
      id: newId(name),
      name,
      className: className_,
      path,
      weightsPath,
      translated,
      calls: []
    };
    layers.push(layer);
    return layer;
  }
  function countCall(layer) {
    if (++calls > IMPORT_LIMITS.maxLayerCalls) {
      refuseImport(
        "LIMIT_EXCEEDED",
        layer.name,
        `The model uses its layers more than ${IMPORT_LIMITS.maxLayerCalls} times (reached at "${layer.name}").`
      );
    }
  }
  function addInput(name, layerConfig, context) {
    const shape = own(layerConfig, "batch_shape") ?? own(layerConfig, "batch_input_shape");
    const layer = addLayer(name, "InputLayer", [name], [], inputLayer(shape, layerConfig, context));
    layer.calls.push([]);
    return { layer, call: 0, tensor: 0 };
  }
  function readContainer(model2, outerPath, outerWeights) {
    if (outerPath.length > IMPORT_LIMITS.maxModelNesting) {
      refuseImport(
        "LIMIT_EXCEEDED",
        outerPath.at(-1) ?? null,
        `Models are nested deeper than ${IMPORT_LIMITS.maxModelNesting} levels.`
      );
    }
    const modelConfig = ownObject(model2, "config");
    const rawLayers = modelConfig === null ? ownArray(model2, "config") : ownArray(modelConfig, "layers");
    if (rawLayers === null || !rawLayers.every(isObject)) {
      return refuseImport(
        "CORRUPT_ARTIFACT",
        outerPath.at(-1) ?? null,
        "The model description has no list of layers."
      );
    }
    if (rawLayers.length > IMPORT_LIMITS.maxLayers) {
      refuseImport(
        "LIMIT_EXCEEDED",
        null,
        `The model has ${rawLayers.length} layers; at most ${IMPORT_LIMITS.maxLayers} are accepted.`
      );
    }
    const isRoot = outerPath.length === 0;
    const nextGroup = createGroupNames();
    const steps = rawLayers.map((layer) => {
      const context = layerContext(layer, "");
      const weightsPath = [...outerWeights, nextGroup(ownString(layer, "class_name") ?? "")];
      const layerConfig = ownObject(layer, "config") ?? {};
      return { layer, context, layerConfig, path: [...outerPath, context.name], weightsPath };
    });
    const names = new Set(steps.map(({ context }) => context.name));
    if (names.size < steps.length) {
      refuseImport(
        "CORRUPT_ARTIFACT",
        outerPath.at(-1) ?? null,
        "The model description has two layers of one name."
      );
    }
    const callables = /* @__PURE__ */ new Map();
    for (const { layer, context, layerConfig, path, weightsPath } of steps) {
      if (context.className === "InputLayer") continue;
      callables.set(
        context.name,
        MODEL_CLASSES.has(context.className) ? readContainer(layer, path, weightsPath) : leaf(
          addLayer(context.name, context.className, path, weightsPath, translate(layerConfig, context)),
          countCall
        )
      );
    }
    const isSequential = ownString(model2, "class_name") === "Sequential";
    return isSequential ? readSequential() : readFunctional(modelConfig ?? {});
    function readSequential() {
      const chain = steps.filter(({ context }) => context.className !== "InputLayer");
      const run = (start) => chain.reduce((at, { context }) => callables.get(context.name)?.call(at) ?? at, start);
      if (!isRoot) return { call: run };
      const first = steps[0];
      if (first === void 0) return refuseImport("CORRUPT_ARTIFACT", null, "The model has no layers.");
      inputs.push(firstInput(first.context, first.layerConfig));
      return { call: () => run(inputs) };
    }
    function firstInput(context, layerConfig) {
      if (context.className === "InputLayer") return addInput(context.name, layerConfig, context);
      const shape = own(layerConfig, "batch_input_shape") ?? own(layerConfig, "batch_shape") ?? own(modelConfig ?? {}, "build_input_shape") ?? nestedInputShape(layerConfig);
      if (shape === void 0 || shape === null) {
        refuseImport(
          "CORRUPT_ARTIFACT",
          context.name,
          "The model was saved before it knew its input shape; call model.build(input_shape) or use it once before saving."
        );
      }
      const dtype = own(layerConfig, "input_dtype") ?? (context.className === "Embedding" ? "float32" : dtypeName(own(layerConfig, "dtype")));
      return addInput(`${context.name}_input`, { batch_shape: shape, dtype: dtype ?? "float32" }, context);
    }
    function readFunctional(functional) {
      const inputRefs = parseTensorList(own(functional, "input_layers"), "input_layers");
      const outputRefs = parseTensorList(own(functional, "output_layers"), "output_layers");
      const calls2 = new Map(steps.map(({ layer, context }) => [context.name, parseCalls(layer, context)]));
      const inputNames = new Set(inputRefs.map((ref) => ref.layer));
      if (inputRefs.length === 0 || outputRefs.length === 0 || inputRefs.length > IMPORT_LIMITS.maxInputs || outputRefs.length > IMPORT_LIMITS.maxInputs) {
        refuseImport(
          "CORRUPT_ARTIFACT",
          null,
          `The model has ${inputRefs.length} inputs and ${outputRefs.length} outputs; 1 to ${IMPORT_LIMITS.maxInputs} of each are accepted.`
        );
      }
      for (const { context } of steps) {
        if (context.className === "InputLayer" && !inputNames.has(context.name)) {
          refuseImport(
            "CORRUPT_ARTIFACT",
            context.name,
            `"${context.name}" is an input layer, but not among the model's inputs.`
          );
        }
      }
      const allRefs = [...outputRefs, ...[...calls2.values()].flat(2)];
      const offsets = /* @__PURE__ */ new Map();
      for (const { context } of steps) {
        if (!MODEL_CLASSES.has(context.className)) continue;
        const used = allRefs.filter((ref) => ref.layer === context.name).map((ref) => ref.call);
        offsets.set(context.name, used.length > 0 && Math.min(...used) >= 1 ? 1 : 0);
      }
      const run = (given) => {
        if (given.length !== inputRefs.length) {
          refuseImport(
            "CORRUPT_ARTIFACT",
            outerPath.at(-1) ?? null,
            `A nested model with ${inputRefs.length} inputs is called with ${given.length}.`
          );
        }
        const results = /* @__PURE__ */ new Map();
        inputRefs.forEach((ref, i) => results.set(resultKey(ref.layer, 0), [given[i]]));
        const pending = steps.flatMap(
          ({ context }) => context.className === "InputLayer" ? [] : (calls2.get(context.name) ?? []).map((refs, index) => ({ name: context.name, refs, index }))
        );
        runInOrder(pending, results, callables, offsets);
        return outputRefs.map((ref) => resolve(results, offsets, ref));
      };
      if (!isRoot) return { call: run };
      for (const ref of inputRefs) {
        const step = steps.find(({ context }) => context.name === ref.layer);
        if (step === void 0 || step.context.className !== "InputLayer") {
          return refuseImport(
            "CORRUPT_ARTIFACT",
            ref.layer,
            `The model's input "${ref.layer}" is not an input layer.`
          );
        }
        inputs.push(addInput(step.context.name, step.layerConfig, step.context));
      }
      return { call: () => run(inputs) };
    }
  }
  const outputs = readContainer(config, [], []).call([]);
  const model = { layers: layers.filter((layer) => layer.calls.length > 0), inputs, outputs };
  callsInOrder(model);
  checkMasks(model);
  return model;
}
function leaf(layer, countCall) {
  return {
    call(inputs) {
      const call = layer.calls.length;
      countCall(layer);
      layer.calls.push([...inputs]);
      return Array.from({ length: layer.translated.outputs }, (_, tensor) => ({ layer, call, tensor }));
    }
  };
}
function resultKey(layer, call) {
  return `${call} ${layer}`;
}
function runInOrder(pending, results, callables, offsets) {
  let waiting = pending;
  while (waiting.length > 0) {
    const later = [];
    for (const call of waiting) {
      const ready = call.refs.every(
        (ref) => results.has(resultKey(ref.layer, ref.call - (offsets.get(ref.layer) ?? 0)))
      );
      const inTurn = call.index === 0 || results.has(resultKey(call.name, call.index - 1));
      if (!ready || !inTurn) {
        later.push(call);
        continue;
      }
      const inputs = call.refs.map((ref) => resolve(results, offsets, ref));
      results.set(resultKey(call.name, call.index), callables.get(call.name)?.call(inputs) ?? []);
    }
    if (later.length === waiting.length) {
      const stuck = later[0]?.name ?? "";
      refuseImport(
        "CORRUPT_ARTIFACT",
        stuck,
        `Layer "${stuck}" reads a tensor that no layer gives, or its own output.`
      );
    }
    waiting = later;
  }
}
function resolve(results, offsets, ref) {
  const given = results.get(resultKey(ref.layer, ref.call - (offsets.get(ref.layer) ?? 0)))?.[ref.tensor];
  return given ?? refuseImport(
    "CORRUPT_ARTIFACT",
    ref.layer,
    `The model refers to output ${ref.tensor} of "${ref.layer}", which does not exist.`
  );
}
export {
  readKerasModel
};
//# sourceMappingURL=keras-config.js.map

/**
 * Keras's own description of a model (the JSON in `model_config`, `config.json` or a TFJS `modelTopology`)
 * into a flat graph of allow-listed layers. Nothing of the description survives but names, numbers and
 * the options that a rule has checked, so a hostile config has no way through to an engine.
 */
import { isObject, own, ownArray, ownObject, ownString, type JsonObject } from './json.js';
import { parseCalls, parseTensorList, type RawCall, type RawRef } from './keras-calls.js';
import {
  createLayerIds,
  callsInOrder,
  maskProblem,
  type FlatLayer,
  type FlatModel,
  type TensorRef,
} from './keras-graph.js';
import {
  createGroupNames,
  inputLayer,
  nestedInputShape,
  refuseForeignModule,
  refuseUnknown,
} from './keras-inputs.js';
import { canonicalClass, findLayerRule } from './keras-layers.js';
import type { TranslatedLayer } from './keras-rules.js';
import { dtypeName, EXPORT_ADVICE, refuseLayer, type LayerContext } from './keras-options.js';
import { findRecurrentRule } from './keras-recurrent.js';
import { IMPORT_LIMITS } from './limits.js';
import { refuseImport } from './refused.js';

const MODEL_CLASSES = new Set(['Sequential', 'Functional', 'Model']);

/** A model or nested model while it is read: how to call it, and what its own tensors are. */
interface Container {
  /** Calls everything inside on the given tensors; returns the container's outputs. */
  readonly call: (
    inputs: readonly TensorRef[],
    options?: Readonly<Record<string, unknown>>,
  ) => readonly TensorRef[];
}

/**
 * @param kerasMajor which Keras wrote it, from the file's `keras_version`
 * @throws Refused naming the layer that cannot be served
 */
export function readKerasModel(config: unknown, kerasMajor: 2 | 3): FlatModel {
  if (!isObject(config))
    return refuseImport('CORRUPT_ARTIFACT', null, 'The model description is not a JSON object.');
  const layers: FlatLayer[] = [];
  const inputs: TensorRef[] = [];
  const newId = createLayerIds();
  let calls = 0;
  let beyondTfjs: string | null = null;
  const className = ownString(config, 'class_name') ?? '';
  if (!MODEL_CLASSES.has(className)) {
    refuseImport(
      'UNSUPPORTED_LAYER',
      className,
      `The model is of class "${className}"; Sequential and Functional models can be served. ` +
        `A subclassed model carries its computation in Python code, which is not in the file. ${EXPORT_ADVICE}`,
    );
  }

  const translateInner = (layer: JsonObject, outer: LayerContext): TranslatedLayer => {
    const inner = layerContext(layer, `${outer.name}/`);
    if (MODEL_CLASSES.has(inner.className))
      refuseLayer(outer, 'wraps a whole model; single layers can be wrapped.');
    return translate(ownObject(layer, 'config') ?? {}, inner);
  };

  function translate(layerConfig: JsonObject, context: LayerContext): TranslatedLayer {
    const rule = findRecurrentRule(context.className, translateInner) ?? findLayerRule(context.className);
    if (rule === null) refuseUnknown(context);
    return rule(layerConfig, context);
  }

  function layerContext(layer: JsonObject, prefix: string): LayerContext {
    const layerConfig = ownObject(layer, 'config') ?? {};
    const rawClass = ownString(layer, 'class_name');
    const name = ownString(layerConfig, 'name') ?? ownString(layer, 'name') ?? '';
    if (rawClass === null || name === '' || name.length > IMPORT_LIMITS.maxNameLength) {
      refuseImport(
        'CORRUPT_ARTIFACT',
        name || null,
        `The model description has a layer without ${rawClass === null ? 'a class' : 'a usable name'}.`,
      );
    }
    const context: LayerContext = {
      name: prefix + name,
      className: canonicalClass(rawClass),
      kerasMajor,
      beyondTfjs: (what) => {
        beyondTfjs ??= `Layer "${prefix + name}" (${rawClass}) ${what}: tfjs-layers does not compute that as Keras does.`;
      },
    };
    refuseForeignModule(layer, context);
    return context;
  }

  function addLayer(
    name: string,
    className_: string,
    path: readonly string[],
    weightsPath: readonly string[],
    translated: TranslatedLayer,
  ): FlatLayer {
    if (layers.length >= IMPORT_LIMITS.maxLayers) {
      refuseImport('LIMIT_EXCEEDED', name, `The model has more than ${IMPORT_LIMITS.maxLayers} layers.`);
    }
    const layer: FlatLayer = {
      id: newId(name),
      name,
      className: className_,
      path,
      weightsPath,
      translated,
      calls: [],
      options: [],
    };
    layers.push(layer);
    return layer;
  }

  function countCall(layer: FlatLayer): void {
    if (++calls > IMPORT_LIMITS.maxLayerCalls) {
      refuseImport(
        'LIMIT_EXCEEDED',
        layer.name,
        `The model uses its layers more than ${IMPORT_LIMITS.maxLayerCalls} times (reached at "${layer.name}").`,
      );
    }
  }

  function addInput(name: string, layerConfig: JsonObject, context: LayerContext): TensorRef {
    const shape = own(layerConfig, 'batch_shape') ?? own(layerConfig, 'batch_input_shape');
    const layer = addLayer(name, 'InputLayer', [name], [], inputLayer(shape, layerConfig, context));
    layer.calls.push([]);
    layer.options.push({});
    return { layer, call: 0, tensor: 0 };
  }

  /** Reads a model's layers; `outerPath` is empty for the model itself, whose inputs become ours. */
  function readContainer(
    model: JsonObject,
    outerPath: readonly string[],
    outerWeights: readonly string[],
  ): Container {
    if (outerPath.length > IMPORT_LIMITS.maxModelNesting) {
      refuseImport(
        'LIMIT_EXCEEDED',
        outerPath.at(-1) ?? null,
        `Models are nested deeper than ${IMPORT_LIMITS.maxModelNesting} levels.`,
      );
    }
    // The oldest Keras 2 files hold a Sequential's layers as the config itself.
    const modelConfig = ownObject(model, 'config');
    const rawLayers = modelConfig === null ? ownArray(model, 'config') : ownArray(modelConfig, 'layers');
    if (rawLayers === null || !rawLayers.every(isObject)) {
      return refuseImport(
        'CORRUPT_ARTIFACT',
        outerPath.at(-1) ?? null,
        'The model description has no list of layers.',
      );
    }
    if (rawLayers.length > IMPORT_LIMITS.maxLayers) {
      refuseImport(
        'LIMIT_EXCEEDED',
        null,
        `The model has ${rawLayers.length} layers; at most ${IMPORT_LIMITS.maxLayers} are accepted.`,
      );
    }
    const isRoot = outerPath.length === 0;
    const nextGroup = createGroupNames();
    const steps = rawLayers.map((layer) => {
      const context = layerContext(layer, '');
      const weightsPath = [...outerWeights, nextGroup(ownString(layer, 'class_name') ?? '')];
      const layerConfig = ownObject(layer, 'config') ?? {};
      return { layer, context, layerConfig, path: [...outerPath, context.name], weightsPath };
    });
    const names = new Set(steps.map(({ context }) => context.name));
    if (names.size < steps.length) {
      refuseImport(
        'CORRUPT_ARTIFACT',
        outerPath.at(-1) ?? null,
        'The model description has two layers of one name.',
      );
    }
    const callables = new Map<string, Container>();
    for (const { layer, context, layerConfig, path, weightsPath } of steps) {
      if (context.className === 'InputLayer') continue;
      callables.set(
        context.name,
        MODEL_CLASSES.has(context.className)
          ? readContainer(layer, path, weightsPath)
          : leaf(
              addLayer(context.name, context.className, path, weightsPath, translate(layerConfig, context)),
              countCall,
            ),
      );
    }
    const isSequential = ownString(model, 'class_name') === 'Sequential';
    return isSequential ? readSequential() : readFunctional(modelConfig ?? {});

    function readSequential(): Container {
      const chain = steps.filter(({ context }) => context.className !== 'InputLayer');
      const run = (start: readonly TensorRef[]): readonly TensorRef[] =>
        chain.reduce((at, { context }) => callables.get(context.name)?.call(at) ?? at, start);
      if (!isRoot) return { call: run };
      const first = steps[0];
      if (first === undefined) return refuseImport('CORRUPT_ARTIFACT', null, 'The model has no layers.');
      inputs.push(firstInput(first.context, first.layerConfig));
      return { call: () => run(inputs) };
    }

    function firstInput(context: LayerContext, layerConfig: JsonObject): TensorRef {
      if (context.className === 'InputLayer') return addInput(context.name, layerConfig, context);
      const shape =
        own(layerConfig, 'batch_input_shape') ??
        own(layerConfig, 'batch_shape') ??
        own(modelConfig ?? {}, 'build_input_shape') ??
        nestedInputShape(layerConfig);
      if (shape === undefined || shape === null) {
        refuseImport(
          'CORRUPT_ARTIFACT',
          context.name,
          'The model was saved before it knew its input shape; call model.build(input_shape) or use it once before saving.',
        );
      }
      const dtype =
        own(layerConfig, 'input_dtype') ??
        (/Embedding$/.test(context.className) ? 'float32' : dtypeName(own(layerConfig, 'dtype')));
      return addInput(`${context.name}_input`, { batch_shape: shape, dtype: dtype ?? 'float32' }, context);
    }

    function readFunctional(functional: JsonObject): Container {
      const inputRefs = parseTensorList(own(functional, 'input_layers'), 'input_layers');
      const outputRefs = parseTensorList(own(functional, 'output_layers'), 'output_layers');
      const calls = new Map(steps.map(({ layer, context }) => [context.name, parseCalls(layer, context)]));
      const inputNames = new Set(inputRefs.map((ref) => ref.layer));
      if (
        inputRefs.length === 0 ||
        outputRefs.length === 0 ||
        inputRefs.length > IMPORT_LIMITS.maxInputs ||
        outputRefs.length > IMPORT_LIMITS.maxInputs
      ) {
        refuseImport(
          'CORRUPT_ARTIFACT',
          null,
          `The model has ${inputRefs.length} inputs and ${outputRefs.length} outputs; 1 to ${IMPORT_LIMITS.maxInputs} of each are accepted.`,
        );
      }
      for (const { context } of steps) {
        if (context.className === 'InputLayer' && !inputNames.has(context.name)) {
          refuseImport(
            'CORRUPT_ARTIFACT',
            context.name,
            `"${context.name}" is an input layer, but not among the model's inputs.`,
          );
        }
      }
      // A nested model's own first node is counted by Keras in some versions: its calls start at 1 then.
      const allRefs = [...outputRefs, ...[...calls.values()].flat().flatMap((call) => call.refs)];
      const offsets = new Map<string, number>();
      for (const { context } of steps) {
        if (!MODEL_CLASSES.has(context.className)) continue;
        const used = allRefs.filter((ref) => ref.layer === context.name).map((ref) => ref.call);
        offsets.set(context.name, used.length > 0 && Math.min(...used) >= 1 ? 1 : 0);
      }

      const run = (given: readonly TensorRef[]): readonly TensorRef[] => {
        if (given.length !== inputRefs.length) {
          refuseImport(
            'CORRUPT_ARTIFACT',
            outerPath.at(-1) ?? null,
            `A nested model with ${inputRefs.length} inputs is called with ${given.length}.`,
          );
        }
        const results = new Map<string, readonly TensorRef[]>();
        inputRefs.forEach((ref, i) => results.set(resultKey(ref.layer, 0), [given[i] as TensorRef]));
        const pending = steps.flatMap(({ context }) =>
          context.className === 'InputLayer'
            ? []
            : (calls.get(context.name) ?? []).map((call, index) => ({ name: context.name, ...call, index })),
        );
        runInOrder(pending, results, callables, offsets);
        return outputRefs.map((ref) => resolve(results, offsets, ref));
      };
      if (!isRoot) return { call: run };
      for (const ref of inputRefs) {
        const step = steps.find(({ context }) => context.name === ref.layer);
        if (step === undefined || step.context.className !== 'InputLayer') {
          return refuseImport(
            'CORRUPT_ARTIFACT',
            ref.layer,
            `The model's input "${ref.layer}" is not an input layer.`,
          );
        }
        inputs.push(addInput(step.context.name, step.layerConfig, step.context));
      }
      return { call: () => run(inputs) };
    }
  }

  const outputs = readContainer(config, [], []).call([]);
  const used = layers.filter((layer) => layer.calls.length > 0);
  callsInOrder({ layers: used });
  // A nested model that is dissolved has no place for arguments by name.
  return { layers: used, inputs, outputs, beyondTfjs: beyondTfjs ?? maskProblem({ layers: used }) };
}

/** @param countCall refuses when the whole model makes too many calls: nested models multiply */
function leaf(layer: FlatLayer, countCall: (layer: FlatLayer) => void): Container {
  return {
    call(inputs, options = {}) {
      const call = layer.calls.length;
      countCall(layer);
      layer.calls.push([...inputs]);
      layer.options.push(options);
      return Array.from({ length: layer.translated.outputs }, (_, tensor) => ({ layer, call, tensor }));
    },
  };
}

interface PendingCall extends RawCall {
  readonly name: string;
  readonly index: number;
}

function resultKey(layer: string, call: number): string {
  return `${call} ${layer}`;
}

/** Makes the calls of one functional model, each when what it reads is there. */
function runInOrder(
  pending: readonly PendingCall[],
  results: Map<string, readonly TensorRef[]>,
  callables: ReadonlyMap<string, Container>,
  offsets: ReadonlyMap<string, number>,
): void {
  let waiting = pending;
  while (waiting.length > 0) {
    const later: PendingCall[] = [];
    for (const call of waiting) {
      const ready = call.refs.every((ref) =>
        results.has(resultKey(ref.layer, ref.call - (offsets.get(ref.layer) ?? 0))),
      );
      // Calls of one layer must keep their order: the index is how others refer to them.
      const inTurn = call.index === 0 || results.has(resultKey(call.name, call.index - 1));
      if (!ready || !inTurn) {
        later.push(call);
        continue;
      }
      const inputs = call.refs.map((ref) => resolve(results, offsets, ref));
      results.set(
        resultKey(call.name, call.index),
        callables.get(call.name)?.call(inputs, call.options) ?? [],
      );
    }
    if (later.length === waiting.length) {
      const stuck = later[0]?.name ?? '';
      refuseImport(
        'CORRUPT_ARTIFACT',
        stuck,
        `Layer "${stuck}" reads a tensor that no layer gives, or its own output.`,
      );
    }
    waiting = later;
  }
}

function resolve(
  results: ReadonlyMap<string, readonly TensorRef[]>,
  offsets: ReadonlyMap<string, number>,
  ref: RawRef,
): TensorRef {
  const given = results.get(resultKey(ref.layer, ref.call - (offsets.get(ref.layer) ?? 0)))?.[ref.tensor];
  if (given !== undefined) return ref.argument === undefined ? given : { ...given, argument: ref.argument };
  return refuseImport(
    'CORRUPT_ARTIFACT',
    ref.layer,
    `The model refers to output ${ref.tensor} of "${ref.layer}", which does not exist.`,
  );
}

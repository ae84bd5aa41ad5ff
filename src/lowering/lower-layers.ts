/** A Keras model, layer by layer, into one TensorFlow graph. */
import { ok, refuse, type Result } from '../lib/result.js';
import { createGraphBuilder, type GraphBuilder, type Value } from './graph-builder.js';
import { DTYPE, type Dtype, type LoweredGraph, type Shape } from './graph.js';
import { findLayer, MASK_PASSES, MASK_READ } from './layers/index.js';
import type { LayerCall, LayerResult } from './layers/layer.js';
import type { LayerOutput, LayersModel, LayerUse, ModelLayer } from './layers-model.js';
import { createOps, type Ops } from './ops.js';
import { checkWeightBytes } from './saved-model-writer.js';
import { NotLowered, refuseLowering, type LoweringRefusal } from './refused.js';

/** A tensor of the model with its mask. */
interface Made {
  readonly value: Value;
  readonly mask: Value | null;
}

/** Pure: the same model gives the same graph. Refuses naming the layer that cannot be written as TensorFlow ops. */
export function lowerLayers(model: LayersModel): Result<LoweredGraph, LoweringRefusal> {
  try {
    return ok(lower(model));
  } catch (error) {
    if (error instanceof NotLowered) return refuse(error.refusal);
    throw error;
  }
}

function lower(model: LayersModel): LoweredGraph {
  const builder = createGraphBuilder();
  const ops = createOps(builder);
  const layers = new Map(model.layers.map((layer) => [layer.id, layer]));
  const made = new Map<string, readonly Made[]>();
  const inputs = model.inputs.map((ref) => {
    const value = placeholder(builder, layerOf(layers, ref));
    made.set(keyOf(ref), [{ value, mask: null }]);
    return value;
  });
  // Depth first without recursion: a model may be thousands of layers deep.
  const waiting = [...model.outputs];
  while (waiting.length > 0) {
    const ref = waiting.at(-1) as LayerOutput;
    if (made.has(keyOf(ref))) {
      waiting.pop();
      continue;
    }
    const layer = layerOf(layers, ref);
    const use = layer.uses[ref.call];
    if (use === undefined) throw new Error(`Layer ${layer.id} has no use ${ref.call}.`);
    const missing = reads(use).filter((source) => !made.has(keyOf(source)));
    if (missing.length > 0) {
      waiting.push(...missing);
      continue;
    }
    made.set(keyOf(ref), lowerUse(ops, layer, use, made));
    waiting.pop();
  }
  const outputs = model.outputs.map((ref) => {
    // Its own node: an output may be an input too, and the same tensor may be two outputs.
    builder.scope('outputs');
    return builder.port(ops.unary('Identity', tensorOf(made, ref).value));
  });
  checkWeightBytes(builder.weights);
  return {
    nodes: builder.nodes,
    functions: [],
    weights: builder.weights,
    inputs: inputs.map((value) => builder.port(value)),
    outputs,
    initializer: null,
  };
}

function keyOf({ layer, call }: LayerOutput): string {
  return `${call} ${layer}`;
}

function reads(use: LayerUse): readonly LayerOutput[] {
  return [...use.inputs, ...Object.values(use.named ?? {}).flat()];
}

function layerOf(layers: ReadonlyMap<string, ModelLayer>, ref: LayerOutput): ModelLayer {
  const layer = layers.get(ref.layer);
  if (layer === undefined) throw new Error(`There is no layer ${ref.layer}.`);
  return layer;
}

function tensorOf(made: ReadonlyMap<string, readonly Made[]>, ref: LayerOutput): Made {
  const tensor = made.get(keyOf(ref))?.[ref.tensor];
  if (tensor === undefined) throw new Error(`Layer ${ref.layer} has no output ${ref.tensor}.`);
  return tensor;
}

function placeholder(builder: GraphBuilder, layer: ModelLayer): Value {
  builder.scope(layer.id);
  const dtype = String(layer.config['dtype'] ?? 'float32');
  if (!Object.hasOwn(DTYPE, dtype))
    return refuseLowering(layer.id, `Input "${layer.id}" has the dtype ${dtype}.`);
  return builder.placeholder(dtype as Dtype, layer.config['batch_input_shape'] as Shape);
}

function lowerUse(
  ops: Ops,
  layer: ModelLayer,
  use: LayerUse,
  made: ReadonlyMap<string, readonly Made[]>,
): readonly Made[] {
  const compute = findLayer(layer.className);
  if (compute === null) {
    return refuseLowering(
      layer.id,
      `Layer "${layer.id}" is of the class ${layer.className}, which is not lowered.`,
    );
  }
  ops.b.scope(layer.id);
  const given = use.inputs.map((ref) => tensorOf(made, ref));
  const masks = given.map(({ mask }) => mask);
  const isMasked = masks.some((mask) => mask !== null);
  if (isMasked && !MASK_PASSES.has(layer.className) && !MASK_READ.has(layer.className)) {
    refuseLowering(
      layer.id,
      `Layer "${layer.id}" (${layer.className}) would receive a mask, and what Keras does there is not lowered.`,
    );
  }
  const call: LayerCall = {
    subject: layer.id,
    className: layer.className,
    config: layer.config,
    ops,
    inputs: given.map(({ value }) => value),
    masks,
    named: (name) => (use.named?.[name] ?? []).map((ref) => tensorOf(made, ref).value),
    option: (name) => use.options?.[name],
    hasWeight: (name) => layer.weights.some((weight) => weight.name === name),
    weight: (name) => weightOf(ops, layer, name),
  };
  const result: LayerResult = compute(call);
  const mask = MASK_PASSES.has(layer.className) ? (masks[0] ?? null) : (result.mask ?? null);
  return result.outputs.map((value) => ({ value, mask }));
}

function weightOf(ops: Ops, layer: ModelLayer, name: string): Value {
  const found = layer.weights.find((weight) => weight.name === name);
  if (found === undefined) {
    return refuseLowering(layer.id, `Layer "${layer.id}" (${layer.className}) has no weight "${name}".`);
  }
  return ops.b.weight(`${layer.id}/${name}`, found.shape);
}

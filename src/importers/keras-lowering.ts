/** A Keras model as the lowering takes it, and what became of it. */
import { compact, lowerLayers, type LayersModel, type ModelLayer } from '../lowering/index.js';
import type { LoweredModel } from './converted-model.js';
import type { FlatLayer, FlatModel, TensorRef } from './keras-graph.js';

/**
 * @param layers those that the outputs need
 * @param shapes of the weights, by `<layer>/<weight>`
 */
export function lowerKerasModel(
  layers: readonly FlatLayer[],
  model: FlatModel,
  shapes: ReadonlyMap<string, readonly number[]>,
): LoweredModel {
  const lowered = lowerLayers(toLayersModel(layers, model, shapes));
  return lowered.ok ? { ok: true, value: compact(lowered.value) } : lowered;
}

function toLayersModel(
  layers: readonly FlatLayer[],
  model: FlatModel,
  shapes: ReadonlyMap<string, readonly number[]>,
): LayersModel {
  const output = ({ layer, call, tensor }: TensorRef) => ({ layer: layer.id, call, tensor });
  return {
    inputs: model.inputs.map(output),
    outputs: model.outputs.map(output),
    layers: layers.map((layer): ModelLayer => ({
      id: layer.id,
      className: layer.translated.className,
      config: layer.translated.config,
      weights: layer.translated.weights.map(({ name }) => ({
        name,
        shape: shapes.get(`${layer.id}/${name}`) ?? [],
      })),
      uses: layer.calls.map((refs, i) => ({
        inputs: refs.filter((ref) => ref.argument === undefined).map(output),
        named: namedTensors(refs, output),
        options: layer.options[i] ?? {},
      })),
    })),
  };
}

function namedTensors<T>(
  refs: readonly TensorRef[],
  output: (ref: TensorRef) => T,
): Readonly<Record<string, readonly T[]>> {
  const names = new Set(refs.flatMap(({ argument }) => (argument === undefined ? [] : [argument])));
  return Object.fromEntries(
    [...names].map((name) => [name, refs.filter(({ argument }) => argument === name).map(output)]),
  );
}

/**
 * The flat graph as a tfjs-layers topology (Keras 2's functional form), with its weights in order. This is
 * the canonical form: whatever wrote the file, engines and the lowering see one kind of description.
 */
import type { Datatype } from '../lib/tensor.js';
import type { ConvertedModel, LoweredModel, ModelTensor, WeightBlock } from './converted-model.js';
import { callsInOrder, type FlatLayer, type FlatModel, type TensorRef } from './keras-graph.js';
import { lowerKerasModel } from './keras-lowering.js';
import { EXPORT_ADVICE } from './keras-options.js';
import type { ExpectedWeight } from './keras-rules.js';
import { IMPORT_LIMITS } from './limits.js';
import { refuseImport } from './refused.js';
import { freeAsMinusOne, publicNames } from './signature.js';
import type { ModelFormat } from './types.js';

/** One weight where a file keeps it. */
export interface FoundWeight {
  /** As the file names it. */
  readonly name: string;
  readonly shape: readonly number[];
  /** float32, little-endian. */
  read(): Uint8Array;
}

/** Finds all weights of one layer, in the order of `layer.translated.weights`. */
export type FindWeights = (layer: FlatLayer) => readonly FoundWeight[];

export interface KerasFile {
  readonly format: ModelFormat;
  readonly producer: string | null;
  readonly notes: readonly string[];
}

/** @throws Refused naming the layer whose weights are missing or misshapen */
export function convertKerasModel(
  model: FlatModel,
  findWeights: FindWeights,
  file: KerasFile,
): ConvertedModel {
  const layers = reachable(model);
  const weights: WeightBlock[] = [];
  let totalBytes = 0;
  for (const layer of layers) {
    const expected = layer.translated.weights;
    if (expected.length === 0) continue;
    const found = findWeights(layer);
    expected.forEach((want, i) => {
      const have = found[i];
      if (have === undefined) {
        refuseImport(
          'CORRUPT_ARTIFACT',
          layer.name,
          `The file has no weight "${want.sourceName}" for layer "${layer.name}".`,
        );
      }
      checkShape(layer, want, have);
      const byteLength = have.shape.reduce((product, dimension) => product * dimension, 4);
      totalBytes += byteLength;
      if (totalBytes > IMPORT_LIMITS.maxWeightBytes) {
        refuseImport(
          'LIMIT_EXCEEDED',
          layer.name,
          `The weights take more than ${IMPORT_LIMITS.maxWeightBytes} bytes.`,
        );
      }
      weights.push({
        spec: { name: `${layer.id}/${want.name}`, shape: [...have.shape], dtype: 'float32' },
        byteLength,
        read: () => adjusted(have.read(), want),
      });
    });
  }
  const lowered = lowerKerasModel(layers, model, new Map(weights.map(({ spec }) => [spec.name, spec.shape])));
  if (model.beyondTfjs !== null && !lowered.ok) {
    refuseImport(
      'UNSUPPORTED_LAYER',
      lowered.error.subject,
      `${model.beyondTfjs} ${lowered.error.message} ${EXPORT_ADVICE}`,
    );
  }
  return {
    ...file,
    lowered,
    beyondEngines: model.beyondTfjs,
    kind: 'tfjs-layers',
    modelTopology: topology(layers, model),
    weights,
    inputs: modelInputs(model),
    outputs: modelOutputs(model, lowered),
    operations: layers.map((layer) => layer.className).filter((name) => name !== 'InputLayer'),
  };
}

function checkShape(layer: FlatLayer, want: ExpectedWeight, have: FoundWeight): void {
  const fits =
    have.shape.length <= IMPORT_LIMITS.maxRank &&
    (want.shape === null ||
      (want.shape.length === have.shape.length &&
        want.shape.every((dimension, i) => dimension === null || dimension === have.shape[i])));
  if (fits) return;
  const expected = want.shape === null ? 'another rank' : `[${want.shape.map((d) => d ?? 'any').join(', ')}]`;
  refuseImport(
    'UNSUPPORTED_TENSOR',
    layer.name,
    `The weight "${have.name}" has shape [${have.shape.join(', ')}], but layer "${layer.name}" needs ${expected}.`,
  );
}

function adjusted(bytes: Uint8Array, want: ExpectedWeight): Uint8Array {
  if (want.adjust === undefined) return bytes;
  const values = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  want.adjust(values);
  return bytes;
}

/** Layers that the outputs need, in an order in which they can be computed; tfjs-layers drops the others too. */
function reachable(model: FlatModel): readonly FlatLayer[] {
  const needed = new Set<FlatLayer>([...model.inputs, ...model.outputs].map((ref) => ref.layer));
  const pending = [...needed];
  for (let layer = pending.pop(); layer !== undefined; layer = pending.pop()) {
    for (const ref of layer.calls.flat()) {
      if (needed.has(ref.layer)) continue;
      needed.add(ref.layer);
      pending.push(ref.layer);
    }
  }
  return [...new Set(callsInOrder(model).map(({ layer }) => layer))].filter((layer) => needed.has(layer));
}

function topology(layers: readonly FlatLayer[], model: FlatModel): unknown {
  const ref = ({ layer, call, tensor }: TensorRef): unknown[] => [layer.id, call, tensor];
  return {
    class_name: 'Functional',
    config: {
      name: 'model',
      layers: layers.map((layer) => ({
        name: layer.id,
        class_name: layer.translated.className,
        config: { ...layer.translated.config, name: layer.id },
        inbound_nodes:
          layer.translated.className === 'InputLayer'
            ? []
            : layer.calls.map((refs) => refs.map((item) => [...ref(item), {}])),
      })),
      input_layers: model.inputs.map(ref),
      output_layers: model.outputs.map(ref),
    },
  };
}

const DATATYPES: Readonly<Record<string, Datatype>> = {
  float32: 'FP32',
  int32: 'INT32',
  bool: 'BOOL',
  string: 'BYTES',
};

function modelInputs(model: FlatModel): readonly ModelTensor[] {
  const names = publicNames(model.inputs.map((ref) => ref.layer.name));
  return model.inputs.map(({ layer }, i) => ({
    name: names[i] ?? layer.name,
    node: layer.id,
    datatype: DATATYPES[String(layer.translated.config['dtype'])] ?? 'FP32',
    shape: freeAsMinusOne(layer.translated.config['batch_input_shape'] as (number | null)[]),
    ...largestIndexOf(layer, model),
  }));
}

/** An input that is looked up in tables: the last place that all of them have. */
function largestIndexOf(input: FlatLayer, { layers }: FlatModel): Pick<ModelTensor, 'largestIndex'> {
  const sizes = layers
    .filter(({ translated, calls }) => translated.className === 'Embedding' && calls.flat().some(isInput))
    .map(({ translated }) => translated.config['input_dim'] as number);
  return sizes.length === 0 ? {} : { largestIndex: Math.min(...sizes) - 1 };

  function isInput(ref: TensorRef): boolean {
    return ref.layer === input;
  }
}

/** tfjs-layers gives floats, and whole numbers where the lowered graph does. */
function modelOutputs(model: FlatModel, lowered: LoweredModel): readonly ModelTensor[] {
  const names = publicNames(model.outputs.map((ref) => ref.layer.name));
  return model.outputs.map(({ layer }, i) => ({
    name: names[i] ?? layer.name,
    node: layer.id,
    datatype: (lowered.ok ? DATATYPES[lowered.value.outputs[i]?.dtype ?? ''] : null) ?? 'FP32',
    shape: null,
  }));
}

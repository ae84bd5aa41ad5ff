/** Models of layers written by hand, lowered and run, for what no file of Keras shows. */
import type { ConvertedModel } from '../../src/importers/converted-model.js';
import type { Datatype, Tensor } from '../../src/lib/tensor.js';
import {
  compact,
  lowerLayers,
  type Dtype,
  type LayersModel,
  type ModelLayer,
} from '../../src/lowering/index.js';
import { runModel } from './graph-models.js';
import type { Engines } from './importing.js';

const DATATYPES: Partial<Record<Dtype, Datatype>> = {
  float32: 'FP32',
  int32: 'INT32',
  bool: 'BOOL',
  string: 'BYTES',
};

export interface OneLayer {
  readonly className: string;
  readonly config?: Readonly<Record<string, unknown>>;
  readonly weights?: Readonly<
    Record<string, { readonly shape: readonly number[]; readonly values: readonly number[] }>
  >;
}

/** The layer's outputs on the engine that runs whole graphs. */
export async function runLayer(
  engines: Engines,
  { className, config = {}, weights = {} }: OneLayer,
  inputs: readonly Tensor[],
): Promise<readonly Tensor[]> {
  const ids = inputs.map((_, i) => `x${i}`);
  const dtypeOf = ({ datatype }: Tensor): string =>
    Object.entries(DATATYPES).find(([, known]) => known === datatype)?.[0] ?? 'float32';
  const entry = (id: string, tensor: Tensor): ModelLayer => ({
    id,
    className: 'InputLayer',
    config: { batch_input_shape: [null, ...tensor.shape.slice(1)], dtype: dtypeOf(tensor) },
    weights: [],
    uses: [{ inputs: [] }],
  });
  const of = (layer: string) => ({ layer, call: 0, tensor: 0 });
  const model: LayersModel = {
    layers: [
      ...inputs.map((tensor, i) => entry(ids[i] as string, tensor)),
      {
        id: 'y',
        className,
        config,
        weights: Object.entries(weights).map(([name, { shape }]) => ({ name, shape })),
        uses: [{ inputs: ids.map(of) }],
      },
    ],
    inputs: ids.map(of),
    outputs: [of('y')],
  };
  const lowered = lowerLayers(model);
  if (!lowered.ok) throw new Error(lowered.error.message);
  const value = compact(lowered.value);
  const converted: ConvertedModel = {
    format: 'KERAS_V3',
    producer: null,
    kind: 'tfjs-layers',
    modelTopology: {},
    weights: Object.entries(weights).map(([name, { shape, values }]) => ({
      spec: { name: `y/${name}`, shape: [...shape], dtype: 'float32' },
      byteLength: values.length * 4,
      read: () => new Uint8Array(Float32Array.from(values).buffer),
    })),
    inputs: inputs.map(({ datatype }, i) => ({
      name: ids[i] as string,
      node: ids[i] as string,
      datatype,
      shape: null,
    })),
    outputs: value.outputs.map(({ dtype }, i) => ({
      name: `y${i}`,
      node: 'y',
      datatype: DATATYPES[dtype] ?? 'FP32',
      shape: null,
    })),
    operations: [className],
    notes: [],
    lowered: { ok: true, value },
  };
  return runModel(engines, 'tfjs-graph', converted, inputs);
}

/** What becomes of a model of layers, seen as a graph. That the numbers are Keras's is shown on an engine. */
import { expect, it } from 'vitest';
import {
  LOWERED_LAYERS,
  lowerLayers,
  type LayersModel,
  type ModelLayer,
} from '../../../src/lowering/index.js';

const input = (id: string, shape: (number | null)[], dtype = 'float32'): ModelLayer => ({
  id,
  className: 'InputLayer',
  config: { batch_input_shape: shape, dtype },
  weights: [],
  uses: [{ inputs: [] }],
});

const of = (layer: string, tensor = 0) => ({ layer, call: 0, tensor });

function chain(...layers: ModelLayer[]): LayersModel {
  return { layers, inputs: [of(layers[0]?.id ?? '')], outputs: [of(layers.at(-1)?.id ?? '')] };
}

const dense = (id: string, from: string, units = 2): ModelLayer => ({
  id,
  className: 'Dense',
  config: { units, use_bias: true, activation: 'relu' },
  weights: [
    { name: 'kernel', shape: [3, units] },
    { name: 'bias', shape: [units] },
  ],
  uses: [{ inputs: [of(from)] }],
});

function lowered(model: LayersModel) {
  const result = lowerLayers(model);
  if (!result.ok) throw new Error(result.error.message);
  return result.value;
}

function refusal(model: LayersModel) {
  const result = lowerLayers(model);
  return result.ok ? null : result.error;
}

it('writes a layer as ops and names its weights, without their values', () => {
  const graph = lowered(chain(input('x', [null, 3]), dense('d', 'x')));
  expect(graph.nodes.map(({ op }) => op)).toEqual(['Placeholder', 'MatMul', 'BiasAdd', 'Relu', 'Identity']);
  expect(graph.weights.map(({ weight, shape, dtype }) => ({ weight, shape, dtype }))).toEqual([
    { weight: 'd/kernel', shape: [3, 2], dtype: 'float32' },
    { weight: 'd/bias', shape: [2], dtype: 'float32' },
  ]);
});

it('gives the same graph for the same model', () => {
  const model = chain(input('x', [null, 3]), dense('d', 'x'));
  expect(lowered(model)).toEqual(lowered(model));
});

it('names every node once, and reads only what is there', () => {
  const gru: ModelLayer = {
    id: 'gru',
    className: 'GRU',
    config: { units: 2, reset_after: true, return_sequences: true },
    weights: [
      { name: 'kernel', shape: [3, 6] },
      { name: 'recurrent_kernel', shape: [2, 6] },
      { name: 'bias', shape: [2, 6] },
    ],
    uses: [{ inputs: [of('x')] }],
  };
  const { nodes, weights } = lowered(chain(input('x', [null, null, 3]), gru));
  const names = [...nodes.map(({ name }) => name), ...weights.map(({ node }) => node)];
  expect(new Set(names).size).toBe(names.length);
  const missing = nodes
    .flatMap((node) => node.input)
    .filter((tensor) => !names.includes(tensor.replace(/^\^/, '').replace(/:\d+$/, '')));
  expect(missing).toEqual([]);
  // An open number of steps is a loop in a frame.
  expect(nodes.map(({ op }) => op)).toContain('LoopCond');
});

it('uses a shared layer twice with one set of weights', () => {
  const shared: ModelLayer = { ...dense('d', 'x', 3), uses: [{ inputs: [of('x')] }, { inputs: [of('d')] }] };
  const model: LayersModel = {
    layers: [input('x', [null, 3]), shared],
    inputs: [of('x')],
    outputs: [{ layer: 'd', call: 1, tensor: 0 }],
  };
  const graph = lowered(model);
  expect(graph.nodes.filter(({ op }) => op === 'MatMul')).toHaveLength(2);
  expect(graph.weights).toHaveLength(2);
});

it('goes through thousands of layers without running out of stack', () => {
  const layers = Array.from({ length: 5000 }, (_, i): ModelLayer => ({
    id: `l${i}`,
    className: 'Activation',
    config: { activation: 'relu' },
    weights: [],
    uses: [{ inputs: [of(i === 0 ? 'x' : `l${i - 1}`)] }],
  }));
  expect(lowered(chain(input('x', [null, 3]), ...layers)).nodes.length).toBeGreaterThan(5000);
});

it.each<[string, ModelLayer, RegExp]>([
  ['a class that is not known', { ...dense('d', 'x'), className: 'Quantum' }, /"d".*Quantum/],
  ['a weight that is missing', { ...dense('d', 'x'), weights: [] }, /"d".*no weight "kernel"/],
  [
    'an activation that is not known',
    { ...dense('d', 'x'), config: { units: 2, activation: 'wobble' } },
    /"d".*wobble/,
  ],
  [
    'a layer that would remember',
    { ...dense('d', 'x'), className: 'LSTM', config: { units: 2, stateful: true } },
    /"d".*stateful/,
  ],
])('refuses %s by name', (_what, layer, message) => {
  const error = refusal(chain(input('x', [null, 3, 3]), layer));
  expect(error).toMatchObject({ code: 'NOT_LOWERED', subject: 'd' });
  expect(error?.message).toMatch(message);
});

it('refuses a mask where it is not written down what Keras does', () => {
  const embed: ModelLayer = {
    id: 'embed',
    className: 'Embedding',
    config: { input_dim: 5, output_dim: 2, mask_zero: true },
    weights: [{ name: 'embeddings', shape: [5, 2] }],
    uses: [{ inputs: [of('ids')] }],
  };
  const flatten: ModelLayer = {
    id: 'flat',
    className: 'Flatten',
    config: {},
    weights: [],
    uses: [{ inputs: [of('embed')] }],
  };
  expect(refusal(chain(input('ids', [null, 4], 'int32'), embed, flatten))?.message).toMatch(/"flat".*mask/);
});

it('knows the layers of the Keras documentation that have inference behaviour', () => {
  expect(LOWERED_LAYERS).toEqual(
    expect.arrayContaining([
      'Dense', 'EinsumDense', 'Embedding', 'Conv1D', 'Conv2D', 'Conv3D', 'Conv1DTranspose', 'Conv2DTranspose',
      'Conv3DTranspose', 'DepthwiseConv1D', 'DepthwiseConv2D', 'SeparableConv1D', 'SeparableConv2D', 'LSTM', 'GRU',
      'SimpleRNN', 'Bidirectional', 'TimeDistributed', 'Attention', 'AdditiveAttention', 'MultiHeadAttention',
      'GroupQueryAttention', 'BatchNormalization', 'LayerNormalization', 'GroupNormalization', 'RMSNormalization',
    ]),
  ); // prettier-ignore
});

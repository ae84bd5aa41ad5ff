/**
 * Random small models of tfjs-layers, from a recipe of numbers that shrinks well: chains and branches with merges, layers
 * used twice, several inputs and outputs. Weights are random too.
 */
import type * as Tfjs from '@tensorflow/tfjs';
import fc from 'fast-check';
import { tf } from './make-pack.js';

/** Numbers that the steps below read as they need them; each is taken modulo the number of choices. */
export interface Step {
  /** Which kind of layer. */
  readonly kind: number;
  /** Which of the tensors made so far: 0 is the last. */
  readonly from: number;
  readonly other: number;
  readonly options: readonly [number, number, number, number];
}

export interface Recipe {
  readonly inputs: readonly { readonly kind: number; readonly size: number }[];
  readonly steps: readonly Step[];
  readonly seed: number;
}

const number = fc.nat({ max: 1000 });

export const recipes: fc.Arbitrary<Recipe> = fc.record({
  inputs: fc.array(fc.record({ kind: number, size: number }), { minLength: 1, maxLength: 2 }),
  steps: fc.array(
    fc.record({
      kind: number,
      // Mostly chains.
      from: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: number }),
      other: number,
      options: fc.tuple(number, number, number, number),
    }),
    { minLength: 1, maxLength: 7 },
  ),
  seed: fc.nat(),
});

type Tensor = Tfjs.SymbolicTensor;
type Layer = Tfjs.layers.Layer;

/** How a step reads its numbers. */
interface Dice {
  pick<T>(at: 0 | 1 | 2 | 3, list: readonly T[]): T;
  size(at: 0 | 1 | 2 | 3, from: number, to: number): number;
  flag(at: 0 | 1 | 2 | 3): boolean;
}

function diceOf({ options }: Step): Dice {
  return {
    pick: (at, list) => list[(options[at] ?? 0) % list.length] as never,
    size: (at, from, to) => from + ((options[at] ?? 0) % (to - from + 1)),
    flag: (at) => Math.floor((options[at] ?? 0) / 7) % 2 === 1,
  };
}

const ACTIVATIONS = [
  'linear', 'relu', 'relu6', 'elu', 'selu', 'sigmoid', 'softmax', 'softplus', 'softsign', 'tanh', 'swish', 'mish',
  'hardSigmoid', 'gelu',
] as const; // prettier-ignore

const { layers } = tf;
type Make = (dice: Dice, shape: readonly number[]) => Layer | null;

const activation = (dice: Dice) => dice.pick(3, ACTIVATIONS) as 'relu';
const padding = (dice: Dice) => dice.pick(2, ['valid', 'same'] as const);
/** A window must fit. */
const windowOf = (dice: Dice, sizes: readonly number[]) => dice.size(0, 1, Math.min(3, ...sizes));
const recurrent = (dice: Dice) => ({
  units: dice.size(0, 1, 4),
  returnSequences: dice.flag(1),
  goBackwards: dice.flag(2),
  useBias: dice.flag(3),
  activation: dice.pick(3, ['tanh', 'relu', 'sigmoid'] as const),
});
const cell = (dice: Dice) =>
  dice.pick(2, [
    () => layers.simpleRNN({ ...recurrent(dice), goBackwards: false }),
    () => layers.lstm({ ...recurrent(dice), goBackwards: false }),
    () => layers.gru({ ...recurrent(dice), goBackwards: false }),
  ])() as Tfjs.RNN;

/** For any shape of features. */
const ANY: readonly Make[] = [
  (dice) => layers.dense({ units: dice.size(0, 1, 5), activation: activation(dice), useBias: dice.flag(1) }),
  (dice) => layers.activation({ activation: activation(dice) }),
  (dice) => layers.batchNormalization({ center: dice.flag(0), scale: dice.flag(1) }),
  (dice) => layers.layerNormalization({ center: dice.flag(0), scale: dice.flag(1) }),
  (dice) => layers.reLU(dice.flag(0) ? { maxValue: dice.size(1, 1, 6) } : {}),
  (dice) => layers.leakyReLU({ alpha: dice.size(0, 0, 9) / 10 }),
  () => layers.elu(),
  () => layers.prelu(),
  (dice) => layers.thresholdedReLU({ theta: dice.size(0, 0, 3) / 2 }),
  // tfjs-core has a softmax of the last axis only.
  () => layers.softmax({ axis: -1 }),
  () => layers.dropout({ rate: 0.5 }),
  () => layers.gaussianNoise({ stddev: 1 }),
  () => layers.alphaDropout({ rate: 0.5 }),
  (_dice, shape) => (shape.length < 2 ? null : layers.flatten()),
  (dice) => layers.rescaling({ scale: dice.size(0, 1, 9) / 4, offset: dice.size(1, 0, 4) - 2 }),
  (dice, shape) => {
    const order = shape.map((_, i) => i + 1);
    for (let i = 0; i < dice.size(0, 0, 3); i++) order.push(order.shift() as number);
    return layers.permute({ dims: order });
  },
  (_dice, shape) => layers.reshape({ targetShape: [...shape].reverse() }),
  (_dice, shape) => layers.reshape({ targetShape: [shape.reduce((a, b) => a * b, 1), 1] }),
];

const OF_VECTORS: readonly Make[] = [
  (dice) => layers.repeatVector({ n: dice.size(0, 1, 4) }),
  (dice) => layers.dense({ units: dice.size(0, 1, 8), activation: activation(dice) }),
];

const OF_SEQUENCES: readonly Make[] = [
  (dice) => layers.simpleRNN(recurrent(dice)),
  (dice) => layers.lstm(recurrent(dice)),
  (dice) => layers.gru(recurrent(dice)),
  (dice) =>
    layers.bidirectional({
      layer: cell(dice),
      mergeMode: dice.pick(1, ['concat', 'sum', 'ave', 'mul'] as const),
    }),
  (dice) =>
    layers.timeDistributed({
      layer: layers.dense({ units: dice.size(0, 1, 4), activation: activation(dice) }),
    }),
  (dice, [time = 1]) =>
    layers.conv1d({
      filters: dice.size(1, 1, 4),
      kernelSize: windowOf(dice, [time]),
      padding: padding(dice),
      strides: dice.size(3, 1, 2),
      activation: activation(dice),
    }),
  (dice, [time = 1]) => layers.maxPooling1d({ poolSize: windowOf(dice, [time]), padding: padding(dice) }),
  (dice, [time = 1]) => layers.averagePooling1d({ poolSize: windowOf(dice, [time]), padding: padding(dice) }),
  () => layers.globalAveragePooling1d(),
  () => layers.globalMaxPooling1d(),
  () => layers.spatialDropout1d({ rate: 0.5 }),
];

const OF_PICTURES: readonly Make[] = [
  (dice, [rows = 1, columns = 1]) =>
    layers.conv2d({
      filters: dice.size(1, 1, 4),
      kernelSize: windowOf(dice, [rows, columns]),
      padding: padding(dice),
      strides: dice.size(3, 1, 2),
      activation: activation(dice),
      useBias: dice.flag(0),
    }),
  (dice, [rows = 1, columns = 1]) =>
    layers.conv2d({
      filters: dice.size(1, 1, 3),
      kernelSize: Math.min(2, rows, columns),
      padding: 'same',
      dilationRate: 2,
    }),
  (dice, [rows = 1, columns = 1]) =>
    layers.depthwiseConv2d({
      kernelSize: windowOf(dice, [rows, columns]),
      depthMultiplier: dice.size(1, 1, 2),
      padding: padding(dice),
      activation: activation(dice),
    }),
  (dice, [rows = 1, columns = 1]) =>
    layers.separableConv2d({
      filters: dice.size(1, 1, 3),
      kernelSize: windowOf(dice, [rows, columns]),
      padding: padding(dice),
      activation: activation(dice),
    }),
  (dice) =>
    layers.conv2dTranspose({
      filters: dice.size(1, 1, 3),
      kernelSize: dice.size(0, 1, 3),
      padding: padding(dice),
      strides: dice.size(3, 1, 2),
      activation: activation(dice),
    }),
  (dice, [rows = 1, columns = 1]) =>
    layers.maxPooling2d({
      poolSize: windowOf(dice, [rows, columns]),
      padding: padding(dice),
      strides: dice.size(1, 1, 2),
    }),
  (dice, [rows = 1, columns = 1]) =>
    layers.averagePooling2d({
      poolSize: windowOf(dice, [rows, columns]),
      padding: padding(dice),
      strides: dice.size(1, 1, 2),
    }),
  (dice) => layers.globalAveragePooling2d({ dataFormat: dice.pick(0, ['channelsLast'] as const) }),
  () => layers.globalMaxPooling2d({}),
  (dice) =>
    layers.zeroPadding2d({
      padding: [
        [dice.size(0, 0, 2), dice.size(1, 0, 2)],
        [dice.size(2, 0, 2), 1],
      ],
    }),
  (dice, [rows = 1, columns = 1]) =>
    rows < 3 || columns < 3
      ? null
      : layers.cropping2D({
          cropping: [
            [dice.size(0, 0, 1), 1],
            [1, dice.size(1, 0, 1)],
          ],
        }),
  (dice) => layers.upSampling2d({ size: [dice.size(0, 1, 2), dice.size(1, 1, 3)] }),
];

const OF_VOLUMES: readonly Make[] = [
  (dice, sizes) =>
    layers.conv3d({
      filters: dice.size(1, 1, 3),
      kernelSize: windowOf(dice, sizes.slice(0, 3)),
      padding: padding(dice),
      activation: activation(dice),
    }),
  (dice, sizes) =>
    layers.maxPooling3d({ poolSize: windowOf(dice, sizes.slice(0, 3)), padding: padding(dice) }),
];

const BY_RANK: Readonly<Record<number, readonly Make[]>> = {
  1: OF_VECTORS,
  2: OF_SEQUENCES,
  3: OF_PICTURES,
  4: OF_VOLUMES,
};

/**
 * No Maximum: TensorFlow 2.21 takes max(2x, x) for a leaky ReLU and computes min(2x, x). The trial finds that.
 * Of tensors of one shape, and of those that differ in their last axis only. */
const MERGES: readonly ((dice: Dice) => Layer)[] = [
  () => layers.add(),
  () => layers.multiply(),
  () => layers.average(),
  () => layers.minimum(),
  (dice) => layers.concatenate({ axis: dice.flag(0) ? -1 : 1 }),
];

const MAX_ELEMENTS = 4000;

const featuresOf = (tensor: Tensor): number[] => tensor.shape.slice(1).map((size) => size ?? 1);

/** The model, and the largest number plus one that each of its inputs may hold when it holds places of a table. */
export interface RandomModel {
  readonly model: Tfjs.LayersModel;
  readonly tableSizes: readonly (number | null)[];
  /** Classes of its layers, for figures. */
  readonly classes: readonly string[];
}

export function buildModel({ inputs: given, steps, seed }: Recipe): RandomModel {
  const inputs: Tensor[] = [];
  const tableSizes: (number | null)[] = [];
  const made: Tensor[] = [];
  const used = new Set<Tensor>();
  const reusable: { readonly layer: Layer; readonly shape: string }[] = [];

  for (const { kind, size } of given) {
    const shapes = [
      [2 + (size % 5)],
      [2 + (size % 9), 2 + (size % 3)],
      [3 + (size % 4), 4 + (size % 3), 1 + (size % 3)],
      [3, 3 + (size % 2), 3, 2],
    ];
    const which = kind % 5;
    const isTable = which === 4;
    const input = tf.input({
      shape: isTable ? [2 + (size % 5)] : (shapes[which] as number[]),
      dtype: 'float32',
    });
    inputs.push(input);
    tableSizes.push(isTable ? 3 + (size % 9) : null);
    if (!isTable) made.push(input);
    else {
      const table = layers.embedding({ inputDim: 3 + (size % 9), outputDim: 2 + (size % 3) });
      made.push(table.apply(input) as Tensor);
      used.add(input);
    }
  }

  for (const step of steps) apply(step);
  // What nothing reads is an output; an input that nothing reads would be one too, and is led through a layer.
  for (const tensor of inputs) {
    if (!used.has(tensor)) add(layers.activation({ activation: 'tanh' }), [tensor]);
  }
  const outputs = made.filter((tensor) => !used.has(tensor));
  const model = tf.model({ inputs, outputs });
  randomise(model, seed);
  return { model, tableSizes, classes: model.layers.map((layer) => layer.getClassName()) };

  function add(layer: Layer, sources: readonly Tensor[]): void {
    const output = layer.apply(sources.length === 1 ? (sources[0] as Tensor) : [...sources]) as Tensor;
    for (const source of sources) used.add(source);
    made.push(output);
  }

  function apply(step: Step): void {
    const dice = diceOf(step);
    const source = made[made.length - 1 - (step.from % made.length)] as Tensor;
    const shape = featuresOf(source);
    const turn = step.kind % 10;
    if (turn === 0 && merge(step, dice, source)) return;
    const again = reusable.find((one) => one.shape === shape.join());
    if (turn === 1 && again !== undefined) {
      add(again.layer, [source]);
      return;
    }
    const choices = [...(BY_RANK[shape.length] ?? []), ...ANY];
    const layer = choices[Math.floor(step.kind / 10) % choices.length]?.(dice, shape) ?? null;
    if (layer === null) return;
    const sizes = (layer.computeOutputShape([null, ...shape]) as (number | null)[]).slice(1);
    const isPossible =
      sizes.every((size) => size !== null && size > 0) && sizes.length > 0 && sizes.length < 5;
    if (!isPossible || sizes.reduce<number>((a, b) => a * (b ?? 1), 1) > MAX_ELEMENTS) return;
    add(layer, [source]);
    reusable.push({ layer, shape: shape.join() });
  }

  function merge(step: Step, dice: Dice, source: Tensor): boolean {
    const same = made.filter((tensor) => tensor !== source && tensor.shape.join() === source.shape.join());
    const partner = same[step.other % Math.max(1, same.length)];
    if (partner === undefined) return false;
    add(MERGES[step.other % MERGES.length]?.(dice) as Layer, [source, partner]);
    return true;
  }
}

/** Between -1 and 1; variances above 0. */
function randomise(model: Tfjs.LayersModel, seed: number): void {
  const next = numbersFrom(seed);
  const values = model.weights.map((weight) => {
    const isVariance = weight.name.includes('variance');
    const shape = weight.shape.map((size) => size ?? 1);
    const count = shape.reduce((a, b) => a * b, 1);
    return tf.tensor(
      Float32Array.from({ length: count }, () => (isVariance ? 0.2 + next() : 2 * next() - 1)),
      shape,
    );
  });
  model.setWeights(values);
  tf.dispose(values);
}

export function numbersFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

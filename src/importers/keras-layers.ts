/**
 * The allow-list: which Keras layers can be served, with which options, and which weights each has.
 * A class that is not in this table is refused by name. To add one: show in `test/fixtures/layers` that
 * every engine agrees with Keras, then add a row.
 */
import { own } from './json.js';
import { activation, activationName, translateActivation } from './keras-activations.js';
import {
  convolution,
  depthwiseConvolution,
  globalPooling,
  pooling,
  separableConvolution,
  transposedConvolution,
} from './keras-convolutions.js';
import { axes, LOWERED_RULES, numbers, onlyLowered } from './keras-lowered.js';
import {
  beyond,
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
  REQUIRED,
  sizes,
  translateOptions,
  type Option,
  type Options,
} from './keras-options.js';
import { DATA_FORMAT, kernelAndBias, rule, USE_BIAS, weight, type LayerRule } from './keras-rules.js';

/** Layers that only act while training: each becomes a Dropout that drops nothing. */
const identity: LayerRule = () => ({ className: 'Dropout', config: { rate: 0 }, weights: [], outputs: 1 });

/** A list of one axis is how Keras 2 writes what Keras 3 writes as a number. */
const singleAxis: Option = {
  fallback: -1,
  check: (value, context) => {
    const axis = Array.isArray(value) && value.length === 1 ? (value[0] as unknown) : value;
    return Number.isInteger(axis)
      ? axis
      : refuseLayer(context, 'works along several axes; one axis can be served.');
  },
};

const batchNormalization = rule(
  {
    axis: singleAxis,
    epsilon: number(1e-3),
    center: flag(true),
    scale: flag(true),
    momentum: ignored,
    renorm: only(false),
    renorm_clipping: ignored,
    renorm_momentum: ignored,
    synchronized: ignored,
    fused: ignored,
    virtual_batch_size: only(null),
  },
  (config) => {
    const names = [
      ...(config['scale'] === true ? ['gamma'] : []),
      ...(config['center'] === true ? ['beta'] : []),
    ];
    return [...names, 'moving_mean', 'moving_variance'].map((name, index) =>
      weight(name, index, [null], { trainable: !name.startsWith('moving') }),
    );
  },
);

const layerNormalization = rule(
  {
    axis: {
      fallback: -1,
      check: (value, context) =>
        Number.isInteger(value) || (Array.isArray(value) && value.every(Number.isInteger))
          ? value
          : refuseLayer(context, 'has an axis that is no integer.'),
    },
    epsilon: number(1e-3),
    center: flag(true),
    scale: flag(true),
    rms_scaling: beyond(flag(false), (value) => value === false, true),
  },
  (config) =>
    // With rms_scaling it always has a gamma, and never a beta.
    (config['rms_scaling'] === true
      ? ['gamma']
      : [...(config['scale'] === true ? ['gamma'] : []), ...(config['center'] === true ? ['beta'] : [])]
    ).map((name, index) => weight(name, index, null)),
);

/**
 * Keras's Normalization, (x - mean) / max(sqrt(variance), 1e-7), is a batch normalisation without gamma,
 * beta and epsilon; the variance is raised to what the maximum would give. What the author gave as numbers, and the
 * inverse, tfjs-layers cannot take.
 */
const normalization: LayerRule = (config, context) => {
  const given = ['mean', 'variance'].some((name) => (own(config, name) ?? null) !== null);
  if (given || own(config, 'invert') === true) return normalizationBeyond(config, context);
  translateOptions(
    config,
    { axis: ignored, invert: only(false), mean: only(null), variance: only(null) },
    context,
  );
  const axis = singleAxis.check(own(config, 'axis') ?? -1, context, 'axis');
  return {
    className: 'BatchNormalization',
    config: { axis, epsilon: 0, center: false, scale: false },
    outputs: 1,
    weights: [
      weight('moving_mean', 0, [null], { sourceName: 'mean', trainable: false }),
      weight('moving_variance', 1, [null], {
        sourceName: 'variance',
        trainable: false,
        adjust: (values) => values.forEach((value, i) => (values[i] = Math.max(value, 1e-14))),
      }),
    ],
  };
};

const normalizationBeyond = onlyLowered((config, context) => {
  const translate = rule({
    axis: { fallback: -1, check: (v, c, o) => (v === null ? [] : axes().check(v, c, o)) },
    invert: flag(false),
    mean: optional(numbers),
    variance: optional(numbers),
  });
  const isGiven = (own(config, 'mean') ?? null) !== null;
  const translated = translate(config, context);
  const weights = ['mean', 'variance'].map((name, index) => weight(name, index, null, { trainable: false }));
  return { ...translated, weights: isGiven ? [] : weights };
});

/** `alpha` in Keras 2, `negative_slope` in Keras 3. */
const leakyRelu: LayerRule = (config, context) => {
  const { alpha, negative_slope: slope } = translateOptions(
    config,
    { alpha: optional(number()), negative_slope: optional(number()) },
    context,
  );
  return { className: 'LeakyReLU', config: { alpha: slope ?? alpha ?? 0.3 }, weights: [], outputs: 1 };
};

/** An Activation layer may use a function that is a layer of its own in tfjs-layers. */
const activationLayer: LayerRule = (config, context) => {
  translateOptions(config, { activation: ignored }, context);
  const name = activationName(own(config, 'activation'), context);
  if (name === 'leaky_relu')
    return { className: 'LeakyReLU', config: { alpha: 0.2 }, weights: [], outputs: 1 };
  return {
    className: 'Activation',
    config: { activation: translateActivation(name, context) },
    weights: [],
    outputs: 1,
  };
};

const embedding = (more: Options = {}): LayerRule =>
  rule(
    {
      input_dim: positive(),
      output_dim: positive(),
      mask_zero: flag(false),
      input_length: ignored,
      lora_alpha: ignored,
      lora_rank: only(null),
      sparse: only(false),
      quantization_config: only(null),
      ...more,
    },
    (config) => [weight('embeddings', 0, [config['input_dim'] as number, config['output_dim'] as number])],
    'Embedding',
  );

const padding2d: Option = {
  fallback: 1,
  check(value, context) {
    const pair = (v: unknown): number[] | null =>
      Number.isInteger(v) && (v as number) >= 0
        ? [v as number, v as number]
        : Array.isArray(v) && v.length === 2 && v.every((item) => Number.isInteger(item) && item >= 0)
          ? (v as number[])
          : null;
    if (Number.isInteger(value)) return [pair(value), pair(value)];
    if (Array.isArray(value) && value.length === 2) {
      const [rows, columns] = [pair(value[0]), pair(value[1])];
      if (rows !== null && columns !== null) return [rows, columns];
    }
    return refuseLayer(context, 'has margins that are not two pairs of non-negative integers.');
  },
};

/** Several axes are beyond tfjs-layers. */
const softmaxAxis: Option['check'] = (value, context, name) => {
  if (!Array.isArray(value) || value.length <= 1) return singleAxis.check(value, context, name);
  context.beyondTfjs('works along several axes');
  return axes().check(value, context, name);
};

const isNumber = (value: unknown): boolean => typeof value === 'number';

const RULES: ReadonlyMap<string, LayerRule> = new Map<string, LayerRule>([
  [
    'Dense',
    rule(
      {
        units: positive(),
        ...USE_BIAS,
        activation: activation(),
        lora_alpha: ignored,
        lora_rank: only(null),
        quantization_config: only(null),
      },
      (config) => kernelAndBias([null, config['units'] as number], config['units'] as number)(config),
    ),
  ],
  ['Conv1D', convolution(1)],
  ['Conv2D', convolution(2)],
  ['Conv3D', convolution(3)],
  ['Conv1DTranspose', onlyLowered(transposedConvolution(1))],
  ['Conv2DTranspose', transposedConvolution(2)],
  ['Conv3DTranspose', onlyLowered(transposedConvolution(3))],
  ['DepthwiseConv2D', depthwiseConvolution],
  ['SeparableConv2D', separableConvolution],
  ['MaxPooling1D', pooling(1)],
  ['MaxPooling2D', pooling(2)],
  ['MaxPooling3D', pooling(3)],
  ['AveragePooling1D', pooling(1)],
  ['AveragePooling2D', pooling(2)],
  ['AveragePooling3D', onlyLowered(pooling(3))],
  ['GlobalAveragePooling1D', globalPooling],
  ['GlobalAveragePooling2D', globalPooling],
  ['GlobalMaxPooling1D', globalPooling],
  ['GlobalMaxPooling2D', globalPooling],
  ['GlobalAveragePooling3D', onlyLowered(globalPooling)],
  ['GlobalMaxPooling3D', onlyLowered(globalPooling)],
  ...LOWERED_RULES,
  ['BatchNormalization', batchNormalization],
  ['LayerNormalization', layerNormalization],
  ['Normalization', normalization],
  ['Activation', activationLayer],
  [
    'ReLU',
    rule({
      max_value: optional(number()),
      negative_slope: beyond(number(0), (value) => value === 0, true),
      threshold: beyond(number(0), (value) => value === 0, true),
    }),
  ],
  ['LeakyReLU', leakyRelu],
  ['ELU', rule({ alpha: beyond(number(1), (value) => value === 1, true) })],
  ['PReLU', rule({ shared_axes: optional(integers()) }, () => [weight('alpha', 0, null)])],
  ['ThresholdedReLU', rule({ theta: number(1) })],
  ['Softmax', rule({ axis: { fallback: -1, check: (v, c, o) => softmaxAxis(v, c, o) } })],
  ['Flatten', rule({ ...DATA_FORMAT })],
  ['Reshape', rule({ target_shape: integers() })],
  ['Permute', rule({ dims: integers() })],
  ['RepeatVector', rule({ n: positive() })],
  ['Embedding', embedding()],
  [
    'ReversibleEmbedding',
    // Called in reverse it is another layer: `reverse` is an argument that no call may have.
    embedding({ tie_weights: only(true), reverse_dtype: ignored, logit_soft_cap: ignored }),
  ],
  ['Masking', rule({ mask_value: number(0) })],
  [
    'Rescaling',
    rule({ scale: beyond(numbers, isNumber), offset: { ...beyond(numbers, isNumber), fallback: 0 } }),
  ],
  ['ZeroPadding2D', rule({ ...DATA_FORMAT, padding: padding2d })],
  ['Cropping2D', rule({ ...DATA_FORMAT, cropping: { ...padding2d, fallback: REQUIRED } })],
  [
    'UpSampling2D',
    rule({
      ...DATA_FORMAT,
      size: sizes(2, 2),
      interpolation: beyond(oneOf(['nearest', 'bilinear', 'bicubic']), (value) => value === 'nearest', true),
    }),
  ],
  ['Add', rule({})],
  ['Multiply', rule({})],
  ['Average', rule({})],
  ['Maximum', rule({})],
  ['Minimum', rule({})],
  ['Concatenate', rule({ axis: integer(-1) })],
  [
    'Dot',
    rule({
      axes: { fallback: REQUIRED, check: (v, c, o) => (Number.isInteger(v) ? v : integers().check(v, c, o)) },
      normalize: flag(false),
    }),
  ],
  ...[
    'Dropout', 'SpatialDropout1D', 'SpatialDropout2D', 'SpatialDropout3D', 'GaussianNoise', 'GaussianDropout',
    'AlphaDropout', 'ActivityRegularization', 'Identity', 'RandomFlip', 'RandomRotation', 'RandomZoom',
    'RandomContrast', 'RandomBrightness', 'RandomTranslation', 'RandomColorDegeneration', 'RandomColorJitter',
    'RandomElasticTransform', 'RandomErasing', 'RandomGaussianBlur', 'RandomGrayscale', 'RandomHue', 'RandomInvert',
    'RandomPerspective', 'RandomPosterization', 'RandomSaturation', 'RandomSharpness', 'RandomShear', 'AugMix',
    'CutMix', 'MixUp', 'RandAugment', 'Solarization', 'RandomHeight', 'RandomWidth',
  ].map((name): [string, LayerRule] => [name, identity]), // prettier-ignore
]);

/** Other names under which Keras has written the same classes. */
const ALIASES: ReadonlyMap<string, string> = new Map([
  ['BatchNormalizationV1', 'BatchNormalization'],
  ['BatchNormalizationV2', 'BatchNormalization'],
  ['Convolution1D', 'Conv1D'],
  ['Convolution2D', 'Conv2D'],
  ['Convolution3D', 'Conv3D'],
  ['Convolution2DTranspose', 'Conv2DTranspose'],
  ['SeparableConvolution2D', 'SeparableConv2D'],
  ['MaxPool1D', 'MaxPooling1D'],
  ['MaxPool2D', 'MaxPooling2D'],
  ['MaxPool3D', 'MaxPooling3D'],
  ['AvgPool1D', 'AveragePooling1D'],
  ['AvgPool2D', 'AveragePooling2D'],
  ['GlobalAvgPool1D', 'GlobalAveragePooling1D'],
  ['GlobalAvgPool2D', 'GlobalAveragePooling2D'],
  ['GlobalMaxPool1D', 'GlobalMaxPooling1D'],
  ['GlobalMaxPool2D', 'GlobalMaxPooling2D'],
  ['AvgPool3D', 'AveragePooling3D'],
  ['GlobalAvgPool3D', 'GlobalAveragePooling3D'],
  ['GlobalMaxPool3D', 'GlobalMaxPooling3D'],
  ['Convolution1DTranspose', 'Conv1DTranspose'],
  ['Convolution3DTranspose', 'Conv3DTranspose'],
  ['SeparableConvolution1D', 'SeparableConv1D'],
  ['GroupedQueryAttention', 'GroupQueryAttention'],
]);

export function canonicalClass(className: string): string {
  return ALIASES.get(className) ?? className;
}

export function findLayerRule(className: string): LayerRule | null {
  return RULES.get(className) ?? null;
}

export const SIMPLE_LAYER_CLASSES: readonly string[] = [...RULES.keys()];

/**
 * Layers that tfjs-layers does not have, or does not compute as Keras does. They run as a lowered graph only
 * (`src/lowering`), which the fixtures in `test/fixtures/layers` show to agree with Keras.
 */
import { activation } from './keras-activations.js';
import {
  flag,
  ignored,
  integers,
  number,
  oneOf,
  only,
  optional,
  positive,
  refuseLayer,
  REQUIRED,
  sizes,
  type Option,
  type Options,
} from './keras-options.js';
import { PREPROCESSING_RULES } from './keras-preprocessing.js';
import { DATA_FORMAT, rule, USE_BIAS, weight, type ExpectedWeight, type LayerRule } from './keras-rules.js';

/** For a layer that tfjs-layers does not have. */
export function onlyLowered(inner: LayerRule): LayerRule {
  return (config, context) => {
    context.beyondTfjs('is of this class');
    return inner(config, context);
  };
}

/** One integer or a list of them. */
export const axes = (fallback: unknown = -1): Option => ({
  fallback,
  check: (value, context, name) => (Number.isInteger(value) ? value : integers().check(value, context, name)),
});

/** One number or lists of them, which may be nested. */
export const numbers: Option = {
  fallback: REQUIRED,
  check(value, context, name) {
    const list = [value].flat(8);
    const isValid =
      list.length > 0 && list.every((item) => typeof item === 'number' && Number.isFinite(item));
    if (!isValid) return refuseLayer(context, `has ${name} that is neither a number nor a list of them.`);
    return typeof value === 'number' ? value : list;
  },
};

/** Margins as Keras writes them: a number, a pair, or a pair for each of `rank` dimensions. */
const margins = (rank: number, fallback: unknown): Option => ({
  fallback,
  check(value, context, name) {
    const isSize = (v: unknown): boolean =>
      Number.isInteger(v) && (v as number) >= 0 && (v as number) < 2 ** 31;
    const isPair = (v: unknown): boolean => Array.isArray(v) && v.length === 2 && v.every(isSize);
    const isList =
      Array.isArray(value) && value.length === rank && value.every((v) => isSize(v) || isPair(v));
    if (isSize(value) || isList || (rank === 1 && isPair(value))) return value;
    return refuseLayer(context, `has ${name} that is neither a number nor pairs of non-negative integers.`);
  },
});

const equation: Option = {
  fallback: REQUIRED,
  check: (value, context) =>
    typeof value === 'string' && /^[a-zA-Z. ]{1,24},[a-zA-Z ]{1,24}->[a-zA-Z. ]{1,24}$/.test(value)
      ? value
      : refuseLayer(context, 'has an equation that is no product of an input and a kernel.'),
};

const depthwise1d = rule(
  {
    ...DATA_FORMAT,
    ...USE_BIAS,
    padding: oneOf(['valid', 'same', 'causal']),
    kernel_size: sizes(1),
    strides: sizes(1, 1),
    dilation_rate: sizes(1, 1),
    depth_multiplier: positive(1),
    groups: ignored,
    activation: activation(),
  },
  (config) => [
    weight(
      'depthwise_kernel',
      0,
      [(config['kernel_size'] as number[])[0] ?? 1, null, config['depth_multiplier'] as number],
      {
        sourceName: 'kernel',
      },
    ),
    ...(config['use_bias'] === true ? [weight('bias', 1, [null])] : []),
  ],
);

const separable1d = rule(
  {
    ...DATA_FORMAT,
    ...USE_BIAS,
    padding: oneOf(['valid', 'same', 'causal']),
    filters: positive(),
    kernel_size: sizes(1),
    strides: sizes(1, 1),
    dilation_rate: sizes(1, 1),
    depth_multiplier: positive(1),
    groups: only(1),
    activation: activation(),
  },
  (config) => [
    weight('depthwise_kernel', 0, [
      (config['kernel_size'] as number[])[0] ?? 1,
      null,
      config['depth_multiplier'] as number,
    ]),
    weight('pointwise_kernel', 1, [1, null, config['filters'] as number]),
    ...(config['use_bias'] === true ? [weight('bias', 2, [config['filters'] as number])] : []),
  ],
);

function scaleAndCentre(config: Record<string, unknown>): readonly ExpectedWeight[] {
  const names = [
    ...(config['scale'] === true ? ['gamma'] : []),
    ...(config['center'] === true ? ['beta'] : []),
  ];
  return names.map((name, index) => weight(name, index, [null]));
}

const ATTENTION: Options = {
  score_mode: oneOf(['dot', 'concat']),
  dropout: ignored,
};

function scoreWeights(
  config: Record<string, unknown>,
  shape: readonly (number | null)[],
): readonly ExpectedWeight[] {
  const names = [
    ...(config['use_scale'] === true ? ['scale'] : []),
    ...(config['score_mode'] === 'concat' ? ['concat_score_weight'] : []),
  ];
  return names.map((name, index) => weight(name, index, name === 'scale' ? shape : []));
}

/** Kernel and bias of one of the four products inside an attention layer. */
function headWeights(
  name: string,
  part: string,
  kernel: readonly (number | null)[],
  bias: readonly (number | null)[],
  hasBias: boolean,
): readonly ExpectedWeight[] {
  return [
    weight(`${name}/kernel`, 0, kernel, { sourceName: 'kernel', part }),
    ...(hasBias ? [weight(`${name}/bias`, 1, bias, { sourceName: 'bias', part })] : []),
  ];
}

function attentionHeads(
  config: Record<string, unknown>,
  queries: number,
  keys: number,
  size: number,
  valueSize: number,
  prefix = '',
) {
  const hasBias = config['use_bias'] === true;
  const side = (name: string, count: number, each: number): readonly ExpectedWeight[] =>
    headWeights(name, `${prefix}${name}_dense`, [null, count, each], [count, each], hasBias);
  return [
    ...side('query', queries, size),
    ...side('key', keys, size),
    ...side('value', keys, valueSize),
    ...headWeights('output', `${prefix}output_dense`, [queries, valueSize, null], [null], hasBias),
  ];
}

const multiHead = rule(
  {
    num_heads: positive(),
    key_dim: positive(),
    value_dim: optional(positive()),
    ...USE_BIAS,
    attention_axes: optional(axes()),
    output_shape: ignored,
    dropout: ignored,
    flash_attention: ignored,
    use_gate: only(false),
    sliding_window: only(null),
  },
  (config) => {
    const [heads, size] = [config['num_heads'] as number, config['key_dim'] as number];
    return attentionHeads(config, heads, heads, size, (config['value_dim'] as number | undefined) ?? size);
  },
);

const groupedQuery = rule(
  {
    head_dim: positive(),
    num_query_heads: positive(),
    num_key_value_heads: positive(),
    ...USE_BIAS,
    dropout: ignored,
    flash_attention: ignored,
    use_gate: only(false),
    sliding_window: only(null),
  },
  (config) => {
    const size = config['head_dim'] as number;
    return attentionHeads(
      config,
      config['num_query_heads'] as number,
      config['num_key_value_heads'] as number,
      size,
      size,
      // Keras keeps the four products of this layer under their private names.
      '_',
    );
  },
);

/** It has a bias when it names the axes of one. */
const einsumDense = rule(
  {
    equation,
    bias_axes: optional({ fallback: undefined, check: (value) => typeof value === 'string' && value !== '' }),
    output_shape: ignored,
    activation: activation(),
    lora_rank: only(null),
    lora_alpha: ignored,
    gptq_unpacked_column_size: ignored,
    quantization_config: only(null),
  },
  (config) => [weight('kernel', 0, null), ...(config['bias_axes'] === true ? [weight('bias', 1, null)] : [])],
);

function convolutionalLstm(rank: number): LayerRule {
  const options: Options = {
    ...USE_BIAS,
    data_format: only('channels_last'),
    padding: oneOf(['valid', 'same']),
    filters: positive(),
    kernel_size: sizes(rank),
    strides: sizes(rank, 1),
    dilation_rate: sizes(rank, 1),
    activation: activation('tanh'),
    recurrent_activation: activation('sigmoid'),
    return_sequences: flag(false),
    return_state: flag(false),
    go_backwards: flag(false),
    stateful: only(false),
    unroll: ignored,
    unit_forget_bias: ignored,
    zero_output_for_mask: ignored,
    dropout: ignored,
    recurrent_dropout: ignored,
  };
  const translate = rule(options, (config) => {
    const [window, filters] = [config['kernel_size'] as number[], config['filters'] as number];
    const part = 'cell';
    return [
      weight('kernel', 0, [...window, null, 4 * filters], { part }),
      weight('recurrent_kernel', 1, [...window, filters, 4 * filters], { part }),
      ...(config['use_bias'] === true ? [weight('bias', 2, [4 * filters], { part })] : []),
    ];
  });
  return (config, context) => {
    const translated = translate(config, context);
    return { ...translated, outputs: translated.config['return_state'] === true ? 3 : 1 };
  };
}

const PICTURE: Options = { ...DATA_FORMAT, height: positive(), width: positive() };

const adaptive = (rank: number): LayerRule => rule({ ...DATA_FORMAT, output_size: sizes(rank) });

const RULES: readonly (readonly [string, LayerRule])[] = [
  ...PREPROCESSING_RULES,
  ...[1, 2, 3].flatMap((rank): [string, LayerRule][] => [
    [`AdaptiveAveragePooling${rank}D`, adaptive(rank)],
    [`AdaptiveMaxPooling${rank}D`, adaptive(rank)],
    [`ConvLSTM${rank}D`, convolutionalLstm(rank)],
  ]),
  ['DepthwiseConv1D', depthwise1d],
  ['SeparableConv1D', separable1d],
  [
    'GroupNormalization',
    rule(
      {
        groups: { fallback: 32, check: (v, c, o) => (v === -1 ? v : positive().check(v, c, o)) },
        axis: axes(),
        epsilon: number(1e-3),
        center: flag(true),
        scale: flag(true),
      },
      scaleAndCentre,
    ),
  ],
  ['RMSNormalization', rule({ axis: axes(), epsilon: number(1e-6) }, () => [weight('scale', 0, null)])],
  ['UnitNormalization', rule({ axis: axes() })],
  ['Subtract', rule({})],
  ['ZeroPadding1D', rule({ ...DATA_FORMAT, padding: margins(1, 1) })],
  ['ZeroPadding3D', rule({ ...DATA_FORMAT, padding: margins(3, 1) })],
  ['Cropping1D', rule({ cropping: margins(1, 1) })],
  ['Cropping3D', rule({ ...DATA_FORMAT, cropping: margins(3, 1) })],
  ['UpSampling1D', rule({ size: sizes(1, 2) })],
  ['UpSampling3D', rule({ ...DATA_FORMAT, size: sizes(3, 2) })],
  [
    'Resizing',
    rule({
      ...PICTURE,
      interpolation: oneOf(['bilinear', 'nearest', 'bicubic', 'area']),
      crop_to_aspect_ratio: only(false),
      pad_to_aspect_ratio: only(false),
      antialias: only(false),
      fill_mode: ignored,
      fill_value: ignored,
    }),
  ],
  ['CenterCrop', rule(PICTURE)],
  ['EinsumDense', einsumDense],
  ['Attention', rule({ ...ATTENTION, use_scale: flag(false) }, (config) => scoreWeights(config, []))],
  [
    'AdditiveAttention',
    rule({ dropout: ignored, use_scale: flag(true) }, (config) => scoreWeights(config, [null])),
  ],
  ['MultiHeadAttention', multiHead],
  ['GroupQueryAttention', groupedQuery],
];

export const LOWERED_RULES: readonly (readonly [string, LayerRule])[] = RULES.map(([name, inner]) => [
  name,
  onlyLowered(inner),
]);

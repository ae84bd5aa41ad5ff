/** Convolutions and pooling. */
import { activation } from './keras-activations.js';
import { ignored, only, positive, refuseLayer, sizes, type Options } from './keras-options.js';
import {
  CHANNELS_LAST,
  kernelAndBias,
  PADDING,
  rule,
  USE_BIAS,
  weight,
  type LayerRule,
} from './keras-rules.js';

export function convolution(rank: number): LayerRule {
  const options: Options = {
    ...CHANNELS_LAST,
    ...USE_BIAS,
    ...PADDING,
    filters: positive(),
    kernel_size: sizes(rank),
    strides: sizes(rank, 1),
    dilation_rate: sizes(rank, 1),
    groups: only(1),
    activation: activation(),
  };
  return rule(options, (config) => {
    const filters = config['filters'] as number;
    return kernelAndBias([...(config['kernel_size'] as number[]), null, filters], filters)(config);
  });
}

export function transposedConvolution(rank: number): LayerRule {
  const options: Options = {
    ...CHANNELS_LAST,
    ...USE_BIAS,
    ...PADDING,
    filters: positive(),
    kernel_size: sizes(rank),
    strides: sizes(rank, 1),
    dilation_rate: {
      fallback: undefined,
      check: (value, context) =>
        ones(value)
          ? undefined
          : refuseLayer(
              context,
              'has a dilation_rate; a transposed convolution without dilation can be served.',
            ),
    },
    output_padding: only(null),
    groups: only(1),
    activation: activation(),
  };
  return rule(options, (config) => {
    const filters = config['filters'] as number;
    return kernelAndBias([...(config['kernel_size'] as number[]), filters, null], filters)(config);
  });
}

function ones(value: unknown): boolean {
  return value === 1 || (Array.isArray(value) && value.every((item) => item === 1));
}

export const depthwiseConvolution = rule(
  {
    ...CHANNELS_LAST,
    ...USE_BIAS,
    ...PADDING,
    kernel_size: sizes(2),
    strides: sizes(2, 1),
    dilation_rate: sizes(2, 1),
    depth_multiplier: positive(1),
    groups: ignored,
    activation: activation(),
  },
  (config) => [
    weight(
      'depthwise_kernel',
      0,
      [...(config['kernel_size'] as number[]), null, config['depth_multiplier'] as number],
      { sourceName: 'kernel' },
    ),
    ...(config['use_bias'] === true ? [weight('bias', 1, [null])] : []),
  ],
);

export const separableConvolution = rule(
  {
    ...CHANNELS_LAST,
    ...USE_BIAS,
    ...PADDING,
    filters: positive(),
    kernel_size: sizes(2),
    strides: sizes(2, 1),
    dilation_rate: sizes(2, 1),
    depth_multiplier: positive(1),
    groups: only(1),
    activation: activation(),
  },
  (config) => [
    weight('depthwise_kernel', 0, [
      ...(config['kernel_size'] as number[]),
      null,
      config['depth_multiplier'] as number,
    ]),
    weight('pointwise_kernel', 1, [1, 1, null, config['filters'] as number]),
    ...(config['use_bias'] === true ? [weight('bias', 2, [config['filters'] as number])] : []),
  ],
);

export const pooling = (rank: number): LayerRule =>
  rule({ ...CHANNELS_LAST, ...PADDING, pool_size: sizes(rank, 2), strides: sizes(rank, null) });

export const globalPooling = rule({ ...CHANNELS_LAST, keepdims: only(false) });

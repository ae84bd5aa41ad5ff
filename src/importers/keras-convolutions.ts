/** Convolutions and pooling. */
import { activation } from './keras-activations.js';
import {
  beyond,
  flag,
  ignored,
  oneOf,
  only,
  optional,
  positive,
  refuseLayer,
  sizes,
  type Option,
  type Options,
} from './keras-options.js';
import {
  DATA_FORMAT,
  kernelAndBias,
  PADDING,
  rule,
  USE_BIAS,
  weight,
  type LayerRule,
} from './keras-rules.js';

const groups: Option = beyond(positive(1), (value) => value === 1, true);
const causal: Option = beyond(oneOf(['valid', 'same', 'causal']), (value) => value !== 'causal');

export function convolution(rank: number): LayerRule {
  const options: Options = {
    ...DATA_FORMAT,
    ...USE_BIAS,
    padding: rank === 1 ? causal : (PADDING['padding'] as Option),
    filters: positive(),
    kernel_size: sizes(rank),
    strides: sizes(rank, 1),
    dilation_rate: sizes(rank, 1),
    groups,
    activation: activation(),
  };
  return rule(options, (config) => {
    const filters = config['filters'] as number;
    return kernelAndBias([...(config['kernel_size'] as number[]), null, filters], filters)(config);
  });
}

export function transposedConvolution(rank: number): LayerRule {
  const options: Options = {
    ...DATA_FORMAT,
    ...USE_BIAS,
    ...PADDING,
    filters: positive(),
    kernel_size: sizes(rank),
    strides: sizes(rank, 1),
    dilation_rate: {
      fallback: undefined,
      check: (value, context) =>
        (Array.isArray(value) ? value : [value]).every((size) => size === 1)
          ? undefined
          : refuseLayer(context, 'has a dilation_rate; a transposed convolution without one can be served.'),
    },
    output_padding: optional(beyond(sizes(rank, null, 0), (value) => value === null)),
    groups: only(1),
    activation: activation(),
  };
  return rule(options, (config) => {
    const filters = config['filters'] as number;
    return kernelAndBias([...(config['kernel_size'] as number[]), filters, null], filters)(config);
  });
}

export const depthwiseConvolution = rule(
  {
    ...DATA_FORMAT,
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
    ...DATA_FORMAT,
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
  rule({
    ...DATA_FORMAT,
    // tfjs-wasm pads volumes on the wrong side.
    padding:
      rank === 3 ? beyond(oneOf(['valid', 'same']), (value) => value === 'valid') : oneOf(['valid', 'same']),
    pool_size: sizes(rank, 2),
    strides: sizes(rank, null),
  });

export const globalPooling = rule({
  ...DATA_FORMAT,
  keepdims: beyond(flag(false), (value) => value === false, true),
});

import { activation } from "./keras-activations.js";
import { ignored, only, positive, refuseLayer, sizes } from "./keras-options.js";
import {
  CHANNELS_LAST,
  kernelAndBias,
  PADDING,
  rule,
  USE_BIAS,
  weight
} from "./keras-rules.js";
function convolution(rank) {
  const options = {
    ...CHANNELS_LAST,
    ...USE_BIAS,
    ...PADDING,
    filters: positive(),
    kernel_size: sizes(rank),
    strides: sizes(rank, 1),
    dilation_rate: sizes(rank, 1),
    groups: only(1),
    activation: activation()
  };
  return rule(options, (config) => {
    const filters = config["filters"];
    return kernelAndBias([...config["kernel_size"], null, filters], filters)(config);
  });
}
function transposedConvolution(rank) {
  const options = {
    ...CHANNELS_LAST,
    ...USE_BIAS,
    ...PADDING,
    filters: positive(),
    kernel_size: sizes(rank),
    strides: sizes(rank, 1),
    dilation_rate: {
      fallback: void 0,
      check: (value, context) => ones(value) ? void 0 : refuseLayer(
        context,
        "has a dilation_rate; a transposed convolution without dilation can be served."
      )
    },
    output_padding: only(null),
    groups: only(1),
    activation: activation()
  };
  return rule(options, (config) => {
    const filters = config["filters"];
    return kernelAndBias([...config["kernel_size"], filters, null], filters)(config);
  });
}
function ones(value) {
  return value === 1 || Array.isArray(value) && value.every((item) => item === 1);
}
const depthwiseConvolution = rule(
  {
    ...CHANNELS_LAST,
    ...USE_BIAS,
    ...PADDING,
    kernel_size: sizes(2),
    strides: sizes(2, 1),
    dilation_rate: sizes(2, 1),
    depth_multiplier: positive(1),
    groups: ignored,
    activation: activation()
  },
  (config) => [
    weight(
      "depthwise_kernel",
      0,
      [...config["kernel_size"], null, config["depth_multiplier"]],
      { sourceName: "kernel" }
    ),
    ...config["use_bias"] === true ? [weight("bias", 1, [null])] : []
  ]
);
const separableConvolution = rule(
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
    activation: activation()
  },
  (config) => [
    weight("depthwise_kernel", 0, [
      ...config["kernel_size"],
      null,
      config["depth_multiplier"]
    ]),
    weight("pointwise_kernel", 1, [1, 1, null, config["filters"]]),
    ...config["use_bias"] === true ? [weight("bias", 2, [config["filters"]])] : []
  ]
);
const pooling = (rank) => rule({ ...CHANNELS_LAST, ...PADDING, pool_size: sizes(rank, 2), strides: sizes(rank, null) });
const globalPooling = rule({ ...CHANNELS_LAST, keepdims: only(false) });
export {
  convolution,
  depthwiseConvolution,
  globalPooling,
  pooling,
  separableConvolution,
  transposedConvolution
};
//# sourceMappingURL=keras-convolutions.js.map

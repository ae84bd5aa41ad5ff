import { own } from "./json.js";
import { activation, activationName, translateActivation } from "./keras-activations.js";
import {
  convolution,
  depthwiseConvolution,
  globalPooling,
  pooling,
  separableConvolution,
  transposedConvolution
} from "./keras-convolutions.js";
import {
  flag,
  ignored,
  integer,
  integers,
  number,
  only,
  optional,
  positive,
  refuseLayer,
  REQUIRED,
  sizes,
  translateOptions
} from "./keras-options.js";
import { CHANNELS_LAST, kernelAndBias, rule, USE_BIAS, weight } from "./keras-rules.js";
const identity = () => ({ className: "Dropout", config: { rate: 0 }, weights: [], outputs: 1 });
const singleAxis = {
  fallback: -1,
  check: (value, context) => {
    const axis = Array.isArray(value) && value.length === 1 ? value[0] : value;
    return Number.isInteger(axis) ? axis : refuseLayer(context, "works along several axes; one axis can be served.");
  }
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
    virtual_batch_size: only(null)
  },
  (config) => {
    const names = [
      ...config["scale"] === true ? ["gamma"] : [],
      ...config["center"] === true ? ["beta"] : []
    ];
    return [...names, "moving_mean", "moving_variance"].map(
      (name, index) => weight(name, index, [null], { trainable: !name.startsWith("moving") })
    );
  }
);
const layerNormalization = rule(
  {
    axis: {
      fallback: -1,
      check: (value, context) => Number.isInteger(value) || Array.isArray(value) && value.every(Number.isInteger) ? value : refuseLayer(context, "has an axis that is no integer.")
    },
    epsilon: number(1e-3),
    center: flag(true),
    scale: flag(true),
    rms_scaling: only(false)
  },
  (config) => [...config["scale"] === true ? ["gamma"] : [], ...config["center"] === true ? ["beta"] : []].map(
    (name, index) => weight(name, index, null)
  )
);
const normalization = (config, context) => {
  translateOptions(
    config,
    { axis: ignored, invert: only(false), mean: only(null), variance: only(null) },
    context
  );
  const axis = singleAxis.check(own(config, "axis") ?? -1, context, "axis");
  return {
    className: "BatchNormalization",
    config: { axis, epsilon: 0, center: false, scale: false },
    outputs: 1,
    weights: [
      weight("moving_mean", 0, [null], { sourceName: "mean", trainable: false }),
      weight("moving_variance", 1, [null], {
        sourceName: "variance",
        trainable: false,
        adjust: (values) => values.forEach((value, i) => values[i] = Math.max(value, 1e-14))
      })
    ]
  };
};
const leakyRelu = (config, context) => {
  const { alpha, negative_slope: slope } = translateOptions(
    config,
    { alpha: optional(number()), negative_slope: optional(number()) },
    context
  );
  return { className: "LeakyReLU", config: { alpha: slope ?? alpha ?? 0.3 }, weights: [], outputs: 1 };
};
const activationLayer = (config, context) => {
  translateOptions(config, { activation: ignored }, context);
  const name = activationName(own(config, "activation"), context);
  if (name === "leaky_relu")
    return { className: "LeakyReLU", config: { alpha: 0.2 }, weights: [], outputs: 1 };
  return {
    className: "Activation",
    config: { activation: translateActivation(name, context) },
    weights: [],
    outputs: 1
  };
};
const padding2d = {
  fallback: 1,
  check(value, context) {
    const pair = (v) => Number.isInteger(v) && v >= 0 ? [v, v] : Array.isArray(v) && v.length === 2 && v.every((item) => Number.isInteger(item) && item >= 0) ? v : null;
    if (Number.isInteger(value)) return [pair(value), pair(value)];
    if (Array.isArray(value) && value.length === 2) {
      const [rows, columns] = [pair(value[0]), pair(value[1])];
      if (rows !== null && columns !== null) return [rows, columns];
    }
    return refuseLayer(context, "has margins that are not two pairs of non-negative integers.");
  }
};
const RULES = new Map([
  [
    "Dense",
    rule(
      {
        units: positive(),
        ...USE_BIAS,
        activation: activation(),
        lora_alpha: ignored,
        lora_rank: only(null),
        quantization_config: only(null)
      },
      (config) => kernelAndBias([null, config["units"]], config["units"])(config)
    )
  ],
  ["Conv1D", convolution(1)],
  ["Conv2D", convolution(2)],
  ["Conv3D", convolution(3)],
  ["Conv2DTranspose", transposedConvolution(2)],
  ["DepthwiseConv2D", depthwiseConvolution],
  ["SeparableConv2D", separableConvolution],
  ["MaxPooling1D", pooling(1)],
  ["MaxPooling2D", pooling(2)],
  ["MaxPooling3D", pooling(3)],
  ["AveragePooling1D", pooling(1)],
  ["AveragePooling2D", pooling(2)],
  ["GlobalAveragePooling1D", globalPooling],
  ["GlobalAveragePooling2D", globalPooling],
  ["GlobalMaxPooling1D", globalPooling],
  ["GlobalMaxPooling2D", globalPooling],
  ["BatchNormalization", batchNormalization],
  ["LayerNormalization", layerNormalization],
  ["Normalization", normalization],
  ["Activation", activationLayer],
  ["ReLU", rule({ max_value: optional(number()), negative_slope: only(0, null), threshold: only(0, null) })],
  ["LeakyReLU", leakyRelu],
  ["ELU", rule({ alpha: only(1, null) })],
  ["PReLU", rule({ shared_axes: optional(integers()) }, () => [weight("alpha", 0, null)])],
  ["ThresholdedReLU", rule({ theta: number(1) })],
  ["Softmax", rule({ axis: singleAxis })],
  ["Flatten", rule({ ...CHANNELS_LAST })],
  ["Reshape", rule({ target_shape: integers() })],
  ["Permute", rule({ dims: integers() })],
  ["RepeatVector", rule({ n: positive() })],
  [
    "Embedding",
    rule(
      {
        input_dim: positive(),
        output_dim: positive(),
        mask_zero: flag(false),
        input_length: ignored,
        lora_alpha: ignored,
        lora_rank: only(null),
        sparse: only(false),
        quantization_config: only(null)
      },
      (config) => [weight("embeddings", 0, [config["input_dim"], config["output_dim"]])]
    )
  ],
  ["Masking", rule({ mask_value: number(0) })],
  ["Rescaling", rule({ scale: number(), offset: number(0) })],
  ["ZeroPadding2D", rule({ ...CHANNELS_LAST, padding: padding2d })],
  ["Cropping2D", rule({ ...CHANNELS_LAST, cropping: { ...padding2d, fallback: REQUIRED } })],
  ["UpSampling2D", rule({ ...CHANNELS_LAST, size: sizes(2, 2), interpolation: only("nearest") })],
  ["Add", rule({})],
  ["Multiply", rule({})],
  ["Average", rule({})],
  ["Maximum", rule({})],
  ["Minimum", rule({})],
  ["Concatenate", rule({ axis: integer(-1) })],
  [
    "Dot",
    rule({
      axes: { fallback: REQUIRED, check: (v, c, o) => Number.isInteger(v) ? v : integers().check(v, c, o) },
      normalize: flag(false)
    })
  ],
  ...[
    "Dropout",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SpatialDropout3D",
    "GaussianNoise",
    "GaussianDropout",
    "AlphaDropout",
    "ActivityRegularization",
    "RandomFlip",
    "RandomRotation",
    "RandomZoom",
    "RandomContrast",
    "RandomBrightness",
    "RandomTranslation",
    "Identity"
  ].map((name) => [name, identity])
]);
const ALIASES = /* @__PURE__ */ new Map([
  ["BatchNormalizationV1", "BatchNormalization"],
  ["BatchNormalizationV2", "BatchNormalization"],
  ["Convolution1D", "Conv1D"],
  ["Convolution2D", "Conv2D"],
  ["Convolution3D", "Conv3D"],
  ["Convolution2DTranspose", "Conv2DTranspose"],
  ["SeparableConvolution2D", "SeparableConv2D"],
  ["MaxPool1D", "MaxPooling1D"],
  ["MaxPool2D", "MaxPooling2D"],
  ["MaxPool3D", "MaxPooling3D"],
  ["AvgPool1D", "AveragePooling1D"],
  ["AvgPool2D", "AveragePooling2D"],
  ["GlobalAvgPool1D", "GlobalAveragePooling1D"],
  ["GlobalAvgPool2D", "GlobalAveragePooling2D"],
  ["GlobalMaxPool1D", "GlobalMaxPooling1D"],
  ["GlobalMaxPool2D", "GlobalMaxPooling2D"]
]);
function canonicalClass(className) {
  return ALIASES.get(className) ?? className;
}
function findLayerRule(className) {
  return RULES.get(className) ?? null;
}
const SIMPLE_LAYER_CLASSES = [...RULES.keys()];
export {
  SIMPLE_LAYER_CLASSES,
  canonicalClass,
  findLayerRule
};
//# sourceMappingURL=keras-layers.js.map

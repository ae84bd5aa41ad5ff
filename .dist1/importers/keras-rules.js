import { flag, oneOf, only, translateOptions } from "./keras-options.js";
function weight(name, index, shape, more = {}) {
  return { name, sourceName: name, shape, part: "", index, trainable: true, ...more };
}
function rule(options, weights = () => [], className) {
  return (config, context) => {
    const translated = translateOptions(config, options, context);
    return {
      className: className ?? context.className,
      config: translated,
      weights: weights(translated),
      outputs: 1
    };
  };
}
const CHANNELS_LAST = { data_format: only("channels_last", null) };
const USE_BIAS = { use_bias: flag(true) };
const PADDING = { padding: oneOf(["valid", "same"]) };
function kernelAndBias(kernel, bias) {
  return (config) => [
    weight("kernel", 0, kernel),
    ...config["use_bias"] === true ? [weight("bias", 1, [bias])] : []
  ];
}
export {
  CHANNELS_LAST,
  PADDING,
  USE_BIAS,
  kernelAndBias,
  rule,
  weight
};
//# sourceMappingURL=keras-rules.js.map

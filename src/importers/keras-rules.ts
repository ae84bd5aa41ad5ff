/** What a rule says about a layer: its options for tfjs-layers and the weights it has. */
import type { JsonObject } from './json.js';
import { beyond, flag, oneOf, translateOptions, type LayerContext, type Options } from './keras-options.js';

export interface ExpectedWeight {
  /** As tfjs-layers names it within the layer, e.g. `kernel`, `forward_rnn/kernel`. */
  readonly name: string;
  /** Last step of the name in a Keras file, when it is another. */
  readonly sourceName: string;
  /** Known dimensions; `null` where the layer's input decides. */
  readonly shape: readonly (number | null)[] | null;
  /** Sub-group of a `.keras` file that holds it, e.g. `forward_layer/cell`; `''` for the layer's own. */
  readonly part: string;
  /** Position among the part's variables. */
  readonly index: number;
  readonly trainable: boolean;
  /** Adjusts the values, where Keras stores something else than tfjs-layers wants. */
  readonly adjust?: (values: Float32Array) => void;
}

export interface TranslatedLayer {
  readonly className: string;
  readonly config: Record<string, unknown>;
  readonly weights: readonly ExpectedWeight[];
  /** How many tensors one call gives. */
  readonly outputs: number;
}

export type LayerRule = (config: JsonObject, context: LayerContext) => TranslatedLayer;

export type Shape = readonly (number | null)[] | null;

export function weight(
  name: string,
  index: number,
  shape: Shape,
  more: Partial<ExpectedWeight> = {},
): ExpectedWeight {
  return { name, sourceName: name, shape, part: '', index, trainable: true, ...more };
}

/** A rule made of an option table and a list of weights. */
export function rule(
  options: Options,
  weights: (config: Record<string, unknown>) => readonly ExpectedWeight[] = () => [],
  className?: string,
): LayerRule {
  return (config, context) => {
    const translated = translateOptions(config, options, context);
    return {
      className: className ?? context.className,
      config: translated,
      weights: weights(translated),
      outputs: 1,
    };
  };
}

/** Channels last is what every engine takes, and is left out. */
export const DATA_FORMAT: Options = {
  data_format: beyond(oneOf(['channels_last', 'channels_first']), (value) => value === 'channels_last', true),
};
export const USE_BIAS: Options = { use_bias: flag(true) };
export const PADDING: Options = { padding: oneOf(['valid', 'same']) };

export function kernelAndBias(kernel: Shape, bias: number | null) {
  return (config: Record<string, unknown>): readonly ExpectedWeight[] => [
    weight('kernel', 0, kernel),
    ...(config['use_bias'] === true ? [weight('bias', 1, [bias])] : []),
  ];
}

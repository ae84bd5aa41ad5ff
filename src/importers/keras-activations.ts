/** Activation functions: which of Keras's names tfjs-layers computes the same, and under which name. */
import { isObject, own, ownString } from './json.js';
import { refuseLayer, type LayerContext, type Option } from './keras-options.js';

/** Keras name -> tfjs-layers name, verified to agree with Keras within rounding. */
const ACTIVATIONS: ReadonlyMap<string, string> = new Map([
  ['linear', 'linear'],
  ['relu', 'relu'],
  ['relu6', 'relu6'],
  ['elu', 'elu'],
  ['selu', 'selu'],
  ['sigmoid', 'sigmoid'],
  ['softmax', 'softmax'],
  ['log_softmax', 'log_softmax'],
  ['softplus', 'softplus'],
  ['softsign', 'softsign'],
  ['tanh', 'tanh'],
  ['swish', 'swish'],
  ['silu', 'swish'],
  ['gelu', 'gelu'],
  ['mish', 'mish'],
]);

/** Keras name -> the lowering's; tfjs-layers computes these otherwise or not at all. */
const LOWERED: ReadonlyMap<string, string> = new Map([
  ...[
    'exponential', 'leaky_relu', 'hard_silu', 'hard_swish', 'hard_tanh', 'hard_shrink', 'soft_shrink', 'tanh_shrink',
    'log_sigmoid', 'squareplus', 'sparsemax', 'sparse_plus', 'sparse_sigmoid', 'celu', 'glu', 'threshold',
  ].map((name): [string, string] => [name, name]), // prettier-ignore
  ['hard_sigmoid', 'hard_sigmoid_keras3'],
]);

/** The bare name of an activation, from a string or from either Keras's object form. */
export function activationName(value: unknown, context: LayerContext): string {
  if (value === null || value === undefined) return 'linear';
  if (typeof value === 'string') return value;
  if (!isObject(value))
    return refuseLayer(context, 'has an activation that is neither a name nor an object.');
  const className = ownString(value, 'class_name') ?? 'an unnamed object';
  const config = own(value, 'config');
  const module = ownString(value, 'module');
  if (className === 'function' && typeof config === 'string') {
    if (module !== null && module !== 'builtins' && !module.startsWith('keras')) {
      refuseLayer(
        context,
        `has the activation "${config}" from the Python module ${module}; only built-in activations can be served.`,
      );
    }
    return config;
  }
  return refuseLayer(
    context,
    `has an activation of class ${className}; use a built-in activation function or a layer of its own.`,
  );
}

/** @throws Refused naming layer and activation */
export function translateActivation(value: unknown, context: LayerContext): string {
  const name = activationName(value, context);
  // Keras 2 clips 0.2x + 0.5, as tfjs-layers does; Keras 3 computes relu6(x + 3) / 6.
  if (name === 'hard_sigmoid' && context.kerasMajor === 2) return name;
  const known = ACTIVATIONS.get(name);
  if (known !== undefined) return known;
  const lowered = LOWERED.get(name);
  if (lowered !== undefined) {
    context.beyondTfjs(`uses the activation "${name}"`);
    return lowered;
  }
  return refuseLayer(
    context,
    `uses the activation "${name}", which no engine of Souk computes as Keras does; served are ${[...ACTIVATIONS.keys(), ...LOWERED.keys()].join(', ')}.`,
  );
}

export const activation = (fallback = 'linear'): Option => ({
  fallback,
  check: (value, context) => translateActivation(value, context),
});

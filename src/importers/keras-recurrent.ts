/** Recurrent layers and the two wrappers: the allow-listed classes that hold other layers or cells. */
import { own, ownObject, ownString, type JsonObject } from './json.js';
import { activation } from './keras-activations.js';
import { weight, type ExpectedWeight, type LayerRule, type TranslatedLayer } from './keras-rules.js';
import {
  flag,
  ignored,
  only,
  positive,
  refuseLayer,
  translateOptions,
  type LayerContext,
  type Options,
} from './keras-options.js';

const RECURRENT: Options = {
  units: positive(),
  use_bias: flag(true),
  return_sequences: flag(false),
  return_state: flag(false),
  go_backwards: flag(false),
  activation: activation('tanh'),
  stateful: only(false),
  unroll: ignored,
  time_major: only(false),
  // Only matters behind a mask, where Bidirectional is refused (see keras-graph.ts).
  zero_output_for_mask: ignored,
  dropout: ignored,
  recurrent_dropout: ignored,
};

/** Initial values are overwritten by the file's weights; the default, Orthogonal, costs seconds. */
const CHEAP_INITIALIZERS = {
  kernel_initializer: 'zeros',
  recurrent_initializer: 'zeros',
  bias_initializer: 'zeros',
};

function recurrent(
  gates: number,
  stateCount: number,
  extra: Options,
  fixed: Record<string, unknown> = {},
): LayerRule {
  return (config, context) => {
    const translated = translateOptions(config, { ...RECURRENT, ...extra }, context);
    const units = translated['units'] as number;
    const weights: ExpectedWeight[] = [
      weight('kernel', 0, [null, gates * units], { part: 'cell' }),
      weight('recurrent_kernel', 1, [units, gates * units], { part: 'cell' }),
    ];
    if (translated['use_bias'] === true) weights.push(weight('bias', 2, [gates * units], { part: 'cell' }));
    return {
      className: context.className,
      config: { ...translated, ...CHEAP_INITIALIZERS, ...fixed },
      weights,
      outputs: translated['return_state'] === true ? 1 + stateCount : 1,
    };
  };
}

const gru: LayerRule = (config, context) => {
  const rule = recurrent(3, 1, { recurrent_activation: activation('sigmoid'), reset_after: flag(true) });
  const translated = rule(config, context);
  if (translated.config['reset_after'] === false) return translated;
  // Keras applies the reset gate after the matrix product unless told otherwise, with a second bias; tfjs-layers cannot.
  context.beyondTfjs('has reset_after=True (the Keras default)');
  const units = translated.config['units'] as number;
  const weights = translated.weights.map((item) =>
    item.name === 'bias' ? { ...item, shape: [2, 3 * units] } : item,
  );
  return { ...translated, weights };
};

const RECURRENT_RULES: ReadonlyMap<string, LayerRule> = new Map<string, LayerRule>([
  ['SimpleRNN', recurrent(1, 1, {})],
  // The forget gate's ones are an initial value too.
  [
    'LSTM',
    recurrent(
      4,
      2,
      { recurrent_activation: activation('sigmoid'), unit_forget_bias: ignored },
      { unit_forget_bias: false },
    ),
  ],
  ['GRU', gru],
]);

/** How a wrapper translates the layer inside: the general rule, given by the caller to keep files apart. */
export type TranslateInner = (layer: JsonObject, outer: LayerContext) => TranslatedLayer;

const MERGE_MODES = ['concat', 'sum', 'ave', 'mul'];
const MIRRORED_OPTIONS = [
  'units',
  'activation',
  'recurrent_activation',
  'reset_after',
  'use_bias',
  'return_sequences',
  'return_state',
];

function bidirectional(
  config: JsonObject,
  context: LayerContext,
  translateInner: TranslateInner,
): TranslatedLayer {
  const forward = ownObject(config, 'layer');
  if (forward === null) return refuseLayer(context, 'holds no layer.');
  const innerClass = ownString(forward, 'class_name') ?? '';
  if (!RECURRENT_RULES.has(innerClass))
    refuseLayer(context, `wraps a ${innerClass}; LSTM, GRU and SimpleRNN can be served.`);
  const mergeMode = own(config, 'merge_mode') ?? null;
  if (mergeMode === null) context.beyondTfjs('gives both directions apart');
  else if (typeof mergeMode !== 'string' || !MERGE_MODES.includes(mergeMode)) {
    refuseLayer(context, `has merge_mode ${JSON.stringify(mergeMode)}; expected ${MERGE_MODES.join(', ')}.`);
  }
  const inner = translateInner(forward, context);
  const backward = ownObject(config, 'backward_layer');
  if (backward !== null) {
    // tfjs-layers derives the backward layer from the forward one, so they must be each other's mirror.
    const mirror = translateInner(backward, context);
    const same = MIRRORED_OPTIONS.every((option) => mirror.config[option] === inner.config[option]);
    if (
      mirror.className !== inner.className ||
      !same ||
      mirror.config['go_backwards'] === inner.config['go_backwards']
    ) {
      refuseLayer(context, 'has a backward layer that is not the mirror of its forward layer.');
    }
  }
  const returnsState = inner.config['return_state'] === true;
  if (returnsState) context.beyondTfjs('returns its states');
  const sides = ['forward', 'backward'] as const;
  return {
    className: 'Bidirectional',
    config: {
      merge_mode: mergeMode,
      layer: { class_name: inner.className, config: { ...inner.config, name: 'rnn' } },
    },
    weights: sides.flatMap((side) =>
      inner.weights.map((item) => ({
        ...item,
        name: `${side}_rnn/${item.name}`,
        part: `${side}_layer/${item.part}`,
      })),
    ),
    outputs: (mergeMode === null ? 2 : 1) + (returnsState ? 2 * (inner.outputs - 1) : 0),
  };
}

function timeDistributed(
  config: JsonObject,
  context: LayerContext,
  translateInner: TranslateInner,
): TranslatedLayer {
  const layer = ownObject(config, 'layer');
  if (layer === null) return refuseLayer(context, 'holds no layer.');
  const inner = translateInner(layer, context);
  if (RECURRENT_RULES.has(inner.className) || WRAPPERS.has(inner.className)) {
    refuseLayer(
      context,
      `wraps a ${inner.className}; layers without a time axis of their own can be served.`,
    );
  }
  return {
    className: 'TimeDistributed',
    config: { layer: { class_name: inner.className, config: { ...inner.config, name: 'inner' } } },
    weights: inner.weights.map((item) => ({ ...item, part: within('layer', item.part) })),
    outputs: 1,
  };
}

/** The kernel that training has normalised is the one that is saved: what is left is the layer inside. */
function spectralNormalization(
  config: JsonObject,
  context: LayerContext,
  translateInner: TranslateInner,
): TranslatedLayer {
  const layer = ownObject(config, 'layer');
  if (layer === null) return refuseLayer(context, 'holds no layer.');
  const inner = translateInner(layer, context);
  return { ...inner, weights: inner.weights.map((item) => ({ ...item, part: within('layer', item.part) })) };
}

function within(outer: string, part: string): string {
  return part === '' ? outer : `${outer}/${part}`;
}

/** An RNN around one cell is the layer of that cell's name; its options are the cell's and its own. */
function rnn(config: JsonObject, context: LayerContext): TranslatedLayer {
  const cell = ownObject(config, 'cell');
  const className = (cell === null ? null : ownString(cell, 'class_name')) ?? '';
  const found = RECURRENT_RULES.get(className.replace(/Cell$/, ''));
  if (cell === null || found === undefined || !className.endsWith('Cell')) {
    return refuseLayer(
      context,
      `has a cell of the class ${className === '' ? 'unknown' : className}; LSTMCell, GRUCell and SimpleRNNCell can be served, and in place of StackedRNNCells one layer after the other.`,
    );
  }
  const own_ = Object.fromEntries(Object.entries(config).filter(([name]) => name !== 'cell'));
  return found({ ...ownObject(cell, 'config'), ...own_ }, { ...context, className: className.slice(0, -4) });
}

const WRAPPERS: ReadonlyMap<
  string,
  (config: JsonObject, context: LayerContext, translateInner: TranslateInner) => TranslatedLayer
> = new Map([
  ['Bidirectional', bidirectional],
  ['TimeDistributed', timeDistributed],
  ['SpectralNormalization', spectralNormalization],
  ['RNN', rnn],
]);

/** The rule for a recurrent layer or wrapper, or `null` for other classes. */
export function findRecurrentRule(className: string, translateInner: TranslateInner): LayerRule | null {
  const wrapper = WRAPPERS.get(className);
  if (wrapper !== undefined) return (config, context) => wrapper(config, context, translateInner);
  return RECURRENT_RULES.get(className) ?? null;
}

export const RECURRENT_CLASSES: readonly string[] = [...RECURRENT_RULES.keys(), ...WRAPPERS.keys()];

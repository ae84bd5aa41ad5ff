/** Layers that turn numbers and words into places of a table, or into vectors. They run as a lowered graph only. */
import { own, type JsonObject } from './json.js';
import {
  ignored,
  integer,
  number,
  oneOf,
  only,
  optional,
  positive,
  refuseLayer,
  REQUIRED,
  type LayerContext,
  type Option,
  type Options,
} from './keras-options.js';
import { rule, type LayerRule } from './keras-rules.js';

/** Each element is compared with every word. */
const MAX_WORDS = 10_000;

const ENCODED: Options = {
  output_mode: oneOf(['int', 'one_hot', 'multi_hot', 'count']),
  sparse: only(false),
};

const boundaries: Option = {
  fallback: REQUIRED,
  check: (value, context) =>
    Array.isArray(value) && value.every((item) => typeof item === 'number' && Number.isFinite(item))
      ? value
      : refuseLayer(context, 'has no bin_boundaries that are numbers; call adapt() before saving.'),
};

/** `null`, a number, or two of them. */
const salt: Option = {
  fallback: undefined,
  check(value, context) {
    const list: readonly unknown[] = Array.isArray(value) ? value : [value];
    if (value === null) return undefined;
    const isValid =
      list.length <= 2 && list.every((item) => Number.isSafeInteger(item) && (item as number) >= 0);
    return isValid ? list : refuseLayer(context, 'has a salt that is not one or two integers from 0 on.');
  },
};

const hashing: LayerRule = (config, context) => {
  const inner = rule({ ...ENCODED, num_bins: positive(), mask_value: optional(integer()), salt });
  const given = own(config, 'mask_value') ?? null;
  return inner(given === null ? without(config, 'mask_value') : config, context);
};

function without(config: JsonObject, name: string): JsonObject {
  return Object.fromEntries(Object.entries(config).filter(([key]) => key !== name));
}

function vocabulary(isWord: (value: unknown) => boolean): Option {
  return {
    fallback: null,
    check(value, context) {
      if (value === null || value === undefined) {
        return refuseLayer(
          context,
          'learnt its vocabulary with adapt(), which Keras keeps in a file of its own; pass vocabulary=layer.get_vocabulary(include_special_tokens=False) to a new layer, and save that.',
        );
      }
      if (!Array.isArray(value) || value.length === 0 || !value.every(isWord)) {
        return refuseLayer(context, 'has a vocabulary that is no list of its words.');
      }
      if (value.length > MAX_WORDS) {
        return refuseLayer(
          context,
          `has a vocabulary of ${value.length} words; at most ${MAX_WORDS} can be served.`,
        );
      }
      return value;
    },
  };
}

function lookup(isWord: (value: unknown) => boolean): LayerRule {
  const translate = rule({
    ...ENCODED,
    vocabulary: vocabulary(isWord),
    num_oov_indices: { fallback: 1, check: (v, c, o) => (v === 0 ? v : positive().check(v, c, o)) },
    mask_token: optional({
      fallback: undefined,
      check: (value, context) => maskToken(value, isWord, context),
    }),
    oov_token: ignored,
    invert: only(false),
    max_tokens: ignored,
    pad_to_max_tokens: only(false),
    vocabulary_dtype: ignored,
    vocabulary_size: ignored,
    idf_weights: only(null),
    encoding: only('utf-8', 'utf8'),
    oov_method: only('floormod', null),
    salt: only(null),
  });
  return (config, context) => {
    const translated = translate(config, context);
    const hasMask = (translated.config['mask_token'] ?? null) !== null;
    if (hasMask && translated.config['output_mode'] !== 'int') {
      refuseLayer(context, 'has a mask_token with an output_mode other than "int".');
    }
    return translated;
  };
}

function maskToken(value: unknown, isWord: (value: unknown) => boolean, context: LayerContext): unknown {
  if (value === null) return undefined;
  return isWord(value) ? value : refuseLayer(context, 'has a mask_token that is no word.');
}

const isInteger = (value: unknown): boolean => Number.isInteger(value) && Math.abs(value as number) < 2 ** 31;

export const PREPROCESSING_RULES: readonly (readonly [string, LayerRule])[] = [
  [
    'Discretization',
    rule({ ...ENCODED, bin_boundaries: boundaries, num_bins: ignored, epsilon: number(0.01) }),
  ],
  [
    'CategoryEncoding',
    rule({
      num_tokens: positive(),
      output_mode: oneOf(['multi_hot', 'one_hot', 'count']),
      sparse: only(false),
    }),
  ],
  ['Hashing', hashing],
  ['IntegerLookup', lookup(isInteger)],
  ['StringLookup', lookup((value) => typeof value === 'string')],
];

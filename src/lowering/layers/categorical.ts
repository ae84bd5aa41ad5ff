/** Numbers and words into places of a table, and places into vectors; after `keras/src/layers/preprocessing`. */
import type { Value } from '../graph-builder.js';
import { attribute } from '../graph.js';
import type { Ops } from '../ops.js';
import { refuseLowering } from '../refused.js';
import { single, type LayerCall, type LowerLayer } from './layer.js';
import { maybeNumber, numberOption, numbersOption, textOption } from './options.js';

const MODES = ['int', 'one_hot', 'multi_hot', 'count'] as const;

/** Places below `depth` in the form that `output_mode` names. @param places int32 */
function encoded(call: LayerCall, places: Value, depth: number): Value {
  const { ops } = call;
  const mode = textOption(call, 'output_mode', MODES);
  if (mode === 'int') return places;
  const last = places.shape.length - 1;
  if (mode === 'one_hot') {
    return oneHot(ops, last > 0 && places.shape[last] === 1 ? ops.squeeze(places, [last]) : places, depth);
  }
  if (last < 1) {
    refuseLowering(
      call.subject,
      `Layer "${call.subject}" (${call.className}) takes inputs of two dimensions or more.`,
    );
  }
  return ops.reduce(mode === 'count' ? 'Sum' : 'Max', oneHot(ops, places, depth), [1], false);
}

/** A place outside of the table gives zeros. */
function oneHot(ops: Ops, places: Value, depth: number): Value {
  return ops.b.value(
    'OneHot',
    [places, ops.b.ints(depth), ops.b.floats([1]), ops.b.floats([0])],
    [attribute.type('T', 'float32'), attribute.type('TI', 'int32'), attribute.int('axis', -1)],
    'float32',
    [...places.shape, depth],
  );
}

const discretization = single((x, call) => {
  const boundaries = numbersOption(call, 'bin_boundaries', []);
  const places = call.ops.b.value(
    'Bucketize',
    [x],
    [attribute.type('T', x.dtype), attribute.floats('boundaries', boundaries)],
    'int32',
    x.shape,
  );
  return encoded(call, places, boundaries.length + 1);
});

const categoryEncoding = single((x, call) =>
  encoded(call, call.ops.cast(x, 'int32'), numberOption(call, 'num_tokens', 1)),
);

function asText(ops: Ops, x: Value): Value {
  if (x.dtype === 'string') return x;
  // Keras makes whole numbers of floats first.
  const whole = x.dtype === 'float32' ? ops.cast(x, 'int64') : x;
  return ops.b.value('AsString', [whole], [attribute.type('T', whole.dtype)], 'string', x.shape);
}

/** @param salt two numbers, for the strong hash; else none */
function hashed(ops: Ops, x: Value, buckets: number, salt: readonly number[]): Value {
  const strong = salt.length > 0;
  const places = ops.b.value(
    strong ? 'StringToHashBucketStrong' : 'StringToHashBucketFast',
    [asText(ops, x)],
    [attribute.int('num_buckets', buckets), ...(strong ? [attribute.ints('key', salt)] : [])],
    'int64',
    x.shape,
  );
  return ops.cast(places, 'int32');
}

/** With a mask value, place 0 is its own. */
const hashing = single((x, call) => {
  const { ops } = call;
  const bins = numberOption(call, 'num_bins', 1);
  const given = numbersOption(call, 'salt', []);
  const salt = given.length === 1 ? [...given, ...given] : given;
  const masked = maybeNumber(call, 'mask_value');
  if (masked === null || bins === 1) return encoded(call, hashed(ops, x, bins, salt), bins);
  const mask = ops.compare('Equal', x, x.dtype === 'int32' ? ops.b.ints(masked) : ops.b.floats([masked]));
  const places = ops.add(hashed(ops, x, bins - 1, salt), 1);
  return encoded(call, ops.select(mask, ops.b.ints(0), places), bins);
});

/**
 * IntegerLookup and StringLookup: [mask,] unknown ones, then the vocabulary in its order. Each element is compared with
 * every word: the reader takes small vocabularies only, and a table would need an initialiser.
 */
const lookup = single((given, call) => {
  const { ops } = call;
  const words = call.config['vocabulary'] as readonly (number | string)[];
  const isText = given.dtype === 'string';
  const x = isText ? given : ops.cast(given, 'int32');
  const constant = (list: readonly (number | string)[]): Value =>
    isText ? ops.b.texts(list.map(String)) : ops.b.ints(list.map(Number));
  const mask = call.config['mask_token'] ?? null;
  const unknown = numberOption(call, 'num_oov_indices', 1);
  const first = unknown + (mask === null ? 0 : 1);
  const isWord = ops.compare('Equal', ops.expand(x, x.shape.length), constant(words));
  const last = x.shape.length;
  const places = ops.multiply(ops.cast(isWord, 'int32'), ops.b.ints(words.map((_, i) => first + i)));
  const isKnown = ops.anyTrue(isWord, [last]);
  let y = ops.select(isKnown, ops.reduce('Sum', places, [last], false), unknownPlaces());
  if (mask !== null) {
    y = ops.select(
      ops.compare('Equal', x, ops.squeeze(constant([mask as number | string]), [0])),
      ops.b.ints(0),
      y,
    );
  }
  return encoded(call, y, first + words.length);

  function unknownPlaces(): Value {
    const start = first - unknown;
    if (unknown === 1) return ops.b.ints(start);
    if (unknown > 1) {
      const place = isText ? hashed(ops, x, unknown, []) : ops.binary('FloorMod', x, ops.b.ints(unknown));
      return ops.add(place, start);
    }
    // Keras refuses the run; so does TensorFlow, asked for place 1 of a list of one.
    return ops.gather(ops.b.ints([0]), ops.cast(ops.not(isKnown), 'int32'), 0);
  }
});

export const CATEGORICAL_LAYERS: Readonly<Record<string, LowerLayer>> = {
  Discretization: discretization,
  CategoryEncoding: categoryEncoding,
  Hashing: hashing,
  IntegerLookup: lookup,
  StringLookup: lookup,
};

/** Attention layers; after `keras/src/layers/attention`. */
import type { Value } from '../graph-builder.js';
import type { Ops } from '../ops.js';
import { refuseLowering } from '../refused.js';
import { softmax } from './activations.js';
import type { LayerCall, LowerLayer } from './layer.js';
import { maybeNumber, numberOption, numbersOption, textOption } from './options.js';

/** What Keras adds to scores that must not count; large enough for float32. */
const EXCLUDED = -1e9;

/** True where a query may look at a key: at its own step and before. [queries, keys] */
function causal(ops: Ops, queries: Value, keys: Value): Value {
  const range = (length: Value): Value =>
    ops.b.value('Range', [ops.b.ints(0), length, ops.b.ints(1)], [], 'int32', [null]);
  return ops.compare('GreaterEqual', ops.expand(range(queries), 1), ops.expand(range(keys), 0));
}

/** Attention and AdditiveAttention: [query, value, key?]. A query's mask zeroes its outputs, a value's hides it. */
function attention(score: (call: LayerCall, query: Value, key: Value) => Value): LowerLayer {
  return (call) => {
    const { ops } = call;
    const [query, value, given] = call.inputs;
    if (query === undefined || value === undefined) {
      return refuseLowering(
        call.subject,
        `Layer "${call.subject}" (${call.className}) takes a query and a value.`,
      );
    }
    const key = given ?? value;
    let scores = score(call, query, key);
    const [queryMask = null, valueMask = null] = call.masks;
    const allowed: Value[] = [];
    if (valueMask !== null) allowed.push(ops.expand(valueMask, 1));
    if (call.option('use_causal_mask') === true) {
      allowed.push(ops.expand(causal(ops, ops.dimension(scores, 1), ops.dimension(scores, 2)), 0));
    }
    if (allowed.length > 0) {
      const mask = allowed.reduce((x, y) => ops.and(x, y));
      scores = ops.subtract(scores, ops.multiply(ops.cast(ops.not(mask), 'float32'), -EXCLUDED));
    }
    const weights = softmax(ops, scores, 2);
    const mixed = ops.batchMatMul(weights, value);
    const output =
      queryMask === null ? mixed : ops.multiply(mixed, ops.expand(ops.cast(queryMask, 'float32'), 2));
    const returnsScores = call.option('return_attention_scores') === true;
    return { outputs: returnsScores ? [output, weights] : [output], mask: queryMask };
  };
}

/** Query · key, or with score_mode "concat" a sum of tangents. */
const dotScore = (call: LayerCall, query: Value, key: Value): Value => {
  const { ops } = call;
  const mode = textOption(call, 'score_mode', ['dot', 'concat']);
  const scale = call.hasWeight('scale') ? call.weight('scale') : null;
  if (mode === 'dot') {
    const scores = ops.batchMatMul(query, key, { y: true });
    return scale === null ? scores : ops.multiply(scores, scale);
  }
  const sum = ops.add(ops.expand(query, 2), ops.expand(key, 1));
  const inner = ops.unary('Tanh', scale === null ? sum : ops.multiply(sum, scale));
  const total = ops.reduce('Sum', inner, [3], false);
  return call.hasWeight('concat_score_weight')
    ? ops.multiply(total, call.weight('concat_score_weight'))
    : total;
};

const additiveScore = (call: LayerCall, query: Value, key: Value): Value => {
  const { ops } = call;
  const inner = ops.unary('Tanh', ops.add(ops.expand(query, 2), ops.expand(key, 1)));
  return ops.reduce(
    'Sum',
    call.hasWeight('scale') ? ops.multiply(inner, call.weight('scale')) : inner,
    [3],
    false,
  );
};

/** x [batch, time, in] by a kernel [in, heads, size] -> [batch, heads, time, size]. */
function heads(call: LayerCall, x: Value, name: string): Value {
  const { ops } = call;
  const kernel = call.weight(`${name}/kernel`);
  const [inside = 1, count = 1, size = 1] = kernel.shape.map((d) => d ?? 1);
  const flat = ops.reshape(
    ops.matMul(ops.reshape(x, [null, inside]), ops.reshape(kernel, [inside, count * size])),
    [null, count * size],
  );
  const biased = call.hasWeight(`${name}/bias`)
    ? ops.biasAdd(flat, ops.reshape(call.weight(`${name}/bias`), [count * size]))
    : flat;
  const time = x.shape[1] ?? null;
  const shape = [x.shape[0] ?? null, time, count, size];
  const apart =
    time !== null
      ? ops.reshape(biased, shape)
      : ops.reshape(biased, shape, [ops.dimension(x, 0), ops.dimension(x, 1), count, size]);
  return ops.transpose(apart, [0, 2, 1, 3]);
}

/** Multi-head attention: [query, value] and perhaps a key; heads side by side, scaled by 1/sqrt(size of a key). */
const multiHead: LowerLayer = (call) => {
  const { ops, subject } = call;
  const [query, value] = [call.inputs[0], call.inputs[1] ?? call.named('value')[0]];
  if (query === undefined || value === undefined) {
    return refuseLowering(subject, `Layer "${subject}" (MultiHeadAttention) takes a query and a value.`);
  }
  const key = call.inputs[2] ?? call.named('key')[0] ?? value;
  if (query.shape.length !== 3 || numbersOption(call, 'attention_axes', [1]).join() !== '1') {
    refuseLowering(subject, `Layer "${subject}" (${call.className}) attends along several axes.`);
  }
  const size = numberOption(call, 'key_dim', numberOption(call, 'head_dim', 1));
  const q = ops.multiply(heads(call, query, 'query'), 1 / Math.sqrt(size));
  const wide = (x: Value): Value => shareHeads(call, x);
  const [k, v] = [wide(heads(call, key, 'key')), wide(heads(call, value, 'value'))];
  let scores = ops.batchMatMul(q, k, { y: true });
  const allowed: Value[] = [];
  const [given] = call.named('attention_mask');
  if (given !== undefined) allowed.push(ops.expand(ops.cast(given, 'bool'), 1));
  const [queryMask = null, valueMask = null, keyMask = null] = call.masks;
  if (queryMask !== null) allowed.push(ops.expand(ops.expand(queryMask, 1), 3));
  for (const mask of [valueMask, keyMask]) {
    if (mask !== null) allowed.push(ops.expand(ops.expand(mask, 1), 1));
  }
  if (call.option('use_causal_mask') === true) {
    allowed.push(causal(ops, ops.dimension(scores, 2), ops.dimension(scores, 3)));
  }
  if (allowed.length > 0) {
    const mask = allowed.reduce((x, y) => ops.and(x, y));
    scores = ops.add(scores, ops.multiply(ops.subtract(ops.cast(mask, 'float32'), 1), -EXCLUDED));
  }
  const weights = softmax(ops, scores, 3);
  const mixed = ops.transpose(ops.batchMatMul(weights, v), [0, 2, 1, 3]);
  const kernel = call.weight('output/kernel');
  const [count = 1, each = 1, outside = 1] = kernel.shape.map((d) => d ?? 1);
  const rows = ops.matMul(
    ops.reshape(mixed, [null, count * each]),
    ops.reshape(kernel, [count * each, outside]),
  );
  const biased = call.hasWeight('output/bias') ? ops.biasAdd(rows, call.weight('output/bias')) : rows;
  const time = query.shape[1] ?? null;
  const shape = [query.shape[0] ?? null, time, outside];
  const output =
    time !== null
      ? ops.reshape(biased, shape)
      : ops.reshape(biased, shape, [ops.dimension(query, 0), ops.dimension(query, 1), outside]);
  const returnsScores = call.option('return_attention_scores') === true;
  return { outputs: returnsScores ? [output, weights] : [output], mask: queryMask };
};

/** Grouped-query attention has fewer heads of keys and values: each serves several queries. */
function shareHeads(call: LayerCall, x: Value): Value {
  const { ops } = call;
  const [queries, keys] = [maybeNumber(call, 'num_query_heads'), maybeNumber(call, 'num_key_value_heads')];
  if (queries === null || keys === null || queries === keys) return x;
  const times = queries / keys;
  const [batch = null, , time = null, size = null] = x.shape;
  const tiled = ops.tile(ops.expand(x, 2), [1, 1, times, 1, 1]);
  return ops.reshape(
    tiled,
    [batch, queries, time, size],
    [ops.dimension(x, 0), queries, ops.dimension(x, 2), size ?? -1],
  );
}

export const ATTENTION_LAYERS: Readonly<Record<string, LowerLayer>> = {
  Attention: attention(dotScore),
  AdditiveAttention: attention(additiveScore),
  MultiHeadAttention: multiHead,
  GroupQueryAttention: multiHead,
};

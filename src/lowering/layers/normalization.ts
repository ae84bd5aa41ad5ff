/** Normalisations, as they are at inference; after `keras/src/layers/normalization`. */
import type { Value } from '../graph-builder.js';
import type { Ops } from '../ops.js';
import { refuseLowering } from '../refused.js';
import { axisOf, knownDimension } from '../shapes.js';
import { single, type LayerCall, type LowerLayer } from './layer.js';
import { flagOption, numberOption, numbersOption } from './options.js';

/** A list of numbers for one axis, in a shape that broadcasts along it. */
function along(ops: Ops, list: Value, axis: number, rank: number): Value {
  if (axis === rank - 1) return list;
  return ops.reshape(
    list,
    Array.from({ length: rank }, (_, i) => (i === axis ? (list.shape[0] ?? null) : 1)),
  );
}

/**
 * gamma (x - mean) / sqrt(variance + epsilon) + beta, as one product and one sum: what depends on the weights alone
 * is folded into constants before the first run.
 */
const batchNormalization = single((x, call) => {
  const { ops } = call;
  const rank = x.shape.length;
  const [given = -1] = numbersOption(call, 'axis', [-1]);
  const axis = axisOf(given, rank, call.subject);
  const epsilon = numberOption(call, 'epsilon', 1e-3);
  const inverse = ops.unary('Rsqrt', ops.add(call.weight('moving_variance'), epsilon));
  const scale = call.hasWeight('gamma') ? ops.multiply(inverse, call.weight('gamma')) : inverse;
  const moved = ops.multiply(call.weight('moving_mean'), scale);
  const shift = call.hasWeight('beta') ? ops.subtract(call.weight('beta'), moved) : ops.unary('Neg', moved);
  return ops.add(ops.multiply(x, along(ops, scale, axis, rank)), along(ops, shift, axis, rank));
});

/** Weights that span several axes, in a shape that broadcasts: 1 for every other axis. */
function spanning(ops: Ops, weight: Value, axes: readonly number[], rank: number): Value {
  const shape = Array.from({ length: rank }, (_, i) =>
    axes.includes(i) ? (weight.shape[axes.indexOf(i)] ?? null) : 1,
  );
  return ops.reshape(weight, shape);
}

const layerNormalization = single((x, call) => {
  const { ops } = call;
  const rank = x.shape.length;
  const axes = numbersOption(call, 'axis', [-1])
    .map((axis) => axisOf(axis, rank, call.subject))
    .sort((a, b) => a - b);
  const epsilon = numberOption(call, 'epsilon', 1e-3);
  const centred = ops.subtract(x, ops.reduce('Mean', x, axes, true));
  const variance = ops.reduce('Mean', ops.unary('Square', centred), axes, true);
  // With rms_scaling Keras divides by the deviation and leaves the mean in.
  const numerator = flagOption(call, 'rms_scaling', false) ? x : centred;
  let y = ops.multiply(numerator, ops.unary('Rsqrt', ops.add(variance, epsilon)));
  if (call.hasWeight('gamma')) y = ops.multiply(y, spanning(ops, call.weight('gamma'), axes, rank));
  if (call.hasWeight('beta')) y = ops.add(y, spanning(ops, call.weight('beta'), axes, rank));
  return y;
});

/** x / sqrt(mean(x²) + epsilon) · scale. */
const rmsNormalization = single((x, call) => {
  const { ops } = call;
  const rank = x.shape.length;
  const axes = numbersOption(call, 'axis', [-1]).map((axis) => axisOf(axis, rank, call.subject));
  const square = ops.reduce('Mean', ops.unary('Square', x), axes, true);
  const y = ops.multiply(x, ops.unary('Rsqrt', ops.add(square, numberOption(call, 'epsilon', 1e-6))));
  return call.hasWeight('scale') ? ops.multiply(y, spanning(ops, call.weight('scale'), axes, rank)) : y;
});

/** Channels in groups; each group of each row has mean 0 and variance 1. */
const groupNormalization = single((x, call) => {
  const { ops } = call;
  const rank = x.shape.length;
  const [given = -1] = numbersOption(call, 'axis', [-1]);
  const axis = axisOf(given, rank, call.subject);
  const channels = knownDimension(x.shape, axis, call.subject);
  const wanted = numberOption(call, 'groups', 32);
  const groups = wanted === -1 ? channels : wanted;
  if (groups < 1 || channels % groups !== 0) {
    refuseLowering(
      call.subject,
      `Layer "${call.subject}" divides ${channels} channels into ${groups} groups.`,
    );
  }
  const shape = [...x.shape.slice(0, axis), groups, channels / groups, ...x.shape.slice(axis + 1)];
  const apart = inShape(ops, x, shape, axis);
  const axes = shape.map((_, i) => i).filter((i) => i !== 0 && i !== axis);
  const mean = ops.reduce('Mean', apart, axes, true);
  const centred = ops.subtract(apart, mean);
  const variance = ops.reduce('Mean', ops.unary('Square', centred), axes, true);
  const normal = ops.multiply(
    centred,
    ops.unary('Rsqrt', ops.add(variance, numberOption(call, 'epsilon', 1e-3))),
  );
  let y = joined(ops, normal, x);
  if (call.hasWeight('gamma')) y = ops.multiply(y, along(ops, call.weight('gamma'), axis, rank));
  if (call.hasWeight('beta')) y = ops.add(y, along(ops, call.weight('beta'), axis, rank));
  return y;
});

/** Splits one axis in two; open dimensions are taken from the run. */
function inShape(ops: Ops, x: Value, shape: readonly (number | null)[], axis: number): Value {
  if (shape.filter((size) => size === null).length <= 1) return ops.reshape(x, shape);
  return ops.reshape(
    x,
    shape,
    shape.map((size, i) => size ?? ops.dimension(x, i > axis ? i - 1 : i)),
  );
}

function joined(ops: Ops, y: Value, like: Value): Value {
  if (like.shape.filter((size) => size === null).length <= 1) return ops.reshape(y, like.shape);
  return ops.reshape(
    y,
    like.shape,
    like.shape.map((size, i) => size ?? ops.dimension(like, i)),
  );
}

/** Each vector along the axes divided by its length, which counts as 1e-12 at least under the root. */
const unitNormalization = single((x, call) => {
  const { ops } = call;
  const axes = numbersOption(call, 'axis', [-1]).map((axis) => axisOf(axis, x.shape.length, call.subject));
  const square = ops.reduce('Sum', ops.unary('Square', x), axes, true);
  return ops.multiply(x, ops.unary('Rsqrt', ops.binary('Maximum', square, ops.b.floats([1e-12]))));
});

/**
 * (x - mean) / max(sqrt(variance), 1e-7), or its inverse. The numbers are weights, or stand in the options when the
 * author gave them.
 */
const normalization: LowerLayer = single((x, call) => {
  const { ops } = call;
  const rank = x.shape.length;
  const axes = numbersOption(call, 'axis', (call.config['axis'] ?? -1) === null ? [] : [-1]).map((axis) =>
    axisOf(axis, rank, call.subject),
  );
  const mean = statistic(call, 'mean', axes, rank);
  const deviation = ops.binary(
    'Maximum',
    ops.unary('Sqrt', statistic(call, 'variance', axes, rank)),
    ops.b.floats([1e-7]),
  );
  if (flagOption(call, 'invert', false)) return ops.add(mean, ops.multiply(x, deviation));
  return ops.divide(ops.subtract(x, mean), deviation);
});

function statistic(call: LayerCall, name: 'mean' | 'variance', axes: readonly number[], rank: number): Value {
  if (call.hasWeight(name)) return spanning(call.ops, call.weight(name), axes, rank);
  const numbers = numbersOption(call, name, []);
  if (numbers.length === 0)
    refuseLowering(call.subject, `Layer "${call.subject}" (Normalization) has no ${name}.`);
  if (numbers.length === 1) return call.ops.b.floats([numbers[0] ?? 0], []);
  return spanning(call.ops, call.ops.b.floats(numbers), axes, rank);
}

export const NORMALIZATION_LAYERS: Readonly<Record<string, LowerLayer>> = {
  BatchNormalization: batchNormalization,
  LayerNormalization: layerNormalization,
  RMSNormalization: rmsNormalization,
  GroupNormalization: groupNormalization,
  UnitNormalization: unitNormalization,
  Normalization: normalization,
};

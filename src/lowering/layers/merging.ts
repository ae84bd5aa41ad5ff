/** Layers of several inputs; after `keras/src/layers/merging`. */
import type { Value } from '../graph-builder.js';
import type { Ops } from '../ops.js';
import { refuseLowering } from '../refused.js';
import { axisOf } from '../shapes.js';
import type { LayerCall, LowerLayer } from './layer.js';
import { flagOption, numberOption, numbersOption } from './options.js';

/** Inputs of lower rank get axes behind their batch, as Keras does it. */
function alike(call: LayerCall): readonly Value[] {
  const rank = Math.max(...call.inputs.map(({ shape }) => shape.length));
  return call.inputs.map((x) => {
    let y = x;
    while (y.shape.length < rank) y = call.ops.expand(y, 1);
    return y;
  });
}

function folding(
  fold: (ops: Ops, x: Value, y: Value) => Value,
  finish?: (ops: Ops, y: Value, count: number) => Value,
): LowerLayer {
  return (call) => {
    const y = alike(call).reduce((sum, x) => fold(call.ops, sum, x));
    return { outputs: [finish === undefined ? y : finish(call.ops, y, call.inputs.length)] };
  };
}

const subtract: LowerLayer = (call) => {
  const [x, y, ...more] = alike(call);
  if (x === undefined || y === undefined || more.length > 0) {
    return refuseLowering(call.subject, `Layer "${call.subject}" (Subtract) takes two inputs.`);
  }
  return { outputs: [call.ops.subtract(x, y)] };
};

const concatenate: LowerLayer = (call) => {
  const rank = call.inputs[0]?.shape.length ?? 1;
  const axis = axisOf(numberOption(call, 'axis', -1), rank, call.subject);
  return { outputs: [call.ops.concat(call.inputs, axis)] };
};

/** Sums over one axis of each; every other axis but the batch is kept, the first input's first. */
const dot: LowerLayer = (call) => {
  const { ops } = call;
  const [x, y] = call.inputs;
  if (x === undefined || y === undefined) {
    return refuseLowering(call.subject, `Layer "${call.subject}" (Dot) takes two inputs.`);
  }
  const given = numbersOption(call, 'axes', []);
  const [left, right] = [x, y].map((value, i) =>
    axisOf(given[i] ?? given[0] ?? -1, value.shape.length, call.subject),
  ) as [number, number];
  const unit = (value: Value, axis: number): Value => {
    if (!flagOption(call, 'normalize', false)) return value;
    const square = ops.reduce('Sum', ops.unary('Square', value), [axis], true);
    return ops.multiply(value, ops.unary('Rsqrt', ops.binary('Maximum', square, ops.b.floats([1e-12]))));
  };
  if (x.shape.length > 3 || y.shape.length > 3) {
    refuseLowering(call.subject, `Layer "${call.subject}" (Dot) has inputs of more than three dimensions.`);
  }
  // Both as [batch, kept, summed].
  const matrix = (value: Value, axis: number): Value => {
    if (value.shape.length === 2) return ops.expand(value, 1);
    return axis === 2 ? value : ops.transpose(value, [0, 2, 1]);
  };
  const product = ops.batchMatMul(matrix(unit(x, left), left), matrix(unit(y, right), right), { y: true });
  const [lineX, lineY] = [x.shape.length === 2, y.shape.length === 2];
  // Two lines give one number a row, which Keras keeps as a list of one.
  if (lineX) return { outputs: [ops.squeeze(product, [1])] };
  return { outputs: [lineY ? ops.squeeze(product, [2]) : product] };
};

export const MERGING_LAYERS: Readonly<Record<string, LowerLayer>> = {
  Add: folding((ops, x, y) => ops.add(x, y)),
  Subtract: subtract,
  Multiply: folding((ops, x, y) => ops.multiply(x, y)),
  Average: folding(
    (ops, x, y) => ops.add(x, y),
    (ops, sum, count) => ops.divide(sum, count),
  ),
  Maximum: folding((ops, x, y) => ops.binary('Maximum', x, y)),
  Minimum: folding((ops, x, y) => ops.binary('Minimum', x, y)),
  Concatenate: concatenate,
  Dot: dot,
};

/** Activation functions, after `keras/src/activations/activations.py` and `keras/src/ops/nn.py` of Keras 3. */
import type { Value } from '../graph-builder.js';
import { attribute } from '../graph.js';
import type { Ops, Unary } from '../ops.js';
import { refuseLowering } from '../refused.js';
import { axisOf } from '../shapes.js';
import { single, type LayerCall, type LowerLayer } from './layer.js';
import { maybeNumber, numberOption, numbersOption } from './options.js';

type Activation = (x: Value, ops: Ops) => Value;

const native = (op: Unary): Activation => {
  return (x, ops) => ops.unary(op, x);
};

/** `min(max(x, low), high)`. */
export function clip(ops: Ops, x: Value, low: number, high: number): Value {
  return ops.binary('Minimum', ops.binary('Maximum', x, ops.b.floats([low])), ops.b.floats([high]));
}

export function leakyRelu(ops: Ops, x: Value, slope: number): Value {
  return ops.b.value(
    'LeakyRelu',
    [x],
    [attribute.type('T', x.dtype), attribute.float('alpha', slope)],
    x.dtype,
    x.shape,
  );
}

/** Over any axis: TensorFlow's own works on the last. */
export function softmax(ops: Ops, x: Value, axis: number, op: 'Softmax' | 'LogSoftmax' = 'Softmax'): Value {
  const rank = x.shape.length;
  if (axis === rank - 1) return ops.unary(op, x);
  const order = Array.from({ length: rank }, (_, i) => (i === axis ? rank - 1 : i === rank - 1 ? axis : i));
  return ops.transpose(ops.unary(op, ops.transpose(x, order)), order);
}

const sigmoid = native('Sigmoid');
const hardSigmoid: Activation = (x, ops) => ops.multiply(ops.unary('Relu6', ops.add(x, 3)), 1 / 6);
const swish: Activation = (x, ops) => ops.multiply(x, ops.unary('Sigmoid', x));
const where = (ops: Ops, condition: Value, x: Value, y: Value | number): Value =>
  ops.select(condition, x, typeof y === 'number' ? ops.b.floats([y]) : y);

function gelu(approximate: boolean): Activation {
  return (x, ops) => {
    if (!approximate) {
      return ops.multiply(ops.multiply(x, 0.5), ops.add(ops.unary('Erf', ops.multiply(x, Math.SQRT1_2)), 1));
    }
    const cube = ops.multiply(ops.multiply(x, x), x);
    const inner = ops.multiply(ops.add(x, ops.multiply(cube, 0.044715)), Math.sqrt(2 / Math.PI));
    return ops.multiply(ops.multiply(x, 0.5), ops.add(ops.unary('Tanh', inner), 1));
  };
}

/** As Keras computes it: over the last axis, with the threshold from the sum of all running sums in the support. */
function sparsemax(x: Value, ops: Ops): Value {
  const axis = x.shape.length - 1;
  const size = x.shape[axis] ?? null;
  if (size === null)
    return refuseLowering('sparsemax', 'The activation "sparsemax" needs a fixed number of channels.');
  const sorted = ops.b.value(
    'TopKV2',
    [x, ops.b.ints(size)],
    [attribute.type('T', x.dtype), attribute.bool('sorted', true)],
    x.dtype,
    x.shape,
  );
  const sums = ops.b.value(
    'Cumsum',
    [sorted, ops.b.ints(axis)],
    [
      attribute.type('T', x.dtype),
      attribute.type('Tidx', 'int32'),
      attribute.bool('exclusive', false),
      attribute.bool('reverse', false),
    ],
    x.dtype,
    x.shape,
  );
  const places = ops.b.floats(Array.from({ length: size }, (_, i) => i + 1));
  const rest = ops.subtract(sorted, ops.divide(ops.subtract(sums, 1), places));
  const support = ops.cast(ops.compare('Greater', rest, ops.b.floats([0])), 'float32');
  const total = ops.reduce('Sum', ops.multiply(sums, support), [axis], true);
  const threshold = ops.divide(ops.subtract(total, 1), ops.reduce('Sum', support, [axis], true));
  return ops.unary('Relu', ops.subtract(x, threshold));
}

const ACTIVATIONS: ReadonlyMap<string, Activation> = new Map<string, Activation>([
  ['linear', (x) => x],
  ['relu', native('Relu')],
  ['relu6', native('Relu6')],
  ['elu', native('Elu')],
  ['selu', native('Selu')],
  ['sigmoid', sigmoid],
  ['softplus', native('Softplus')],
  ['softsign', native('Softsign')],
  ['tanh', native('Tanh')],
  ['exponential', native('Exp')],
  ['softmax', (x, ops) => softmax(ops, x, x.shape.length - 1)],
  ['log_softmax', (x, ops) => softmax(ops, x, x.shape.length - 1, 'LogSoftmax')],
  ['swish', swish],
  ['silu', swish],
  ['gelu', gelu(false)],
  ['gelu_approximate', gelu(true)],
  ['mish', (x, ops) => ops.multiply(x, ops.unary('Tanh', ops.unary('Softplus', x)))],
  ['leaky_relu', (x, ops) => leakyRelu(ops, x, 0.2)],
  // Keras 2 and tfjs-layers; Keras 3 computes relu6(x + 3) / 6 under this name.
  ['hard_sigmoid_keras3', hardSigmoid],
  ['hard_sigmoid', (x, ops) => clip(ops, ops.add(ops.multiply(x, 0.2), 0.5), 0, 1)],
  ['hard_silu', (x, ops) => ops.multiply(x, hardSigmoid(x, ops))],
  ['hard_swish', (x, ops) => ops.multiply(x, hardSigmoid(x, ops))],
  ['hard_tanh', (x, ops) => clip(ops, x, -1, 1)],
  [
    'hard_shrink',
    (x, ops) => where(ops, ops.compare('Greater', ops.unary('Abs', x), ops.b.floats([0.5])), x, 0),
  ],
  [
    'soft_shrink',
    (x, ops) => ops.multiply(ops.unary('Sign', x), ops.unary('Relu', ops.subtract(ops.unary('Abs', x), 0.5))),
  ],
  ['tanh_shrink', (x, ops) => ops.subtract(x, ops.unary('Tanh', x))],
  ['log_sigmoid', (x, ops) => ops.unary('Neg', ops.unary('Softplus', ops.unary('Neg', x)))],
  // (x + sqrt(x² + b)) / 2 with b = 4.
  [
    'squareplus',
    (x, ops) => ops.multiply(ops.add(x, ops.unary('Sqrt', ops.add(ops.unary('Square', x), 4))), 0.5),
  ],
  [
    'sparse_plus',
    (x, ops) => {
      const middle = ops.multiply(ops.unary('Square', ops.add(x, 1)), 0.25);
      const above = where(ops, ops.compare('Less', x, ops.b.floats([1])), middle, x);
      return ops.select(ops.compare('LessEqual', x, ops.b.floats([-1])), ops.b.floats([0]), above);
    },
  ],
  ['sparse_sigmoid', (x, ops) => clip(ops, ops.multiply(ops.add(x, 1), 0.5), 0, 1)],
  ['celu', (x, ops) => ops.unary('Elu', x)],
  [
    'glu',
    (x, ops) => {
      const size = x.shape.at(-1) ?? null;
      if (size === null || size % 2 !== 0)
        return refuseLowering('glu', 'The activation "glu" halves an even number of channels.');
      const begin = (from: number) => x.shape.map((_, i) => (i === x.shape.length - 1 ? from : 0));
      const half = x.shape.map((_, i) => (i === x.shape.length - 1 ? size / 2 : -1));
      return ops.multiply(
        ops.slice(x, begin(0), half),
        ops.unary('Sigmoid', ops.slice(x, begin(size / 2), half)),
      );
    },
  ],
  ['sparsemax', sparsemax],
  ['threshold', (x, ops) => where(ops, ops.compare('Greater', x, ops.b.floats([0])), x, 0)],
]);

export const LOWERED_ACTIVATIONS: readonly string[] = [...ACTIVATIONS.keys()];

/** Applies the activation that the option names. */
export function activate(
  call: Pick<LayerCall, 'config' | 'subject' | 'className' | 'ops'>,
  x: Value,
  option = 'activation',
  fallback = 'linear',
): Value {
  const name = call.config[option] ?? fallback;
  const known = ACTIVATIONS.get(String(name));
  if (known === undefined) {
    return refuseLowering(
      call.subject,
      `Layer "${call.subject}" (${call.className}) uses the activation ${JSON.stringify(name)}.`,
    );
  }
  return known(x, call.ops);
}

const relu: LowerLayer = single((x, call) => {
  const [slope, threshold, highest] = [
    numberOption(call, 'negative_slope', 0),
    numberOption(call, 'threshold', 0),
    maybeNumber(call, 'max_value'),
  ];
  const { ops } = call;
  if (threshold === 0 && slope === 0 && highest === 6) return ops.unary('Relu6', x);
  let y: Value;
  if (threshold === 0) y = slope === 0 ? ops.unary('Relu', x) : leakyRelu(ops, x, slope);
  else {
    const below = slope === 0 ? ops.b.floats([0]) : ops.multiply(ops.subtract(x, threshold), slope);
    y = ops.select(ops.compare('Less', x, ops.b.floats([threshold])), below, x);
  }
  return highest === null ? y : ops.binary('Minimum', y, ops.b.floats([highest]));
});

const elu = single((x, call) => {
  const alpha = numberOption(call, 'alpha', 1);
  const { ops } = call;
  if (alpha === 1) return ops.unary('Elu', x);
  return ops.select(
    ops.compare('Greater', x, ops.b.floats([0])),
    x,
    ops.multiply(ops.unary('Expm1', x), alpha),
  );
});

const prelu = single((x, call) => {
  const { ops } = call;
  const negative = ops.multiply(call.weight('alpha'), ops.unary('Relu', ops.unary('Neg', x)));
  return ops.subtract(ops.unary('Relu', x), negative);
});

const softmaxLayer = single((x, call) => {
  const axes = numbersOption(call, 'axis', [-1]).map((axis) => axisOf(axis, x.shape.length, call.subject));
  const [only] = axes;
  if (axes.length === 1 && only !== undefined) return softmax(call.ops, x, only);
  // exp(x - logsumexp(x)) over several axes.
  const { ops } = call;
  const raised = ops.unary('Exp', ops.subtract(x, ops.reduce('Max', x, axes, true)));
  return ops.divide(raised, ops.reduce('Sum', raised, axes, true));
});

export const ACTIVATION_LAYERS: Readonly<Record<string, LowerLayer>> = {
  Activation: single((x, call) => activate(call, x)),
  ReLU: relu,
  LeakyReLU: single((x, call) =>
    leakyRelu(call.ops, x, numberOption(call, 'alpha', numberOption(call, 'negative_slope', 0.3))),
  ),
  ELU: elu,
  PReLU: prelu,
  ThresholdedReLU: single((x, call) =>
    where(
      call.ops,
      call.ops.compare('Greater', x, call.ops.b.floats([numberOption(call, 'theta', 1)])),
      x,
      0,
    ),
  ),
  Softmax: softmaxLayer,
};

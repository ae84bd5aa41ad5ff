/**
 * Convolutions over one to three dimensions. One dimension is two with a height of one. Kernels have Keras's
 * shapes, which are TensorFlow's: [window…, in, out].
 */
import type { Value } from '../graph-builder.js';
import { attribute, type Shape } from '../graph.js';
import type { Ops } from '../ops.js';
import { refuseLowering } from '../refused.js';
import { knownDimension, knownProduct, product, transposedCount, windowCount } from '../shapes.js';
import { activate } from './activations.js';
import { withChannelsLast } from './channels.js';
import { single, type LayerCall, type LowerLayer } from './layer.js';
import { flagOption, numberOption, numbersOption, sizesOption, textOption } from './options.js';

/** More would make a graph of thousands of nodes; a depthwise layer does such work in one. */
const MAX_GROUPS = 256;

type Padding = 'SAME' | 'VALID';

interface Window {
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly padding: Padding;
}

/** x [batch, size…, in] with a kernel [window…, in, out], of two or three dimensions. */
export function convolve(ops: Ops, x: Value, kernel: Value, { strides, dilations, padding }: Window): Value {
  const rank = strides.length;
  // One number for a kernel: with a bias behind it, oneDNN of TensorFlow 2.21 fails on a single row.
  if (knownProduct(kernel.shape) === 1 && strides.every((stride) => stride === 1)) {
    return ops.multiply(x, ops.reshape(kernel, [1]));
  }
  // TensorFlow's three-dimensional kernel knows no dilation on a CPU: the window itself is widened then.
  const widens = rank === 3 && dilations.some((size) => size > 1);
  const window = widens ? dilate(ops, kernel, dilations) : kernel;
  const steps = widens ? dilations.map(() => 1) : dilations;
  const spatial = strides.map((stride, i) =>
    windowCount(x.shape[i + 1] ?? null, window.shape[i] ?? 1, stride, padding, steps[i]),
  );
  return ops.b.value(
    rank === 3 ? 'Conv3D' : 'Conv2D',
    [x, window],
    [
      attribute.type('T', x.dtype),
      attribute.ints('strides', [1, ...strides, 1]),
      attribute.ints('dilations', [1, ...steps, 1]),
      attribute.text('padding', padding),
      attribute.text('data_format', rank === 3 ? 'NDHWC' : 'NHWC'),
    ],
    x.dtype,
    [x.shape[0] ?? null, ...spatial, kernel.shape[rank + 1] ?? null],
  );
}

/** Puts zeros between the elements of a window: [k, …, in, out] -> [(k - 1) d + 1, …, in, out]. */
export function dilate(ops: Ops, kernel: Value, dilations: readonly number[]): Value {
  // One axis after the other: all at once would have more dimensions than TensorFlow pads.
  return dilations.reduce(
    (window, step, axis) => (step === 1 ? window : spread(ops, window, axis, step)),
    kernel,
  );
}

function spread(ops: Ops, x: Value, axis: number, step: number): Value {
  const sizes = x.shape.map((size) => size ?? 1);
  const [before, size, after] = [sizes.slice(0, axis), sizes[axis] ?? 1, sizes.slice(axis + 1)];
  const [outer, inner] = [product(before), product(after)];
  const filled = ops.pad(ops.reshape(x, [outer, size, 1, inner]), [
    [0, 0],
    [0, 0],
    [0, step - 1],
    [0, 0],
  ]);
  const joined = ops.reshape(filled, [outer, size * step, inner]);
  const length = (size - 1) * step + 1;
  return ops.reshape(ops.slice(joined, [0, 0, 0], [outer, length, inner]), [...before, length, ...after]);
}

function grouped(ops: Ops, x: Value, kernel: Value, window: Window, groups: number, subject: string): Value {
  if (groups === 1) return convolve(ops, x, kernel, window);
  if (groups > MAX_GROUPS) {
    refuseLowering(subject, `Layer "${subject}" has ${groups} groups; at most ${MAX_GROUPS} are lowered.`);
  }
  const last = x.shape.length - 1;
  const inside = kernel.shape[last - 1] ?? 0;
  const outside = (kernel.shape[last] ?? 0) / groups;
  const part = (value: Value, at: number, size: number): Value =>
    ops.slice(
      value,
      value.shape.map((_, i) => (i === last ? at * size : 0)),
      value.shape.map((_, i) => (i === last ? size : -1)),
    );
  return ops.concat(
    Array.from({ length: groups }, (_, at) =>
      convolve(ops, part(x, at, inside), part(kernel, at, outside), window),
    ),
    last,
  );
}

export function windowOf(call: LayerCall, rank: number): Window & { readonly isCausal: boolean } {
  const padding = textOption(call, 'padding', ['valid', 'same', 'causal']);
  return {
    strides: sizesOption(call, 'strides', rank, 1),
    dilations: sizesOption(call, 'dilation_rate', rank, 1),
    padding: padding === 'same' ? 'SAME' : 'VALID',
    isCausal: padding === 'causal',
  };
}

/** A line as a picture of height one. */
export function raise(
  ops: Ops,
  x: Value,
  kernel: Value,
  window: Window,
): { x: Value; kernel: Value; window: Window } {
  return {
    x: ops.expand(x, 1),
    kernel: ops.expand(kernel, 0),
    window: { ...window, strides: [1, ...window.strides], dilations: [1, ...window.dilations] },
  };
}

function finish(call: LayerCall, y: Value): Value {
  return activate(call, flagOption(call, 'use_bias', true) ? call.ops.biasAdd(y, call.weight('bias')) : y);
}

function convolution(rank: 1 | 2 | 3): LowerLayer {
  return single((given, call) =>
    withChannelsLast(call, given, (x) => {
      const { ops } = call;
      const window = windowOf(call, rank);
      const kernel = call.weight('kernel');
      const groups = numberOption(call, 'groups', 1);
      const before = ((kernel.shape[0] ?? 1) - 1) * (window.dilations[0] ?? 1);
      const padded = window.isCausal ? ops.pad(x, [[0, 0], [before, 0], [0, 0]]) : x; // prettier-ignore
      if (rank > 1) return finish(call, grouped(ops, padded, kernel, window, groups, call.subject));
      const flat = raise(ops, padded, kernel, window);
      const y = grouped(ops, flat.x, flat.kernel, flat.window, groups, call.subject);
      return finish(call, ops.squeeze(y, [1]));
    }),
  );
}

/** x [batch, rows, columns, in] with a kernel [rows, columns, in, multiplier]. */
function convolveDepthwise(call: LayerCall, x: Value, given: Value, window: Window): Value {
  const { ops } = call;
  const [rows = 1, columns = 1] = window.strides;
  const { subject } = call;
  // A height of one may take any step; elsewhere TensorFlow takes one step for both.
  const stride = x.shape[1] === 1 ? columns : rows;
  if (stride !== columns) {
    refuseLowering(
      subject,
      `Layer "${subject}" steps ${rows} rows and ${columns} columns; TensorFlow steps equally.`,
    );
  }
  const kernel = window.dilations.some((size) => size > 1) ? dilate(ops, given, window.dilations) : given;
  const [inside, multiplier] = [kernel.shape[2] ?? 1, kernel.shape[3] ?? 1];
  return ops.b.value(
    'DepthwiseConv2dNative',
    [x, kernel],
    [
      attribute.type('T', x.dtype),
      attribute.ints('strides', [1, stride, stride, 1]),
      attribute.text('padding', window.padding),
      attribute.text('data_format', 'NHWC'),
    ],
    x.dtype,
    [
      x.shape[0] ?? null,
      ...[0, 1].map((i) => windowCount(x.shape[i + 1] ?? null, kernel.shape[i] ?? 1, stride, window.padding)),
      inside * multiplier,
    ],
  );
}

function depthwise(rank: 1 | 2, kernelName: string, after: (call: LayerCall, y: Value) => Value): LowerLayer {
  return single((given, call) =>
    withChannelsLast(call, given, (x) => {
      const { ops } = call;
      const window = windowOf(call, rank);
      const kernel = call.weight(kernelName);
      const before = ((kernel.shape[0] ?? 1) - 1) * (window.dilations[0] ?? 1);
      if (rank === 2) return finish(call, after(call, convolveDepthwise(call, x, kernel, window)));
      const padded = window.isCausal ? ops.pad(x, [[0, 0], [before, 0], [0, 0]]) : x; // prettier-ignore
      const flat = raise(ops, padded, kernel, window);
      const y = after(call, convolveDepthwise(call, flat.x, flat.kernel, flat.window));
      return finish(call, ops.squeeze(y, [1]));
    }),
  );
}

/** The second half of a separable convolution: [1, (1,) in, out]. */
function pointwise(call: LayerCall, y: Value): Value {
  const kernel = call.weight('pointwise_kernel');
  const square = kernel.shape.length === 4 ? kernel : call.ops.expand(kernel, 0);
  return convolve(call.ops, y, square, { strides: [1, 1], dilations: [1, 1], padding: 'VALID' });
}

/**
 * The gradient of a convolution by its input. With an output padding p, Keras gives (n - 1) s + window + p rows under
 * VALID and (n - 1) s + window - 2 floor(window / 2) + p under SAME.
 */
function transposed(rank: 1 | 2 | 3): LowerLayer {
  return single((given, call) =>
    withChannelsLast(call, given, (input) => {
      const { ops } = call;
      const window = windowOf(call, rank);
      const flat =
        rank === 1
          ? raise(ops, input, call.weight('kernel'), window)
          : { x: input, kernel: call.weight('kernel'), window };
      const { x, kernel } = flat;
      if (flat.window.dilations.some((size) => size > 1)) {
        refuseLowering(call.subject, `Layer "${call.subject}" (${call.className}) has a dilation_rate.`);
      }
      const extra = call.config['output_padding'] ?? null;
      const extras =
        extra === null ? null : [...(rank === 1 ? [0] : []), ...numbersOption(call, 'output_padding', [])];
      const sizes = flat.window.strides.map((stride, i) => {
        const size = knownDimension(x.shape, i + 1, call.subject);
        const length = kernel.shape[i] ?? 1;
        if (extras === null || (rank === 1 && i === 0))
          return transposedCount(size, length, stride, window.padding) ?? 0;
        const more = extras[i] ?? extras.at(-1) ?? 0;
        return (
          (size - 1) * stride + length + more - (window.padding === 'SAME' ? 2 * Math.floor(length / 2) : 0)
        );
      });
      const outside = kernel.shape[kernel.shape.length - 2] ?? 1;
      const shape: Shape = [x.shape[0] ?? null, ...sizes, outside];
      const y = ops.b.value(
        rank === 3 ? 'Conv3DBackpropInputV2' : 'Conv2DBackpropInput',
        [ops.pack([ops.dimension(x, 0), ...sizes, outside]), kernel, x],
        [
          attribute.type('T', x.dtype),
          ...(rank === 3 ? [attribute.type('Tshape', 'int32')] : []),
          attribute.ints('strides', [1, ...flat.window.strides, 1]),
          attribute.text('padding', window.padding),
          attribute.text('data_format', rank === 3 ? 'NDHWC' : 'NHWC'),
        ],
        x.dtype,
        shape,
      );
      return finish(call, rank === 1 ? ops.squeeze(y, [1]) : y);
    }),
  );
}

const keep = (_: LayerCall, y: Value): Value => y;

export const CONVOLUTION_LAYERS: Readonly<Record<string, LowerLayer>> = {
  Conv1D: convolution(1),
  Conv2D: convolution(2),
  Conv3D: convolution(3),
  Conv1DTranspose: transposed(1),
  Conv2DTranspose: transposed(2),
  Conv3DTranspose: transposed(3),
  DepthwiseConv1D: depthwise(1, 'depthwise_kernel', keep),
  DepthwiseConv2D: depthwise(2, 'depthwise_kernel', keep),
  SeparableConv1D: depthwise(1, 'depthwise_kernel', pointwise),
  SeparableConv2D: depthwise(2, 'depthwise_kernel', pointwise),
};

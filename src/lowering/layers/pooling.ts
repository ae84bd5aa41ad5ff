/** Pooling over windows and over everything. */
import type { Value } from '../graph-builder.js';
import { attribute } from '../graph.js';
import type { Ops } from '../ops.js';
import { windowCount } from '../shapes.js';
import { adaptivePool } from './adaptive-pooling.js';
import { isChannelsFirst, withChannelsLast } from './channels.js';
import { first, single, type LowerLayer } from './layer.js';
import { flagOption, sizesOption, textOption } from './options.js';

type Kind = 'Max' | 'Avg';

function pool(kind: Kind, rank: 1 | 2 | 3): LowerLayer {
  return single((given, call) =>
    withChannelsLast(call, given, (line) => {
      const { ops } = call;
      const sizes = sizesOption(call, 'pool_size', rank, 2);
      const strides =
        (call.config['strides'] ?? null) === null ? sizes : sizesOption(call, 'strides', rank, 2);
      const padding = textOption(call, 'padding', ['valid', 'same']) === 'same' ? 'SAME' : 'VALID';
      // A line is a picture of height one.
      const x = rank === 1 ? ops.expand(line, 1) : line;
      const [window, steps] =
        rank === 1
          ? [
              [1, ...sizes],
              [1, ...strides],
            ]
          : [sizes, strides];
      const y = ops.b.value(
        `${kind}Pool${rank === 3 ? '3D' : ''}`,
        [x],
        [
          attribute.type('T', x.dtype),
          attribute.ints('ksize', [1, ...window, 1]),
          attribute.ints('strides', [1, ...steps, 1]),
          attribute.text('padding', padding),
          attribute.text('data_format', rank === 3 ? 'NDHWC' : 'NHWC'),
        ],
        x.dtype,
        [
          x.shape[0] ?? null,
          ...window.map((size, i) => windowCount(x.shape[i + 1] ?? null, size, steps[i] ?? 1, padding)),
          x.shape.at(-1) ?? null,
        ],
      );
      return rank === 1 ? ops.squeeze(y, [1]) : y;
    }),
  );
}

function globally(kind: 'Max' | 'Mean'): LowerLayer {
  return (call) => {
    const x = first(call);
    const [mask = null] = call.masks;
    const axes = Array.from({ length: x.shape.length - 2 }, (_, i) => i + (isChannelsFirst(call) ? 2 : 1));
    const keep = flagOption(call, 'keepdims', false);
    if (mask !== null && kind === 'Mean') return { outputs: [maskedMean(call.ops, x, mask, axes, keep)] };
    return { outputs: [call.ops.reduce(kind, x, axes, keep)] };
  };
}

/** The mean of the steps that count. */
function maskedMean(ops: Ops, x: Value, mask: Value, axes: readonly number[], keep: boolean): Value {
  const weights = ops.expand(ops.cast(mask, 'float32'), 2);
  return ops.divide(
    ops.reduce('Sum', ops.multiply(x, weights), axes, keep),
    ops.reduce('Sum', weights, axes, keep),
  );
}

export const POOLING_LAYERS: Readonly<Record<string, LowerLayer>> = {
  MaxPooling1D: pool('Max', 1),
  MaxPooling2D: pool('Max', 2),
  MaxPooling3D: pool('Max', 3),
  AveragePooling1D: pool('Avg', 1),
  AveragePooling2D: pool('Avg', 2),
  AveragePooling3D: pool('Avg', 3),
  AdaptiveAveragePooling1D: adaptivePool('Mean', 1),
  AdaptiveAveragePooling2D: adaptivePool('Mean', 2),
  AdaptiveAveragePooling3D: adaptivePool('Mean', 3),
  AdaptiveMaxPooling1D: adaptivePool('Max', 1),
  AdaptiveMaxPooling2D: adaptivePool('Max', 2),
  AdaptiveMaxPooling3D: adaptivePool('Max', 3),
  GlobalMaxPooling1D: globally('Max'),
  GlobalMaxPooling2D: globally('Max'),
  GlobalMaxPooling3D: globally('Max'),
  GlobalAveragePooling1D: globally('Mean'),
  GlobalAveragePooling2D: globally('Mean'),
  GlobalAveragePooling3D: globally('Mean'),
};

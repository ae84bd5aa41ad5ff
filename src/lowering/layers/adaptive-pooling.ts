/**
 * Pooling to a given size: output i of n covers the inputs from floor(i·size/n) up to ceil((i+1)·size/n). Windows are
 * boxes, so one axis after the other gives the same mean and the same maximum as all at once.
 */
import type { Value } from '../graph-builder.js';
import type { Ops } from '../ops.js';
import { refuseLowering } from '../refused.js';
import { knownDimension } from '../shapes.js';
import { withChannelsLast } from './channels.js';
import { single, type LowerLayer } from './layer.js';
import { sizesOption } from './options.js';

/** Each output of an axis is a slice of its own, unless the windows are equal. */
const MAX_SLICES = 256;

export function adaptivePool(kind: 'Max' | 'Mean', rank: 1 | 2 | 3): LowerLayer {
  return single((given, call) =>
    withChannelsLast(call, given, (x) =>
      sizesOption(call, 'output_size', rank, 1).reduce((y, count, i) => {
        const size = knownDimension(x.shape, i + 1, call.subject);
        const isEven = size % count === 0;
        if (!isEven && count > MAX_SLICES) {
          refuseLowering(
            call.subject,
            `Layer "${call.subject}" (${call.className}) divides ${size} into ${count} unequal windows; at most ${MAX_SLICES} are lowered.`,
          );
        }
        return isEven
          ? evenly(call.ops, kind, y, i + 1, count, size / count)
          : unevenly(call.ops, kind, y, i + 1, count, size);
      }, x),
    ),
  );
}

/** [count · length] -> [count, length] -> [count]. */
function evenly(
  ops: Ops,
  kind: 'Max' | 'Mean',
  x: Value,
  axis: number,
  count: number,
  length: number,
): Value {
  if (length === 1) return x;
  const shape = [...x.shape.slice(0, axis), count, length, ...x.shape.slice(axis + 1)];
  return ops.reduce(kind, ops.reshape(x, shape), [axis + 1], false);
}

function unevenly(
  ops: Ops,
  kind: 'Max' | 'Mean',
  x: Value,
  axis: number,
  count: number,
  size: number,
): Value {
  const windows = Array.from({ length: count }, (_, i) => {
    const [from, to] = [Math.floor((i * size) / count), Math.ceil(((i + 1) * size) / count)];
    const part = ops.slice(
      x,
      x.shape.map((_, at) => (at === axis ? from : 0)),
      x.shape.map((_, at) => (at === axis ? to - from : -1)),
    );
    return ops.reduce(kind, part, [axis], true);
  });
  return ops.concat(windows, axis);
}

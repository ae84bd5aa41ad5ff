/** Channels first and last: TensorFlow's CPU kernels take them last, so other layouts are turned there and back. */
import type { Value } from '../graph-builder.js';
import type { Ops } from '../ops.js';
import type { LayerCall } from './layer.js';
import { textOption } from './options.js';

export function isChannelsFirst(call: LayerCall): boolean {
  return textOption(call, 'data_format', ['channels_last', 'channels_first']) === 'channels_first';
}

export function toChannelsLast(ops: Ops, x: Value): Value {
  const rank = x.shape.length;
  return ops.transpose(x, [0, ...Array.from({ length: rank - 2 }, (_, i) => i + 2), 1]);
}

export function toChannelsFirst(ops: Ops, x: Value): Value {
  const rank = x.shape.length;
  return ops.transpose(x, [0, rank - 1, ...Array.from({ length: rank - 2 }, (_, i) => i + 1)]);
}

/** Computes with channels last, whatever the layer's layout is. */
export function withChannelsLast(call: LayerCall, x: Value, compute: (x: Value) => Value): Value {
  if (!isChannelsFirst(call)) return compute(x);
  return toChannelsFirst(call.ops, compute(toChannelsLast(call.ops, x)));
}

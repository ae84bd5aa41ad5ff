/** TimeDistributed: one layer on every step, which to it are rows of a larger batch. */
import type { Value } from '../graph-builder.js';
import { first, type LowerLayer } from './layer.js';

export function timeDistributed(lowerInner: (className: string) => LowerLayer | null): LowerLayer {
  return (call) => {
    const { ops } = call;
    const x = first(call);
    const inner = call.config['layer'] as { class_name: string; config: Record<string, unknown> };
    const lower = lowerInner(inner.class_name);
    if (lower === null) throw new Error(`A ${inner.class_name} passed the reader and has no lowering.`);
    const [batch = null, time = null, ...rest] = x.shape;
    const rows = ops.reshape(
      x,
      [null, ...rest],
      rest.some((size) => size === null)
        ? [-1, ...rest.map((size, i) => size ?? ops.dimension(x, i + 2))]
        : undefined,
    );
    const { outputs } = lower({
      ...call,
      className: inner.class_name,
      config: inner.config,
      inputs: [rows],
      masks: [null],
    });
    const back = (y: Value): Value => {
      const shape = [batch, time, ...y.shape.slice(1)];
      if (shape.filter((size) => size === null).length <= 1) return ops.reshape(y, shape);
      return ops.reshape(y, shape, [
        ops.dimension(x, 0),
        ops.dimension(x, 1),
        ...y.shape.slice(1).map((size, i) => size ?? ops.dimension(y, i + 1)),
      ]);
    };
    return { outputs: outputs.map(back), mask: call.masks[0] ?? null };
  };
}

/** Dense, EinsumDense and Embedding. */
import type { Value } from '../graph-builder.js';
import { attribute, type Shape } from '../graph.js';
import type { Ops } from '../ops.js';
import { refuseLowering } from '../refused.js';
import { activate } from './activations.js';
import { first, single, type LowerLayer } from './layer.js';
import { flagOption } from './options.js';

/** `x · kernel` over the last axis of `x`, whatever its rank. @param kernel [in, out] */
export function project(ops: Ops, x: Value, kernel: Value): Value {
  if (x.shape.length === 2) return ops.matMul(x, kernel);
  const [inside, outside] = [kernel.shape[0] ?? null, kernel.shape[1] ?? null];
  const rows = ops.reshape(x, [null, inside]);
  return restore(ops, ops.matMul(rows, kernel), [...x.shape.slice(0, -1), outside], x);
}

/** Gives rows their leading dimensions back: those of `like`. */
export function restore(ops: Ops, rows: Value, shape: Shape, like: Value): Value {
  if (shape.filter((size) => size === null).length <= 1) return ops.reshape(rows, shape);
  return ops.reshape(
    rows,
    shape,
    shape.map((size, axis) => size ?? ops.dimension(like, axis)),
  );
}

const dense = single((x, call) => {
  const { ops } = call;
  let y = project(ops, x, call.weight('kernel'));
  if (flagOption(call, 'use_bias', true)) y = ops.biasAdd(y, call.weight('bias'));
  return activate(call, y);
});

const einsumDense = single((x, call) => {
  const { ops } = call;
  const equation = String(call.config['equation'] ?? '').replaceAll(' ', '');
  const kernel = call.weight('kernel');
  const parts = /^([a-z.]*),([a-z]*)->([a-z.]*)$/.exec(equation);
  if (parts === null) {
    return refuseLowering(
      call.subject,
      `Layer "${call.subject}" (EinsumDense) has the equation "${equation}".`,
    );
  }
  const shape = einsumShape(parts[1] ?? '', parts[2] ?? '', parts[3] ?? '', x.shape, kernel.shape);
  let y = ops.b.value(
    'Einsum',
    [x, kernel],
    [attribute.type('T', x.dtype), attribute.int('N', 2), attribute.text('equation', equation)],
    x.dtype,
    shape,
  );
  if (call.hasWeight('bias')) y = ops.add(y, call.weight('bias'));
  return activate(call, y);
});

function einsumShape(left: string, right: string, out: string, x: Shape, kernel: Shape): Shape {
  const sizes = new Map<string, number | null>();
  const dots = x.length - left.replace('...', '').length;
  const letters = (text: string): string[] =>
    [...text.replace('...', '.')].flatMap((letter) =>
      letter === '.' ? Array.from({ length: dots }, (_, i) => `.${i}`) : [letter],
    );
  letters(left).forEach((letter, i) => sizes.set(letter, x[i] ?? null));
  [...right].forEach((letter, i) => sizes.set(letter, kernel[i] ?? null));
  return letters(out).map((letter) => sizes.get(letter) ?? null);
}

/** Indices outside the table: TensorFlow refuses the run, as Keras on a CPU does. */
const embedding: LowerLayer = (call) => {
  const { ops } = call;
  const indices = ops.cast(first(call), 'int32');
  const mask = flagOption(call, 'mask_zero', false) ? ops.compare('NotEqual', indices, ops.b.ints(0)) : null;
  return { outputs: [ops.gather(call.weight('embeddings'), indices, 0)], mask };
};

/** A step counts unless all its features equal the value; steps that do not count become zeros. */
const masking: LowerLayer = (call) => {
  const { ops } = call;
  const x = first(call);
  const value = ops.b.floats([Number(call.config['mask_value'] ?? 0)]);
  const last = x.shape.length - 1;
  const differs = ops.compare('NotEqual', x, value);
  const kept = ops.cast(ops.anyTrue(differs, [last], true), 'float32');
  return { outputs: [ops.multiply(x, kept)], mask: ops.anyTrue(differs, [last]) };
};

export const DENSE_LAYERS: Readonly<Record<string, LowerLayer>> = {
  Dense: dense,
  EinsumDense: einsumDense,
  Embedding: embedding,
  Masking: masking,
};

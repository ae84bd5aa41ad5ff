/** What is known of shapes: a dimension that only a run knows is `null`. */
import type { Shape } from './graph.js';
import { refuseLowering } from './refused.js';

/** Numpy's rule: from the right, equal or one of them 1. */
export function broadcastShapes(a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const [x, y] = [at(a, i - rank + a.length), at(b, i - rank + b.length)];
    if (x === 1) return y;
    if (y === 1) return x;
    return x ?? y;
  });
}

function at(shape: Shape, i: number): number | null {
  return i < 0 ? 1 : (shape[i] ?? null);
}

/** @throws NotLowered when it lies outside */
export function axisOf(axis: number, rank: number, subject: string): number {
  const positive = axis < 0 ? axis + rank : axis;
  if (positive < 0 || positive >= rank) {
    refuseLowering(subject, `"${subject}" works along axis ${axis} of a tensor with ${rank} dimensions.`);
  }
  return positive;
}

/** @throws NotLowered when only a run could tell */
export function knownDimension(shape: Shape, axis: number, subject: string): number {
  const size = shape[axis] ?? null;
  return (
    size ??
    refuseLowering(
      subject,
      `"${subject}" needs dimension ${axis} of its input to be fixed; the model leaves it open.`,
    )
  );
}

export function product(shape: readonly number[]): number {
  return shape.reduce((all, size) => all * size, 1);
}

/** `null` when a dimension is open. */
export function knownProduct(shape: Shape): number | null {
  return shape.reduce<number | null>((all, size) => (all === null || size === null ? null : all * size), 1);
}

/** Positions that a window takes: TensorFlow's rule for SAME and VALID (`tf.nn.convolution`). */
export function windowCount(
  size: number | null,
  window: number,
  stride: number,
  padding: 'SAME' | 'VALID',
  dilation = 1,
): number | null {
  if (size === null) return null;
  if (padding === 'SAME') return Math.ceil(size / stride);
  return Math.ceil((size - (window - 1) * dilation) / stride);
}

/** Size of a transposed convolution's output: what a convolution of the same kind would shrink to `size`. */
export function transposedCount(
  size: number | null,
  window: number,
  stride: number,
  padding: 'SAME' | 'VALID',
): number | null {
  if (size === null) return null;
  return padding === 'SAME' ? size * stride : size * stride + Math.max(window - stride, 0);
}

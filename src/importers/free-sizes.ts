/**
 * The dimensions that a model leaves to its callers, and which of them must be equal. Names come from the file where
 * it has some (ONNX); elsewhere the first dimension of every input is the batch, and each other one is on its own.
 */
import type { Signature } from '../lib/tensor.js';
import { parseDimension, type DimensionExpression } from './dimension-expression.js';

/** For each input, for each dimension: its name in the file. */
export type DimensionNames = readonly (readonly (string | null)[] | undefined)[];

export type Sizes = ReadonlyMap<string, number>;

export interface FreeSizes {
  /** What a size is chosen for, besides the batch. */
  readonly names: readonly string[];
  /** Of those: a batch by name, or the first dimension of some input. */
  readonly batchLike: readonly string[];
  /** Names in the first dimension of all inputs; empty when some input has no free first dimension. */
  readonly batch: readonly string[];
  /** The inputs' shapes, or `null` where an expression cannot be met. */
  shapes(sizes: Sizes): number[][] | null;
  /** What the names come to in shapes that are given, or the name of which they say two sizes. */
  sizesIn(shapes: readonly (readonly number[])[]): Map<string, number> | string;
  /** Every name with one size, the batch and what is like it with another. */
  all(batch: number, others: number): Map<string, number>;
}

const BATCH = 'the batch';
const BATCH_NAME = /^(the batch|n|b|bs|none|.*batch.*|unk__\d+|s\d+)$/i;

/** Others (`seq`, `num_nodes`) may well depend on each other. */
export function isBatchName(name: string): boolean {
  return BATCH_NAME.test(name);
}

export function freeSizesOf({ inputs }: Signature, names: DimensionNames): FreeSizes {
  const dimensions = inputs.map(({ shape }, input) =>
    shape.map((size, axis): number | DimensionExpression => {
      if (size !== -1) return size;
      const name = names[input]?.[axis] ?? null;
      if (name !== null) return parseDimension(name);
      return literal(axis === 0 ? BATCH : `dimension ${axis} of "${inputs[input]?.name ?? ''}"`);
    }),
  );
  const found = new Set(
    dimensions.flatMap((shape) => shape.flatMap((size) => (typeof size === 'number' ? [] : size.names))),
  );
  const firsts = dimensions.map(([first]) => (typeof first === 'object' ? nameOf(first) : null));
  const batch = firsts.includes(null) ? [] : [...new Set(firsts as string[])];
  const others = [...found].filter((name) => !batch.includes(name));
  const batchLike = others.filter((name) => firsts.includes(name) || isBatchName(name));
  return {
    names: others,
    batchLike,
    batch,
    shapes(sizes) {
      const shapes = dimensions.map((shape) =>
        shape.map((size) => (typeof size === 'number' ? size : (size.evaluate(sizes) ?? NaN))),
      );
      return shapes.flat().some(Number.isNaN) ? null : shapes;
    },
    sizesIn(shapes) {
      const sizes = new Map<string, number>();
      for (const [input, shape] of dimensions.entries()) {
        for (const [axis, dimension] of shape.entries()) {
          const name = typeof dimension === 'number' ? null : nameOf(dimension);
          const size = shapes[input]?.[axis];
          if (name === null || size === undefined) continue;
          if ((sizes.get(name) ?? size) !== size) return name;
          sizes.set(name, size);
        }
      }
      return sizes;
    },
    all: (batchSize, size) =>
      new Map([
        ...others.map((name): [string, number] => [name, size]),
        ...[...batch, ...batchLike].map((name): [string, number] => [name, batchSize]),
      ]),
  };
}

/** `null` for an expression: `2*batch` is no batch. */
function nameOf({ names, evaluate }: DimensionExpression): string | null {
  const [name] = names;
  if (name === undefined || names.length > 1) return null;
  return evaluate(new Map([[name, 2]])) === 2 ? name : null;
}

/** Never read as an expression: the name is ours. */
function literal(name: string): DimensionExpression {
  return { names: [name], evaluate: (sizes) => sizes.get(name) ?? null };
}

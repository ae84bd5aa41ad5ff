/** The TensorFlow ops that layers are made of, each with what it does to types and shapes. */
import type { GraphBuilder, Value } from './graph-builder.js';
import { attribute, type Dtype, type Shape } from './graph.js';
import { broadcastShapes } from './shapes.js';

const T = (value: Value) => attribute.type('T', value.dtype);

const BINARY = [
  'AddV2',
  'Sub',
  'Mul',
  'RealDiv',
  'Maximum',
  'Minimum',
  'FloorMod',
  'FloorDiv',
  'Pow',
  'SquaredDifference',
] as const;
const COMPARISONS = ['Equal', 'NotEqual', 'Less', 'LessEqual', 'Greater', 'GreaterEqual'] as const;
const UNARY = [
  'Relu', 'Relu6', 'Elu', 'Selu', 'Softplus', 'Softsign', 'Tanh', 'Sigmoid', 'Softmax', 'LogSoftmax', 'Exp', 'Log',
  'Sqrt', 'Rsqrt', 'Square', 'Neg', 'Abs', 'Erf', 'Sign', 'Floor', 'Log1p', 'Expm1', 'Reciprocal', 'Identity',
  'Sin', 'Cos', 'Atan',
] as const; // prettier-ignore
const REDUCTIONS = ['Sum', 'Mean', 'Max', 'Min', 'Prod'] as const;

export type Binary = (typeof BINARY)[number];
export type Comparison = (typeof COMPARISONS)[number];
export type Unary = (typeof UNARY)[number];
export type Reduction = (typeof REDUCTIONS)[number];

/** Which of two matrices are read with rows and columns exchanged. */
export interface Transposed {
  readonly x?: boolean;
  readonly y?: boolean;
}

export interface Ops {
  readonly b: GraphBuilder;
  binary(op: Binary, x: Value, y: Value): Value;
  compare(op: Comparison, x: Value, y: Value): Value;
  unary(op: Unary, x: Value): Value;
  /** With a plain number on the right, of the left's type. */
  add(x: Value, y: Value | number): Value;
  subtract(x: Value, y: Value | number): Value;
  multiply(x: Value, y: Value | number): Value;
  divide(x: Value, y: Value | number): Value;
  and(x: Value, y: Value): Value;
  or(x: Value, y: Value): Value;
  not(x: Value): Value;
  /** Element by element, with broadcasting. */
  select(condition: Value, x: Value, y: Value): Value;
  reduce(op: Reduction, x: Value, axes: readonly number[], keepDimensions: boolean): Value;
  anyTrue(x: Value, axes: readonly number[], keepDimensions?: boolean): Value;
  cast(x: Value, dtype: Dtype): Value;
  /** As a list of int32. */
  shapeOf(x: Value): Value;
  /** One dimension, as an int32 scalar: a constant where it is known. */
  dimension(x: Value, axis: number): Value;
  /** To known sizes, at most one of them `null`; or with open ones, when `sizes` says where to take them from. */
  reshape(x: Value, shape: Shape, sizes?: readonly (Value | number)[]): Value;
  transpose(x: Value, order: readonly number[]): Value;
  expand(x: Value, axis: number): Value;
  squeeze(x: Value, axes: readonly number[]): Value;
  concat(values: readonly Value[], axis: number): Value;
  /** Of int32 scalars, as a list. */
  pack(values: readonly (Value | number)[]): Value;
  stack(values: readonly Value[], axis: number): Value;
  /** `size` -1: up to the end. */
  slice(x: Value, begin: readonly number[], size: readonly number[]): Value;
  reverse(x: Value, axis: number): Value;
  tile(x: Value, times: readonly number[]): Value;
  pad(x: Value, margins: readonly (readonly [number, number])[], value?: number): Value;
  gather(parameters: Value, indices: Value, axis: number): Value;
  /** Of matrices. */
  matMul(x: Value, y: Value, transposed?: Transposed): Value;
  batchMatMul(x: Value, y: Value, transposed?: Transposed): Value;
  /** Over the last axis, which is where channels are. */
  biasAdd(x: Value, bias: Value): Value;
  fill(shape: Value, dtype: Dtype, value: number, known: Shape): Value;
}

export function createOps(b: GraphBuilder): Ops {
  const scalarLike = (x: Value, y: Value | number): Value =>
    typeof y !== 'number' ? y : x.dtype === 'int32' ? b.ints(y) : b.floats([y]);
  const binary = (op: Binary, x: Value, y: Value): Value =>
    b.value(op, [x, y], [T(x)], x.dtype, broadcastShapes(x.shape, y.shape));
  const logical = (op: string, x: Value, y: Value): Value =>
    b.value(op, [x, y], [], 'bool', broadcastShapes(x.shape, y.shape));
  const reduced = (x: Value, axes: readonly number[], keep: boolean): Shape => {
    const gone = new Set(axes.map((axis) => (axis < 0 ? axis + x.shape.length : axis)));
    return keep ? x.shape.map((d, i) => (gone.has(i) ? 1 : d)) : x.shape.filter((_, i) => !gone.has(i));
  };
  const reductionAttributes = (keep: boolean) => [
    attribute.bool('keep_dims', keep),
    attribute.type('Tidx', 'int32'),
  ];

  function cast(x: Value, dtype: Dtype): Value {
    if (x.dtype === dtype) return x;
    return b.value(
      'Cast',
      [x],
      [attribute.type('SrcT', x.dtype), attribute.type('DstT', dtype)],
      dtype,
      x.shape,
    );
  }

  function shapeOf(x: Value): Value {
    return b.value('Shape', [x], [T(x), attribute.type('out_type', 'int32')], 'int32', [x.shape.length]);
  }

  function pack(values: readonly (Value | number)[]): Value {
    if (values.every((value) => typeof value === 'number')) return b.ints(values);
    const parts = values.map((value) => (typeof value === 'number' ? b.ints(value) : value));
    return b.value(
      'Pack',
      parts,
      [attribute.int('N', parts.length), attribute.type('T', 'int32'), attribute.int('axis', 0)],
      'int32',
      [parts.length],
    );
  }

  function dimension(x: Value, axis: number): Value {
    const known = x.shape[axis];
    if (known !== null && known !== undefined) return b.ints(known);
    return b.value(
      'StridedSlice',
      [shapeOf(x), b.ints([axis]), b.ints([axis + 1]), b.ints([1])],
      [
        attribute.type('T', 'int32'),
        attribute.type('Index', 'int32'),
        ...['begin_mask', 'end_mask', 'ellipsis_mask', 'new_axis_mask'].map((key) => attribute.int(key, 0)),
        attribute.int('shrink_axis_mask', 1),
      ],
      'int32',
      [],
    );
  }

  function reshape(x: Value, shape: Shape, sizes?: readonly (Value | number)[]): Value {
    const open = shape.filter((size) => size === null).length;
    const target = sizes === undefined ? b.ints(shape.map((size) => size ?? -1)) : pack(sizes);
    if (sizes === undefined && open > 1) throw new Error('A reshape has more than one open dimension.');
    return b.value('Reshape', [x, target], [T(x), attribute.type('Tshape', 'int32')], x.dtype, shape);
  }

  function matMulAttributes(transposed: Transposed, names: readonly [string, string]) {
    return [attribute.bool(names[0], transposed.x ?? false), attribute.bool(names[1], transposed.y ?? false)];
  }

  return Object.freeze({
    b,
    binary,
    compare: (op: Comparison, x: Value, y: Value) =>
      b.value(op, [x, y], [T(x)], 'bool', broadcastShapes(x.shape, y.shape)),
    unary: (op: Unary, x: Value) => b.value(op, [x], [T(x)], x.dtype, x.shape),
    add: (x: Value, y: Value | number) => binary('AddV2', x, scalarLike(x, y)),
    subtract: (x: Value, y: Value | number) => binary('Sub', x, scalarLike(x, y)),
    multiply: (x: Value, y: Value | number) => binary('Mul', x, scalarLike(x, y)),
    divide: (x: Value, y: Value | number) => binary('RealDiv', x, scalarLike(x, y)),
    and: (x: Value, y: Value) => logical('LogicalAnd', x, y),
    or: (x: Value, y: Value) => logical('LogicalOr', x, y),
    not: (x: Value) => b.value('LogicalNot', [x], [], 'bool', x.shape),
    select: (condition: Value, x: Value, y: Value) =>
      b.value(
        'SelectV2',
        [condition, x, y],
        [T(x)],
        x.dtype,
        broadcastShapes(condition.shape, broadcastShapes(x.shape, y.shape)),
      ),
    reduce: (op: Reduction, x: Value, axes: readonly number[], keep: boolean) =>
      b.value(op, [x, b.ints(axes)], [T(x), ...reductionAttributes(keep)], x.dtype, reduced(x, axes, keep)),
    anyTrue: (x: Value, axes: readonly number[], keep = false) =>
      b.value('Any', [x, b.ints(axes)], reductionAttributes(keep), 'bool', reduced(x, axes, keep)),
    cast,
    shapeOf,
    dimension,
    reshape,
    transpose: (x: Value, order: readonly number[]) =>
      b.value(
        'Transpose',
        [x, b.ints(order)],
        [T(x), attribute.type('Tperm', 'int32')],
        x.dtype,
        order.map((axis) => x.shape[axis] ?? null),
      ),
    expand(x: Value, axis: number) {
      const at = axis < 0 ? axis + x.shape.length + 1 : axis;
      const shape = [...x.shape.slice(0, at), 1, ...x.shape.slice(at)];
      return b.value('ExpandDims', [x, b.ints(at)], [T(x), attribute.type('Tdim', 'int32')], x.dtype, shape);
    },
    squeeze: (x: Value, axes: readonly number[]) =>
      b.value(
        'Squeeze',
        [x],
        [T(x), attribute.ints('squeeze_dims', axes)],
        x.dtype,
        x.shape.filter((_, i) => !axes.includes(i)),
      ),
    concat(values: readonly Value[], axis: number) {
      const [first] = values;
      if (first === undefined) throw new Error('Nothing to join.');
      if (values.length === 1) return first;
      const size = values.reduce<number | null>((sum, { shape }) => {
        const d = shape[axis] ?? null;
        return sum === null || d === null ? null : sum + d;
      }, 0);
      const shape = first.shape.map((d, i) =>
        i === axis
          ? size
          : (d ?? values.map((value) => value.shape[i] ?? null).find((known) => known !== null) ?? null),
      );
      return b.value(
        'ConcatV2',
        [...values, b.ints(axis)],
        [attribute.int('N', values.length), T(first), attribute.type('Tidx', 'int32')],
        first.dtype,
        shape,
      );
    },
    pack,
    stack(values: readonly Value[], axis: number) {
      const [first] = values;
      if (first === undefined) throw new Error('Nothing to stack.');
      const shape = [...first.shape.slice(0, axis), values.length, ...first.shape.slice(axis)];
      return b.value(
        'Pack',
        values,
        [attribute.int('N', values.length), T(first), attribute.int('axis', axis)],
        first.dtype,
        shape,
      );
    },
    slice: (x: Value, begin: readonly number[], size: readonly number[]) =>
      b.value(
        'Slice',
        [x, b.ints(begin), b.ints(size)],
        [T(x), attribute.type('Index', 'int32')],
        x.dtype,
        size.map((length, i) => {
          const d = x.shape[i] ?? null;
          return length >= 0 ? length : d === null ? null : d - (begin[i] ?? 0);
        }),
      ),
    reverse: (x: Value, axis: number) =>
      b.value('ReverseV2', [x, b.ints([axis])], [T(x), attribute.type('Tidx', 'int32')], x.dtype, x.shape),
    tile: (x: Value, times: readonly number[]) =>
      b.value(
        'Tile',
        [x, b.ints(times)],
        [T(x), attribute.type('Tmultiples', 'int32')],
        x.dtype,
        x.shape.map((d, i) => (d === null ? null : d * (times[i] ?? 1))),
      ),
    pad(x: Value, margins: readonly (readonly [number, number])[], value = 0) {
      const table = b.value(
        'Reshape',
        [b.ints(margins.flat()), b.ints([margins.length, 2])],
        [attribute.type('T', 'int32'), attribute.type('Tshape', 'int32')],
        'int32',
        [margins.length, 2],
      );
      return b.value(
        'PadV2',
        [x, table, scalarLike(x, value)],
        [T(x), attribute.type('Tpaddings', 'int32')],
        x.dtype,
        x.shape.map((d, i) => (d === null ? null : d + (margins[i]?.[0] ?? 0) + (margins[i]?.[1] ?? 0))),
      );
    },
    gather: (parameters: Value, indices: Value, axis: number) =>
      b.value(
        'GatherV2',
        [parameters, indices, b.ints(axis)],
        [
          attribute.type('Tparams', parameters.dtype),
          attribute.type('Tindices', indices.dtype),
          attribute.type('Taxis', 'int32'),
          attribute.int('batch_dims', 0),
        ],
        parameters.dtype,
        [...parameters.shape.slice(0, axis), ...indices.shape, ...parameters.shape.slice(axis + 1)],
      ),
    matMul: (x: Value, y: Value, transposed: Transposed = {}) =>
      b.value(
        'MatMul',
        [x, y],
        [T(x), ...matMulAttributes(transposed, ['transpose_a', 'transpose_b'])],
        x.dtype,
        [
          (transposed.x === true ? x.shape[1] : x.shape[0]) ?? null,
          (transposed.y === true ? y.shape[0] : y.shape[1]) ?? null,
        ],
      ),
    batchMatMul(x: Value, y: Value, transposed: Transposed = {}) {
      const [rx, ry] = [x.shape.length, y.shape.length];
      return b.value(
        'BatchMatMulV2',
        [x, y],
        [T(x), ...matMulAttributes(transposed, ['adj_x', 'adj_y'])],
        x.dtype,
        [
          ...broadcastShapes(x.shape.slice(0, -2), y.shape.slice(0, -2)),
          (transposed.x === true ? x.shape[rx - 1] : x.shape[rx - 2]) ?? null,
          (transposed.y === true ? y.shape[ry - 2] : y.shape[ry - 1]) ?? null,
        ],
      );
    },
    biasAdd: (x: Value, bias: Value) =>
      b.value('BiasAdd', [x, bias], [T(x), attribute.text('data_format', 'NHWC')], x.dtype, x.shape),
    fill: (shape: Value, dtype: Dtype, value: number, known: Shape) =>
      b.value(
        'Fill',
        [
          shape,
          dtype === 'bool' ? b.bool(value !== 0) : dtype === 'int32' ? b.ints(value) : b.floats([value]),
        ],
        [attribute.type('T', dtype), attribute.type('index_type', 'int32')],
        dtype,
        known,
      ),
  });
}

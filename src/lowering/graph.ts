/**
 * A TensorFlow graph as plain values: what both lowerings make and the writer encodes. Numbers of types and
 * fields are those of TensorFlow's `types.proto`, `attr_value.proto` and `node_def.proto`.
 */

/** TensorFlow's numbers of the element types that a lowered graph uses. */
export const DTYPE = {
  float32: 1,
  float64: 2,
  int32: 3,
  uint8: 4,
  int16: 5,
  int8: 6,
  string: 7,
  complex64: 8,
  int64: 9,
  bool: 10,
  float16: 19,
  resource: 20,
} as const;

export type Dtype = keyof typeof DTYPE;

/** A dimension that only a run knows is `null`. */
export type Shape = readonly (number | null)[];

export interface ShapeValue {
  readonly dim: readonly { readonly size: number }[];
  readonly unknownRank: boolean;
}

/** A constant's value: elements as they lie in memory (little-endian), or strings. */
export interface TensorValue {
  readonly dtype: number;
  readonly tensorShape: ShapeValue;
  readonly tensorContent?: Uint8Array;
  readonly stringVal?: readonly Uint8Array[];
}

export interface ListValue {
  readonly s?: readonly Uint8Array[];
  readonly i?: readonly number[];
  readonly f?: readonly number[];
  readonly b?: readonly boolean[];
  readonly type?: readonly number[];
  readonly shape?: readonly ShapeValue[];
  readonly func?: readonly FunctionValue[];
}

export interface FunctionValue {
  readonly name: string;
  readonly attr: readonly AttributeEntry[];
}

/** Exactly one of them. */
export interface AttributeValue {
  readonly s?: Uint8Array;
  readonly i?: number;
  readonly f?: number;
  readonly b?: boolean;
  readonly type?: number;
  readonly shape?: ShapeValue;
  readonly tensor?: TensorValue;
  readonly func?: FunctionValue;
  readonly list?: ListValue;
}

export interface AttributeEntry {
  readonly key: string;
  readonly value: AttributeValue;
}

export interface GraphNode {
  readonly name: string;
  readonly op: string;
  readonly input: readonly string[];
  readonly attr: readonly AttributeEntry[];
}

export interface FunctionArgument {
  readonly name: string;
  readonly type: number;
}

export interface GraphFunction {
  readonly signature: {
    readonly name: string;
    readonly inputArg: readonly FunctionArgument[];
    readonly outputArg: readonly FunctionArgument[];
    readonly isStateful: boolean;
  };
  readonly nodeDef: readonly GraphNode[];
  readonly ret: readonly { readonly key: string; readonly value: string }[];
}

/**
 * A constant whose value lies in the model's weights: the graph names it, and it is filled in when the graph
 * is written for an engine, so that weights are stored once.
 */
export interface WeightNode {
  /** Of the node, which nothing else in the graph is named. */
  readonly node: string;
  /** Of the weight, as the model's weight list has it. */
  readonly weight: string;
  /** What the constant is; integers among quantised or narrowed weights are widened to it. */
  readonly dtype: Dtype;
  readonly shape: readonly number[];
}

/** One input or output: `tensor` as TensorFlow names it, e.g. `x:0`. */
export interface Port {
  readonly tensor: string;
  readonly dtype: Dtype;
}

export interface LoweredGraph {
  readonly nodes: readonly GraphNode[];
  readonly functions: readonly GraphFunction[];
  readonly weights: readonly WeightNode[];
  /** In the model's own order. */
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  /** Node to run once after loading (it fills hash tables); null when there is none. */
  readonly initializer: string | null;
}

export const attribute = {
  type: (key: string, dtype: Dtype): AttributeEntry => ({ key, value: { type: DTYPE[dtype] } }),
  types: (key: string, dtypes: readonly Dtype[]): AttributeEntry => ({
    key,
    value: { list: { type: dtypes.map((dtype) => DTYPE[dtype]) } },
  }),
  int: (key: string, i: number): AttributeEntry => ({ key, value: { i } }),
  ints: (key: string, i: readonly number[]): AttributeEntry => ({ key, value: { list: { i } } }),
  floats: (key: string, f: readonly number[]): AttributeEntry => ({ key, value: { list: { f } } }),
  float: (key: string, f: number): AttributeEntry => ({ key, value: { f } }),
  bool: (key: string, b: boolean): AttributeEntry => ({ key, value: { b } }),
  text: (key: string, text: string): AttributeEntry => ({
    key,
    value: { s: new TextEncoder().encode(text) },
  }),
  shape: (key: string, shape: Shape | null): AttributeEntry => ({ key, value: { shape: shapeValue(shape) } }),
} as const;

/** @param shape `null`: not even the rank is known */
export function shapeValue(shape: Shape | null): ShapeValue {
  if (shape === null) return { dim: [], unknownRank: true };
  return { dim: shape.map((size) => ({ size: size ?? -1 })), unknownRank: false };
}

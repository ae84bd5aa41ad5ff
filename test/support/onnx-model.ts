/** ONNX files written byte by byte, sound or hostile; on purpose without the importer's own encoder. */

function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  while (rest >= 0x80n) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  return Buffer.from([...bytes, Number(rest)]);
}

export function int(field: number, value: number | bigint): Buffer {
  return Buffer.concat([varint(BigInt(field * 8)), varint(BigInt(value))]);
}

/** A length-delimited field: text, bytes or a message. */
export function part(field: number, content: string | Uint8Array): Buffer {
  const bytes = Buffer.from(content as never);
  return Buffer.concat([varint(BigInt(field * 8 + 2)), varint(BigInt(bytes.length)), bytes]);
}

export const TYPE = {
  float: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  string: 8,
  bool: 9,
  float16: 10,
  double: 11,
  uint32: 12,
  uint64: 13,
} as const;

export type Dims = readonly (number | bigint | string)[];

export function tensorType(type: number, dims: Dims | null): Buffer {
  const shape = (dims ?? []).map((dim) => part(1, typeof dim === 'string' ? part(2, dim) : int(1, dim)));
  return part(1, Buffer.concat([int(1, type), ...(dims === null ? [] : [part(2, Buffer.concat(shape))])]));
}

/** @param type a TypeProto, or the element type of a tensor */
export function value(name: string, type: number | Buffer, dims: Dims | null = ['n']): Buffer {
  return Buffer.concat([part(1, name), part(2, typeof type === 'number' ? tensorType(type, dims) : type)]);
}

export function tensor(
  name: string,
  type: number,
  dims: readonly (number | bigint)[],
  raw: Uint8Array,
): Buffer {
  return Buffer.concat([...dims.map((dim) => int(1, dim)), int(2, type), part(8, name), part(9, raw)]);
}

/** A tensor whose values are in another file, by `location`, `offset` and `length`, or what a stranger writes there. */
export function externalTensor(
  name: string,
  type: number,
  dims: readonly (number | bigint)[],
  place: Readonly<Record<string, string>>,
): Buffer {
  return Buffer.concat([
    ...dims.map((dim) => int(1, dim)),
    int(2, type),
    part(8, name),
    ...Object.entries(place).map(([key, text]) => part(13, Buffer.concat([part(1, key), part(2, text)]))),
    int(14, 1),
  ]);
}

export function int64s(...values: readonly (number | bigint)[]): Buffer {
  return Buffer.from(BigInt64Array.from(values, BigInt).buffer);
}

export function floats(...values: readonly number[]): Buffer {
  return Buffer.from(Float32Array.from(values).buffer);
}

export const attribute = {
  int: (name: string, i: number | bigint) => Buffer.concat([part(1, name), int(3, i), int(20, 2)]),
  text: (name: string, s: string) => Buffer.concat([part(1, name), part(4, s), int(20, 3)]),
  tensor: (name: string, t: Uint8Array) => Buffer.concat([part(1, name), part(5, t), int(20, 4)]),
  graph: (name: string, g: Uint8Array) => Buffer.concat([part(1, name), part(6, g), int(20, 5)]),
  ints: (name: string, list: readonly number[]) =>
    Buffer.concat([part(1, name), ...list.map((i) => int(8, i)), int(20, 7)]),
  texts: (name: string, list: readonly string[]) =>
    Buffer.concat([part(1, name), ...list.map((s) => part(9, s)), int(20, 8)]),
};

export interface NodeOptions {
  readonly name?: string;
  readonly domain?: string;
  readonly attributes?: readonly Uint8Array[];
}

export function node(
  op: string,
  inputs: readonly string[],
  outputs: readonly string[],
  { name = '', domain = '', attributes = [] }: NodeOptions = {},
): Buffer {
  return Buffer.concat([
    ...inputs.map((input) => part(1, input)),
    ...outputs.map((output) => part(2, output)),
    part(3, name),
    part(4, op),
    ...attributes.map((item) => part(5, item)),
    part(7, domain),
  ]);
}

export interface GraphParts {
  readonly nodes: readonly Uint8Array[];
  readonly inputs?: readonly Uint8Array[];
  readonly outputs: readonly Uint8Array[];
  readonly initializers?: readonly Uint8Array[];
}

export function graph({ nodes, inputs = [], outputs, initializers = [] }: GraphParts): Buffer {
  return Buffer.concat([
    ...nodes.map((item) => part(1, item)),
    part(2, 'graph'),
    ...initializers.map((item) => part(5, item)),
    ...inputs.map((item) => part(11, item)),
    ...outputs.map((item) => part(12, item)),
  ]);
}

export interface ModelParts extends GraphParts {
  readonly ir?: number;
  readonly opset?: number;
  /** Domain and version, besides the standard one. */
  readonly opsets?: readonly (readonly [string, number])[];
  readonly functions?: readonly Uint8Array[];
}

export function onnxModel(parts: ModelParts): Buffer {
  return Buffer.concat([
    int(1, parts.ir ?? 8),
    part(7, graph(parts)),
    part(8, int(2, parts.opset ?? 17)),
    ...(parts.opsets ?? []).map(([domain, version]) =>
      part(8, Buffer.concat([part(1, domain), int(2, version)])),
    ),
    ...(parts.functions ?? []).map((item) => part(25, item)),
  ]);
}

/** `y = op(x)` on a tensor of the type with one free dimension. */
export function unaryModel(
  op: string,
  type: number,
  options: NodeOptions & Partial<ModelParts> = {},
): Buffer {
  return onnxModel({
    nodes: [node(op, ['x'], ['y'], options)],
    inputs: [value('x', type)],
    outputs: [value('y', type)],
    ...options,
  });
}

export function onnxFunction(
  domain: string,
  name: string,
  nodes: readonly Uint8Array[],
  opsets: readonly (readonly [string, number])[] = [],
): Buffer {
  return Buffer.concat([
    part(1, name),
    part(4, 'a'),
    part(5, 'b'),
    ...nodes.map((item) => part(7, item)),
    part(9, int(2, 17)),
    ...opsets.map(([used, version]) => part(9, Buffer.concat([part(1, used), int(2, version)]))),
    part(10, domain),
  ]);
}

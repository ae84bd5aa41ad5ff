/**
 * Large weights of a heavy model as variables, filled from files when the graph is loaded. TensorFlow copies a constant some
 * fourteen times while it prepares a graph (2.2 GiB and five seconds for 128 MiB of them), a variable never. What is lost is
 * that its kernels lay constant weights out once: measured with 100 MB, 1.05 to 1.2 times the time for convolutions
 * (ResNet50) and 1.3 to 1.4 times for dense layers. So smaller models, which are prepared soon, keep their constants. With 100 MB
 * the first answer of a cold model came after 0.45 s instead of 6, and its neighbours' p99 stayed where it was, instead of
 * growing to three times and more.
 */
import { attribute, DTYPE, shapeValue, type Dtype, type GraphNode, type WeightNode } from './graph.js';

/** One weight that lies in a file of its own. */
export interface MovedWeight {
  readonly weight: WeightNode;
  /** Under `assets/`: TensorFlow tells the graph where that is. */
  readonly file: string;
  /** Of the tensor that is told so. */
  readonly pathTensor: string;
}

/** What stands in the graph for its large weights. */
export interface MovedWeights {
  readonly moved: readonly MovedWeight[];
  readonly nodes: readonly GraphNode[];
  /** Node to run once after loading; null when there is none. */
  readonly initializer: string | null;
}

export interface MoveLimits {
  /** Up to so much in all, every weight is a constant. */
  readonly keptBytes: number;
  /** A smaller weight is a constant always. */
  readonly largeBytes: number;
}

const MIB = 1024 * 1024;
/** Below `largeBytes` a weight is a bias or a table, and costs little wherever it is. */
export const MOVE_LIMITS: MoveLimits = { keptBytes: 64 * MIB, largeBytes: MIB };

/** As `DecodeRaw` gives them. */
const MOVED_TYPES: ReadonlySet<Dtype> = new Set([
  'float32',
  'float64',
  'int32',
  'uint8',
  'int16',
  'int8',
  'int64',
]);

/** Which of the weights are moved. @param bytesOf a weight's size as the graph declares it */
export function weightsToMove(
  weights: readonly WeightNode[],
  bytesOf: (weight: WeightNode) => number,
  { keptBytes, largeBytes }: MoveLimits,
): WeightNode[] {
  if (weights.reduce((sum, weight) => sum + bytesOf(weight), 0) <= keptBytes) return [];
  return weights.filter((weight) => MOVED_TYPES.has(weight.dtype) && bytesOf(weight) >= largeBytes);
}

/** @param initializer node that the graph has to run once after loading anyway; may be null. It reads none of the weights */
export function moveWeights(weights: readonly WeightNode[], initializer: string | null): MovedWeights {
  const nodes: GraphNode[] = [];
  // One after the other: of all at once each would be in memory three times. The last one has waited for all.
  let last = initializer;
  const add = (name: string, op: string, input: readonly string[], attr: GraphNode['attr']): string => {
    nodes.push({ name, op, input, attr });
    return name;
  };
  const moved = weights.map((weight, at): MovedWeight => {
    const { node, dtype, shape } = weight;
    const own = `souk_weights/${at}`;
    const path = constant(add, `${own}/path`, 'string', [], { stringVal: [new Uint8Array()] });
    const bytes = add(`${own}/bytes`, 'ReadFile', last === null ? [path] : [path, `^${last}`], []);
    const flat = add(
      `${own}/flat`,
      'DecodeRaw',
      [bytes],
      [attribute.type('out_type', dtype), attribute.bool('little_endian', true)],
    );
    const sizes = constant(add, `${own}/sizes`, 'int32', [shape.length], {
      tensorContent: new Uint8Array(Int32Array.from(shape).buffer),
    });
    const value = add(
      `${own}/value`,
      'Reshape',
      [flat, sizes],
      [attribute.type('T', dtype), attribute.type('Tshape', 'int32')],
    );
    const handle = add(
      `${own}/variable`,
      'VarHandleOp',
      [],
      [attribute.type('dtype', dtype), attribute.shape('shape', shape), attribute.text('shared_name', own)],
    );
    last = add(`${own}/fill`, 'AssignVariableOp', [handle, value], [attribute.type('dtype', dtype)]);
    const read = add(`${own}/read`, 'ReadVariableOp', [handle], [attribute.type('dtype', dtype)]);
    add(node, 'Identity', [read], [attribute.type('T', dtype)]);
    return { weight, file: `weight_${at}`, pathTensor: `${path}:0` };
  });
  return { moved, nodes, initializer: last };
}

/** Nodes whose values a node needs, itself included. */
export function neededFor(node: string, graph: readonly GraphNode[]): ReadonlySet<string> {
  const inputs = new Map(graph.map(({ name, input }) => [name, input]));
  const needed = new Set([node]);
  // A set that grows while it is walked is walked to its end.
  for (const name of needed) {
    for (const tensor of inputs.get(name) ?? []) needed.add(tensor.replace(/^\^|:\d+$/g, ''));
  }
  return needed;
}

function constant(
  add: (name: string, op: string, input: readonly string[], attr: GraphNode['attr']) => string,
  name: string,
  dtype: Dtype,
  shape: readonly number[],
  content: { readonly tensorContent: Uint8Array } | { readonly stringVal: readonly Uint8Array[] },
): string {
  const tensor = { dtype: DTYPE[dtype], tensorShape: shapeValue(shape), ...content };
  return add(name, 'Const', [], [attribute.type('dtype', dtype), { key: 'value', value: { tensor } }]);
}

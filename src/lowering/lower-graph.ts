/** A TensorFlow.js graph model, node by node, back into a graph that TensorFlow runs in one call. */
import { ok, refuse, type Result } from '../lib/result.js';
import {
  attribute,
  type AttributeEntry,
  type Dtype,
  type GraphNode,
  type LoweredGraph,
  type Port,
  type WeightNode,
} from './graph.js';
import { dtypeOf, typeAttribute } from './graph-model/attributes.js';
import { enterFrames, nodeOf } from './graph-model/frames.js';
import { lowerFunction } from './graph-model/functions.js';
import type { GraphModel, JsonNode } from './graph-model/graph-model.js';
import { outputType } from './graph-model/output-types.js';
import { plainNode, REWRITES } from './graph-model/rewrites.js';
import { checkWeightBytes } from './saved-model-writer.js';
import { NotLowered, refuseLowering, type LoweringRefusal } from './refused.js';

/** Pure: the same model gives the same graph. Refuses naming the node that cannot be written as TensorFlow ops. */
export function lowerGraph(model: GraphModel): Result<LoweredGraph, LoweringRefusal> {
  try {
    return ok(lower(model));
  } catch (error) {
    if (error instanceof NotLowered) return refuse(error.refusal);
    throw error;
  }
}

/** Of nodes that the lowering adds to those of the model. */
const INITIALIZER = 'souk_initializer';
const OUTPUT = 'souk_output';

/** TensorFlow.js has fewer types; callers get what its executor would give them. */
const NARROWED: ReadonlyMap<Dtype, Dtype> = new Map<Dtype, Dtype>([
  ['float64', 'float32'],
  ['float16', 'float32'],
  ['int64', 'int32'],
  ['int16', 'int32'],
  ['int8', 'int32'],
  ['uint8', 'int32'],
]);

interface Parts {
  readonly nodes: GraphNode[];
  readonly weights: WeightNode[];
}

function lower(model: GraphModel): LoweredGraph {
  const parts: Parts = { nodes: [], weights: [] };
  const byName = new Map(model.nodes.map((node) => [node.name, node]));
  const fed = new Map(model.inputs.map((input) => [input.node, input]));
  const tables = new Map(model.tables.map(({ placeholder, table }) => [placeholder, table]));
  const specs = new Map(model.weights.map((spec) => [spec.name, spec]));
  const ports: Port[] = [];

  for (const node of model.nodes) {
    const input = fed.get(node.name);
    const table = tables.get(node.name);
    if (node.op === 'Const') addWeight(node, node.name);
    else if (table !== undefined) {
      const source = byName.has(table) ? table : `${INITIALIZER}/${table}`;
      parts.nodes.push({
        name: node.name,
        op: 'Identity',
        input: [source],
        attr: [attribute.type('T', 'resource')],
      });
    } else if (input !== undefined) addInput(node, input.dtype);
    else addNode(node, node.name, (tensor) => tensor);
  }
  for (const { node } of model.inputs) ports.push(portOf(node));
  const initializer = addInitializer();
  const outputs = model.outputs.map(({ tensor }, at) => addOutput(tensor, at));
  checkWeightBytes(parts.weights);
  const entered = enterFrames(parts.nodes, (tensor) => attribute.type('T', typeOfTensor(tensor)));
  return {
    nodes: entered,
    functions: model.functions.map((item) => lowerFunction(item, model)),
    weights: parts.weights,
    inputs: ports,
    outputs,
    initializer,
  };

  /** TensorFlow.js narrows what it stores; the graph declares what it was, and gets it back. */
  function addWeight(node: JsonNode, name: string): void {
    const spec = specs.get(node.name);
    if (spec === undefined)
      return refuseLowering(node.name, `The constant "${node.name}" is not among the weights.`);
    const dtype = typeAttribute(node, 'dtype') ?? dtypeOf(spec.dtype) ?? spec.dtype;
    parts.weights.push({ node: name, weight: spec.name, dtype, shape: spec.shape });
  }

  function portOf(node: string): Port {
    const input = fed.get(node);
    const type = typeAttribute(byName.get(node) as JsonNode, 'dtype');
    const isCast = input !== undefined && type !== null && type !== input.dtype;
    return { tensor: `${isCast ? fedName(node) : node}:0`, dtype: input?.dtype ?? type ?? 'float32' };
  }

  function addInput(node: JsonNode, given: Dtype): void {
    const wanted = typeAttribute(node, 'dtype') ?? given;
    const shape = fed.get(node.name)?.shape ?? null;
    const attr = [attribute.type('dtype', given), attribute.shape('shape', shape)];
    if (wanted === given) {
      parts.nodes.push({ name: node.name, op: 'Placeholder', input: [], attr });
      return;
    }
    parts.nodes.push(
      { name: fedName(node.name), op: 'Placeholder', input: [], attr },
      cast(node.name, fedName(node.name), given, wanted),
    );
  }

  function addNode(node: JsonNode, name: string, renamed: (tensor: string) => string): void {
    const inside: JsonNode = { ...node, name, inputs: node.inputs.map(renamed) };
    const rewrite = REWRITES.get(node.op);
    if (rewrite === undefined) {
      parts.nodes.push(plainNode(inside));
      return;
    }
    const made: GraphNode[] = [];
    const emit = (op: string, input: readonly string[], attr: readonly AttributeEntry[]): string => {
      const fresh = `${name}/lowered_${made.length}`;
      made.push({ name: fresh, op, input, attr });
      return fresh;
    };
    rewrite(inside, emit);
    // The last one made is the result: it takes the node's name, by which others know it.
    const last = made.pop() as GraphNode;
    parts.nodes.push(...made, { ...last, name });
  }

  /** The second graph, which fills tables once; its nodes get a name of their own. */
  function addInitializer(): string | null {
    if (model.initializer.length === 0) return null;
    const inside = (name: string): string => (byName.has(name) ? name : `${INITIALIZER}/${name}`);
    const renamed = (tensor: string): string => {
      const name = nodeOf(tensor);
      return tensor.replace(name, inside(name));
    };
    const fills: string[] = [];
    for (const node of model.initializer) {
      if (byName.has(node.name)) continue;
      if (node.op === 'Const') addWeight(node, inside(node.name));
      else addNode(withoutWaiting(node), inside(node.name), renamed);
      if (/^(LookupTableImport|InitializeTable)(V2)?$/.test(node.op)) fills.push(`^${inside(node.name)}`);
    }
    if (fills.length === 0) return null;
    parts.nodes.push({ name: INITIALIZER, op: 'NoOp', input: fills, attr: [] });
    return INITIALIZER;
  }

  function addOutput(tensor: string, at: number): Port {
    const given = typeOfTensor(tensor);
    const wanted = NARROWED.get(given) ?? given;
    const name = `${OUTPUT}_${at}`;
    // A node of its own: the same tensor may be two outputs, or an input too.
    parts.nodes.push(
      given === wanted
        ? { name, op: 'Identity', input: [tensor], attr: [attribute.type('T', wanted)] }
        : cast(name, tensor, given, wanted),
    );
    return { tensor: `${name}:0`, dtype: wanted };
  }

  function typeOfTensor(tensor: string): Dtype {
    const name = nodeOf(tensor);
    const weight = specs.has(name) ? parts.weights.find((item) => item.node === name) : undefined;
    if (weight !== undefined) return weight.dtype;
    const node = byName.get(name);
    if (node === undefined) return 'float32';
    const at = Number(/:(\d+)$/.exec(tensor)?.[1] ?? 0);
    return outputType(node, at) ?? 'float32';
  }
}

/** What the initialiser gives would wait for what it does, and make every run fill the tables again. */
function withoutWaiting(node: JsonNode): JsonNode {
  if (node.op !== 'Identity') return node;
  return { ...node, inputs: node.inputs.filter((input) => !input.startsWith('^')) };
}

function fedName(node: string): string {
  return `${node}/fed`;
}

function cast(name: string, input: string, from: Dtype, to: Dtype): GraphNode {
  return {
    name,
    op: 'Cast',
    input: [input],
    attr: [attribute.type('SrcT', from), attribute.type('DstT', to)],
  };
}

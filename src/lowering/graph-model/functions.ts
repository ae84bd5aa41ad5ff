/**
 * The bodies of `While` and `If`: functions with nodes of their own. Inside a function an input is named with the
 * output's name in the op's definition (`node:output:0`), so what is rewritten ends in an `Identity`, whose output is
 * called `output`. Constants are written out with their values: a function does not reach the graph's weights.
 */
import {
  attribute,
  DTYPE,
  shapeValue,
  type AttributeEntry,
  type GraphFunction,
  type GraphNode,
} from '../graph.js';
import { refuseLowering } from '../refused.js';
import { weightValue, type StoredWeight } from '../weight-values.js';
import { dtypeOf, typeAttribute, typeNumber } from './attributes.js';
import type { GraphModel, JsonFunction, JsonNode } from './graph-model.js';
import { plainNode, REWRITES } from './rewrites.js';

/** Constants inside functions are small: numbers and axes of a loop. */
const MAX_CONSTANT_BYTES = 64 * 1024 * 1024;

/** The name of the first output of the ops that rewriting makes. */
const OUTPUT_NAMES: ReadonlyMap<string, string> = new Map([
  ['Conv2D', 'output'],
  ['DepthwiseConv2dNative', 'output'],
  ['MatMul', 'product'],
  ['BiasAdd', 'output'],
  ['Relu', 'activations'],
  ['Relu6', 'activations'],
  ['Elu', 'activations'],
  ['Selu', 'activations'],
  ['LeakyRelu', 'activations'],
  ['Sigmoid', 'y'],
  ['Tanh', 'y'],
  ['Neg', 'y'],
  ['Mul', 'z'],
  ['Sub', 'z'],
  ['Identity', 'output'],
]);

export function lowerFunction(given: JsonFunction, model: GraphModel): GraphFunction {
  const specs = new Map(model.weights.map((spec) => [spec.name, spec]));
  const rewritten = new Set(given.nodes.filter(({ op }) => REWRITES.has(op)).map(({ name }) => name));
  const renamed = (tensor: string): string => {
    const [node = '', , at] = tensor.split(':');
    return rewritten.has(node) && at !== undefined ? `${node}:output:${at}` : tensor;
  };
  const nodes = given.nodes.flatMap((node) => {
    const inside: JsonNode = { ...node, inputs: node.inputs.map(renamed) };
    return node.op === 'Const' ? [constant(inside, specs, model)] : lowerInside(inside);
  });
  const type = (value: unknown): number =>
    typeNumber(value) ??
    refuseLowering(given.name, `The function "${given.name}" has an argument of an unknown type.`);
  return {
    signature: {
      name: given.name,
      inputArg: given.inputs.map((input) => ({ name: input.name, type: type(input.type) })),
      outputArg: given.outputs.map((output) => ({ name: output.name, type: type(output.type) })),
      isStateful: given.isStateful,
    },
    nodeDef: nodes,
    ret: given.returns.map(([key, value]) => ({ key, value: renamed(value) })),
  };
}

function lowerInside(node: JsonNode): readonly GraphNode[] {
  const rewrite = REWRITES.get(node.op);
  if (rewrite === undefined) return [plainNode(node)];
  const made: GraphNode[] = [];
  const emit = (op: string, input: readonly string[], attr: readonly AttributeEntry[]): string => {
    const name = `${node.name}/lowered_${made.length}`;
    made.push({ name, op, input, attr });
    return `${name}:${OUTPUT_NAMES.get(op) ?? 'output'}:0`;
  };
  const result = rewrite(node, emit);
  const type = attribute.type('T', typeAttribute(node, 'T') ?? 'float32');
  return [...made, { name: node.name, op: 'Identity', input: [result], attr: [type] }];
}

function constant(node: JsonNode, specs: ReadonlyMap<string, StoredWeight>, model: GraphModel): GraphNode {
  const spec = specs.get(node.name);
  const declared = (node.attributes['dtype'] as { type?: unknown } | undefined)?.type;
  const dtype = dtypeOf(declared) ?? spec?.dtype ?? null;
  if (spec === undefined || dtype === null) {
    return refuseLowering(
      node.name,
      `The constant "${node.name}" inside a function has no value among the weights.`,
    );
  }
  const stored = model.readWeight(spec.name);
  if (stored.byteLength > MAX_CONSTANT_BYTES) {
    refuseLowering(
      node.name,
      `The constant "${node.name}" inside a function takes ${stored.byteLength} bytes.`,
    );
  }
  const value = weightValue(spec, stored, dtype);
  if (value === null)
    return refuseLowering(node.name, `The constant "${node.name}" is ${spec.dtype} and not ${dtype}.`);
  const content = value instanceof Uint8Array ? { tensorContent: value } : { stringVal: value };
  const tensor = { dtype: DTYPE[dtype], tensorShape: shapeValue(spec.shape), ...content };
  return {
    name: node.name,
    op: 'Const',
    input: node.inputs,
    attr: [attribute.type('dtype', dtype), { key: 'value', value: { tensor } }],
  };
}

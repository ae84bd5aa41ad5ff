/**
 * The graph of a SavedModel and the functions of its library: what calls what, what a signature reaches,
 * and whether every op of it may be computed.
 */
import { IMPORT_LIMITS } from './limits.js';
import { refuseImport } from './refused.js';
import { OWN_NAME } from './saved-model-nodes.js';
import { SAVED_MODEL_OPS, SAVER_OPS, TABLE_INIT_OPS, TRAINING_OPS } from './saved-model-ops.js';
import type { AttrEntry, FunctionProto, MetaGraph, NodeProto } from './tensorflow-proto.js';

export interface SavedGraph {
  readonly nodes: readonly NodeProto[];
  readonly byName: ReadonlyMap<string, NodeProto>;
  readonly functions: ReadonlyMap<string, FunctionProto>;
}

/** Nodes of the main graph and functions of the library, by name. */
export interface Part {
  readonly nodes: ReadonlySet<string>;
  readonly functions: ReadonlySet<string>;
}

/** TensorFlow's own rule, without which a name could hide a comma or a control mark. */
const NODE_NAME = /^[A-Za-z0-9.][A-Za-z0-9_>./\\-]*$/;
/** With `<>`: TensorFlow names the function of a lambda `__inference_<lambda>_1`. */
const FUNCTION_NAME = /^[A-Za-z0-9_.<>\\/-]+$/;
const MAX_CALL_DEPTH = 64;
/** All calls written out where they stand, as TensorFlow does before it runs. */
const MAX_EXPANDED_NODES = 1_000_000;

/** @throws Refused */
export function readGraph(meta: MetaGraph): SavedGraph {
  const nodes = meta.graphDef?.node ?? [];
  const library = meta.graphDef?.library?.function ?? [];
  const count = library.reduce((sum, item) => sum + item.nodeDef.length, nodes.length);
  if (
    nodes.length === 0 ||
    count > IMPORT_LIMITS.maxGraphNodes ||
    library.length > IMPORT_LIMITS.maxGraphNodes
  ) {
    refuseImport(
      'LIMIT_EXCEEDED',
      null,
      `The graph has ${count} nodes in all; 1 to ${IMPORT_LIMITS.maxGraphNodes} are accepted.`,
    );
  }
  const functions = new Map<string, FunctionProto>();
  for (const item of library) {
    const name = item.signature?.name ?? '';
    const isOp = [SAVED_MODEL_OPS, SAVER_OPS, TRAINING_OPS, TABLE_INIT_OPS].some((ops) => ops.has(name));
    if (
      !FUNCTION_NAME.test(name) ||
      name.length > IMPORT_LIMITS.maxNameLength ||
      functions.has(name) ||
      isOp
    ) {
      refuseImport(
        'CORRUPT_ARTIFACT',
        name,
        `The graph has a function named "${name}", which is no usable name, is an op's, or occurs twice.`,
      );
    }
    functions.set(name, item);
  }
  const byName = checkNames(nodes, 'graph');
  const own = nodes.find((node) => OWN_NAME.test(node.name));
  if (own !== undefined) {
    refuseImport('CORRUPT_ARTIFACT', own.name, `The node name "${own.name}" is taken by Souk; rename it.`);
  }
  for (const [name, item] of functions) checkNames(item.nodeDef, `function ${name}`);
  const graph = { nodes, byName, functions };
  for (const node of nodes) {
    const missing = node.input.map(nodeOf).find((input) => !byName.has(input));
    if (missing !== undefined) {
      refuseImport(
        'CORRUPT_ARTIFACT',
        node.name,
        `Node "${node.name}" reads "${missing}", which is not in the graph.`,
      );
    }
  }
  checkCalls(graph);
  return graph;
}

function checkNames(nodes: readonly NodeProto[], where: string): ReadonlyMap<string, NodeProto> {
  const byName = new Map<string, NodeProto>();
  for (const node of nodes) {
    if (
      !NODE_NAME.test(node.name) ||
      node.name.length > IMPORT_LIMITS.maxNameLength ||
      byName.has(node.name)
    ) {
      refuseImport(
        'CORRUPT_ARTIFACT',
        node.name,
        `The ${where} has a node named "${node.name}", which is no usable name or occurs twice.`,
      );
    }
    const keys = node.attr.map(({ key }) => key);
    if (new Set(keys).size < keys.length) {
      refuseImport('CORRUPT_ARTIFACT', node.name, `Node "${node.name}" has an attribute twice.`);
    }
    byName.set(node.name, node);
  }
  return byName;
}

/** `^name` (control), `name:1` (an output's number) and `name` all mean the node `name`. */
export function nodeOf(input: string): string {
  const bare = input.startsWith('^') ? input.slice(1) : input;
  const colon = bare.indexOf(':');
  return colon < 0 ? bare : bare.slice(0, colon);
}

/** Functions that a node names, as its op or anywhere in its attributes. */
export function callsOf(node: NodeProto, functions: SavedGraph['functions']): string[] {
  const called = namedIn(node.attr);
  const missing = called.find((name) => !functions.has(name));
  if (missing !== undefined) {
    refuseImport(
      'CORRUPT_ARTIFACT',
      node.name,
      `Node "${node.name}" calls the function "${missing}", which is not in the graph's library.`,
    );
  }
  return functions.has(node.op) ? [node.op, ...called] : called;
}

function namedIn(attr: readonly AttrEntry[]): string[] {
  const references = attr.flatMap(({ value }) => [
    ...(value?.func === null || value?.func === undefined ? [] : [value.func]),
    ...(value?.list?.func ?? []),
  ]);
  // An If without a branch of its own names the empty function.
  return references.flatMap(({ name, attr: inner }) => [...(name === '' ? [] : [name]), ...namedIn(inner)]);
}

/** No recursion, no deep nesting, and no doubling by calls of calls. */
function checkCalls({ nodes, functions }: SavedGraph): void {
  const sizes = new Map<string, number>();
  /** Kept too: functions in the order of their calls would each be one level deep, however many there are. */
  const heights = new Map<string, number>();
  const open = new Set<string>();

  function sizeOf(name: string): number {
    const known = sizes.get(name);
    if (known !== undefined) return known;
    if (open.has(name)) refuseImport('UNSUPPORTED_OP', name, `The function "${name}" calls itself.`);
    if (open.size >= MAX_CALL_DEPTH) refuseDepth(name);
    open.add(name);
    const items = functions.get(name)?.nodeDef ?? [];
    const size = expanded(items);
    open.delete(name);
    const below = items
      .flatMap((node) => callsOf(node, functions))
      .reduce((highest, called) => Math.max(highest, heights.get(called) ?? 0), 0);
    if (below >= MAX_CALL_DEPTH) refuseDepth(name);
    heights.set(name, below + 1);
    sizes.set(name, size);
    return size;
  }
  function expanded(items: readonly NodeProto[]): number {
    let sum = 0;
    for (const node of items) {
      sum += 1 + callsOf(node, functions).reduce((total, called) => total + sizeOf(called), 0);
    }
    if (sum > MAX_EXPANDED_NODES) {
      refuseImport(
        'LIMIT_EXCEEDED',
        null,
        `The graph grows beyond ${MAX_EXPANDED_NODES} nodes when its function calls are written out.`,
      );
    }
    return sum;
  }
  for (const name of functions.keys()) sizeOf(name);
  expanded(nodes);
}

function refuseDepth(name: string): never {
  return refuseImport('LIMIT_EXCEEDED', name, `Functions call each other more than ${MAX_CALL_DEPTH} deep.`);
}

/** Everything that the named nodes need, through inputs, control inputs and calls. */
export function partReachedFrom(graph: SavedGraph, names: readonly string[]): Part {
  const nodes = new Set<string>();
  const functions = new Set<string>();
  const waiting = [...names];
  const call = (node: NodeProto): void => {
    const inner = callsOf(node, graph.functions).filter((name) => !functions.has(name));
    for (const name of inner) {
      if (functions.has(name)) continue;
      functions.add(name);
      graph.functions.get(name)?.nodeDef.forEach(call);
    }
  };
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    const node = graph.byName.get(name);
    if (node === undefined || nodes.has(name)) continue;
    nodes.add(name);
    for (const input of node.input) waiting.push(nodeOf(input));
    call(node);
  }
  return { nodes, functions };
}

/** The nodes, and what they wait for by control inputs: before functions, a NoOp waited for all that was to run. */
export function reachedByControl(
  names: readonly string[],
  byName: SavedGraph['byName'],
): readonly NodeProto[] {
  const reached = new Map<string, NodeProto>();
  const waiting = [...names];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    const node = byName.get(name);
    if (node === undefined || reached.has(name)) continue;
    reached.set(name, node);
    for (const input of node.input) if (input.startsWith('^')) waiting.push(nodeOf(input));
  }
  return [...reached.values()];
}

export function joinedParts(parts: readonly Part[]): Part {
  return {
    nodes: new Set(parts.flatMap(({ nodes }) => [...nodes])),
    functions: new Set(parts.flatMap(({ functions }) => [...functions])),
  };
}

/** Every node of the part with the words for where it stands; `''` for the main graph. */
export function* nodesOfPart(graph: SavedGraph, part: Part): Generator<readonly [NodeProto, string]> {
  for (const node of graph.nodes) if (part.nodes.has(node.name)) yield [node, ''];
  for (const [name, item] of graph.functions) {
    if (part.functions.has(name)) for (const node of item.nodeDef) yield [node, ` in function "${name}"`];
  }
}

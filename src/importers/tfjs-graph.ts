/**
 * A TFJS graph model: a TensorFlow GraphDef in JSON. Every node's op, inside functions too, must be on the
 * allow-list. Inputs and outputs come from the signature where there is one, else from the graph itself.
 */
import type { Datatype } from '../lib/tensor.js';
import type { ConvertedModel, ModelTensor, WeightBlock } from './converted-model.js';
import { GRAPH_OPS, LOWERED_ONLY_OPS } from './graph-ops.js';
import { isBuiltInName, isObject, own, ownArray, ownObject, ownString, type JsonObject } from './json.js';
import { IMPORT_LIMITS } from './limits.js';
import { refuseImport } from './refused.js';
import { publicNames } from './signature.js';
import { lowerTfjsGraph } from './tfjs-lowering.js';

interface GraphNode {
  readonly name: string;
  readonly op: string;
  readonly inputs: readonly string[];
  readonly attributes: JsonObject;
}

/** @throws Refused naming the node and its op */
export function readTfjsGraph(
  model: JsonObject,
  topology: JsonObject,
  weights: readonly WeightBlock[],
  producer: string | null,
): ConvertedModel {
  const nodes = readNodes(ownArray(topology, 'node') ?? [], 'graph');
  const functions = ownArray(ownObject(topology, 'library') ?? {}, 'function') ?? [];
  const inner = functions.flatMap((item) =>
    readNodes(
      isObject(item) ? (ownArray(item, 'node_def') ?? ownArray(item, 'nodeDef') ?? []) : [],
      'function',
    ),
  );
  if (nodes.length === 0 || nodes.length + inner.length > IMPORT_LIMITS.maxGraphNodes) {
    refuseImport(
      'LIMIT_EXCEEDED',
      null,
      `The graph has ${nodes.length + inner.length} nodes; 1 to ${IMPORT_LIMITS.maxGraphNodes} are accepted.`,
    );
  }
  const byName = new Map(nodes.map((node) => [node.name, node]));
  if (byName.size < nodes.length)
    refuseImport('CORRUPT_ARTIFACT', null, 'The graph has two nodes of one name.');
  checkInputsExist(nodes, byName);
  checkConstants(nodes, weights);
  const notes: string[] = [];
  const signature =
    ownObject(model, 'signature') ?? ownObject(ownObject(model, 'userDefinedMetadata') ?? {}, 'signature');
  const inputs = modelInputs(signature, nodes, byName, weights, notes);
  const outputs = modelOutputs(signature, nodes, byName);
  if (inputs.length > IMPORT_LIMITS.maxInputs || outputs.length === 0) {
    refuseImport(
      'CORRUPT_ARTIFACT',
      null,
      `The graph has ${inputs.length} inputs and ${outputs.length} outputs.`,
    );
  }
  const initializer = own(model, 'modelInitializer');
  const { initial, fields } = initializerFields(model, initializer);
  const all = [...nodes, ...inner];
  const beyond = [...all, ...initial].find(({ op }) => LOWERED_ONLY_OPS.has(op));
  return {
    format: 'TFJS_GRAPH',
    producer,
    kind: 'tfjs-graph',
    lowered: lowerTfjsGraph({ model, topology, nodes, weights, inputs, outputs, readNodes }),
    modelTopology: {
      node: topology['node'],
      library: own(topology, 'library') ?? {},
      versions: own(topology, 'versions') ?? {},
    },
    weights,
    inputs,
    outputs,
    operations: all.map((node) => node.op).filter((op) => op !== 'Const' && op !== 'Placeholder'),
    notes,
    beyondEngines:
      beyond === undefined
        ? null
        : `Node "${beyond.name}" has the op "${beyond.op}", which Souk lets TensorFlow alone compute.`,
    graph: {
      ...(signature === null ? {} : { graphSignature: signature }),
      ...fields,
    },
  };
}

/** Hash tables are filled by a second small graph, whose ops obey the same list. */
function initializerFields(
  model: JsonObject,
  initializer: unknown,
): { readonly initial: readonly GraphNode[]; readonly fields: NonNullable<ConvertedModel['graph']> } {
  if (!isObject(initializer)) return { initial: [], fields: {} };
  const initial = readNodes(ownArray(initializer, 'node') ?? [], 'initializer');
  const signature = own(model, 'initializerSignature');
  const named = signature === undefined ? {} : { initializerSignature: signature };
  return { initial, fields: { initializer, ...named } };
}

function readNodes(items: readonly unknown[], where: string): readonly GraphNode[] {
  return items.map((item) => {
    const node = isObject(item) ? item : {};
    const name = ownString(node, 'name') ?? '';
    const op = ownString(node, 'op') ?? '';
    if (name === '' || op === '' || name.length > IMPORT_LIMITS.maxNameLength) {
      refuseImport('CORRUPT_ARTIFACT', name || null, `The ${where} has a node without a usable name or op.`);
    }
    // Engines look names up in plain objects, where these would be found without being there.
    if (isBuiltInName(name))
      refuseImport(
        'CORRUPT_ARTIFACT',
        name,
        `The ${where} has a node named "${name}", which is not allowed.`,
      );
    if (!GRAPH_OPS.has(op) && !LOWERED_ONLY_OPS.has(op)) {
      refuseImport(
        'UNSUPPORTED_OP',
        name,
        `Node "${name}" has the op "${op}", which no engine of Souk computes in a TensorFlow.js graph. The SavedModel that it was converted from, or an ONNX file of the same model, may be served.`,
      );
    }
    const inputs = ownArray(node, 'input') ?? [];
    if (!inputs.every((input) => typeof input === 'string')) {
      return refuseImport('CORRUPT_ARTIFACT', name, `Node "${name}" has inputs that are no names.`);
    }
    return { name, op, inputs, attributes: ownObject(node, 'attr') ?? {} };
  });
}

/** `^name` (control), `name:1` (an output's number) and `name` all mean the node `name`. */
function nodeNameOf(input: string): string {
  const bare = input.startsWith('^') ? input.slice(1) : input;
  const colon = bare.indexOf(':');
  return colon < 0 ? bare : bare.slice(0, colon);
}

function checkInputsExist(nodes: readonly GraphNode[], byName: ReadonlyMap<string, GraphNode>): void {
  for (const node of nodes) {
    const missing = node.inputs.find((input) => !byName.has(nodeNameOf(input)));
    if (missing !== undefined) {
      refuseImport(
        'CORRUPT_ARTIFACT',
        node.name,
        `Node "${node.name}" reads "${missing}", which is not in the graph.`,
      );
    }
  }
}

/** A constant without its value makes engines fail in the middle of a run, with a message about `undefined`. */
function checkConstants(nodes: readonly GraphNode[], weights: readonly WeightBlock[]): void {
  const known = new Set(weights.map((block) => block.spec.name));
  const missing = nodes.find((node) => node.op === 'Const' && !known.has(node.name));
  if (missing !== undefined) {
    refuseImport(
      'CORRUPT_ARTIFACT',
      missing.name,
      `The constant "${missing.name}" of the graph is not among the weights.`,
    );
  }
}

const DATATYPES: ReadonlyMap<unknown, Datatype> = new Map<unknown, Datatype>([
  ['DT_FLOAT', 'FP32'],
  [1, 'FP32'],
  ['DT_HALF', 'FP32'],
  [19, 'FP32'],
  ['DT_DOUBLE', 'FP32'],
  [2, 'FP32'],
  ['DT_INT32', 'INT32'],
  [3, 'INT32'],
  ['DT_INT64', 'INT32'],
  [9, 'INT32'],
  ['DT_INT8', 'INT32'],
  [6, 'INT32'],
  ['DT_UINT8', 'INT32'],
  [4, 'INT32'],
  ['DT_BOOL', 'BOOL'],
  [10, 'BOOL'],
  ['DT_STRING', 'BYTES'],
  [7, 'BYTES'],
]);
const NARROWED = new Set<unknown>([
  'DT_DOUBLE',
  2,
  'DT_INT64',
  9,
  'DT_HALF',
  19,
  'DT_INT8',
  6,
  'DT_UINT8',
  4,
]);

function datatypeOf(dtype: unknown, name: string, notes: string[]): Datatype {
  const datatype = DATATYPES.get(dtype);
  if (datatype === undefined) {
    return refuseImport(
      'UNSUPPORTED_TENSOR',
      name,
      `"${name}" has the dtype ${String(dtype)}, which no engine takes.`,
    );
  }
  if (NARROWED.has(dtype))
    notes.push(
      `"${name}" is declared as ${String(dtype)}; TensorFlow.js takes it as ${datatype}, and so must callers.`,
    );
  return datatype;
}

/** Sizes from a TensorShapeProto in JSON; `null` when the rank is unknown. */
function shapeOf(value: unknown): readonly number[] | null {
  if (!isObject(value) || own(value, 'unknownRank') === true) return null;
  const dimensions = ownArray(value, 'dim');
  if (dimensions === null) return null;
  return dimensions.map((dimension) => {
    const size = isObject(dimension) ? Number(own(dimension, 'size') ?? -1) : -1;
    return Number.isInteger(size) && size >= 0 && size < 2 ** 31 ? size : -1;
  });
}

interface SignatureEntry {
  readonly key: string;
  readonly node: string;
  readonly entry: JsonObject;
}

function signatureEntries(
  signature: JsonObject | null,
  side: 'inputs' | 'outputs',
  byName: ReadonlyMap<string, GraphNode>,
): readonly SignatureEntry[] {
  const entries = signature === null ? null : ownObject(signature, side);
  if (entries === null) return [];
  return Object.keys(entries).flatMap((key) => {
    const entry = ownObject(entries, key);
    const node = entry === null ? null : ownString(entry, 'name');
    // A hash table handed in from outside has a resource entry that callers never send.
    if (entry === null || node === null || own(entry, 'resourceId') !== undefined) return [];
    if (!byName.has(nodeNameOf(node))) {
      return refuseImport(
        'CORRUPT_ARTIFACT',
        key,
        `The signature names the tensor "${node}", which is not in the graph.`,
      );
    }
    return [{ key, node, entry }];
  });
}

function modelInputs(
  signature: JsonObject | null,
  nodes: readonly GraphNode[],
  byName: ReadonlyMap<string, GraphNode>,
  weights: readonly WeightBlock[],
  notes: string[],
): readonly ModelTensor[] {
  const entries = signatureEntries(signature, 'inputs', byName);
  const placeholders = nodes.filter((node) => node.op === 'Placeholder');
  const found =
    entries.length > 0
      ? entries.map(({ key, node, entry }) => ({ key, node: nodeNameOf(node), entry }))
      : placeholders.map((node) => ({ key: node.name, node: node.name, entry: {} }));
  const fed = new Set([...found.map(({ node }) => node), ...resourceInputs(signature)]);
  const unfed = placeholders.find((node) => !fed.has(node.name));
  if (unfed !== undefined) {
    refuseImport(
      'CORRUPT_ARTIFACT',
      unfed.name,
      `The graph needs the input "${unfed.name}", which its signature does not name.`,
    );
  }
  const names = publicNames(found.map(({ key }) => key));
  return found.map(({ node, entry }, i) => {
    const name = names[i] ?? node;
    const attributes = byName.get(node)?.attributes ?? {};
    const shape =
      shapeOf(own(entry, 'tensorShape')) ?? shapeOf(own(ownObject(attributes, 'shape') ?? {}, 'shape'));
    if (shape === null || shape.length > IMPORT_LIMITS.maxRank) {
      return refuseImport(
        'UNSUPPORTED_TENSOR',
        name,
        `The input "${name}" does not say how many dimensions it has (or more than ${IMPORT_LIMITS.maxRank}).`,
      );
    }
    if (
      shape.includes(0) ||
      shape.reduce((product, d) => product * Math.max(1, d), 1) > IMPORT_LIMITS.maxInputElements
    ) {
      refuseImport(
        'LIMIT_EXCEEDED',
        name,
        `The input "${name}" has the shape [${shape.join(', ')}]; 1 to ${IMPORT_LIMITS.maxInputElements} elements are accepted.`,
      );
    }
    const dtype = own(ownObject(attributes, 'dtype') ?? {}, 'type') ?? own(entry, 'dtype');
    const largestIndex = largestIndexOf(node, nodes, weights);
    const datatype = datatypeOf(dtype, name, notes);
    return { name, node, datatype, shape, ...(largestIndex === null ? {} : { largestIndex }) };
  });
}

/** Tables and other resources, which the initialiser makes: callers never send them. */
function resourceInputs(signature: JsonObject | null): readonly string[] {
  const entries = signature === null ? null : ownObject(signature, 'inputs');
  return Object.keys(entries ?? {}).flatMap((key) => {
    const entry = ownObject(entries ?? {}, key);
    const name = entry === null ? null : ownString(entry, 'name');
    return name !== null && entry !== null && own(entry, 'resourceId') !== undefined
      ? [nodeNameOf(name)]
      : [];
  });
}

/** Ops between an input and the table that it is looked up in. */
const PASSES_INDEX = new Set(['Cast', 'Identity', 'Reshape', 'ExpandDims', 'Squeeze', 'StopGradient']);

/** An input that is looked up in constant tables: the last place that all of them have. */
function largestIndexOf(
  input: string,
  nodes: readonly GraphNode[],
  weights: readonly WeightBlock[],
): number | null {
  const shapes = new Map(weights.map(({ spec }) => [spec.name, spec.shape]));
  const indices = new Set([input]);
  const rows: number[] = [];
  // In the order of the file, which lists what is read before what reads it.
  for (const { name, op, inputs } of nodes) {
    const [first = '', second = ''] = inputs.map(nodeNameOf);
    if (PASSES_INDEX.has(op) && indices.has(first)) indices.add(name);
    const size = /^Gather(V2)?$/.test(op) && indices.has(second) ? shapes.get(first)?.[0] : undefined;
    if (size !== undefined) rows.push(size);
  }
  return rows.length === 0 ? null : Math.min(...rows) - 1;
}

/** Without a signature, what nothing else reads is an output; so TensorFlow.js sees it too. */
function modelOutputs(
  signature: JsonObject | null,
  nodes: readonly GraphNode[],
  byName: ReadonlyMap<string, GraphNode>,
): readonly ModelTensor[] {
  const entries = signatureEntries(signature, 'outputs', byName);
  const read = new Set(nodes.flatMap((node) => node.inputs.map(nodeNameOf)));
  const leaves = nodes.filter((node) => !read.has(node.name) && !NOT_OUTPUTS.has(node.op));
  const found =
    entries.length > 0 ? entries : leaves.map((node) => ({ key: node.name, node: node.name, entry: {} }));
  const names = publicNames(found.map(({ key }) => key));
  return found.map(({ node, entry }, i) => {
    const source = byName.get(nodeNameOf(node));
    const declared = own(entry, 'dtype') ?? (source === undefined ? undefined : outputDtype(source));
    return {
      name: names[i] ?? node,
      node: node.replace(/:0$/, ''),
      datatype: DATATYPES.get(declared) ?? 'FP32',
      shape: shapeOf(own(entry, 'tensorShape')),
    };
  });
}

const NOT_OUTPUTS = new Set(['Const', 'Placeholder', 'PlaceholderWithDefault', 'NoOp']);
const BOOLEAN_OPS = /^(Greater|Less|Equal|NotEqual|Logical|Is(Finite|Inf|Nan)|All$|Any$)/;

/** The dtype of a node's first output, by the attribute that its kind of op keeps it in. */
function outputDtype(node: GraphNode): unknown {
  if (BOOLEAN_OPS.test(node.op)) return 'DT_BOOL';
  if (node.op === 'ArgMax' || node.op === 'ArgMin') return 'DT_INT32';
  for (const attribute of ['DstT', 'out_type', 'output_type', 'dtype', 'T']) {
    const type = own(ownObject(node.attributes, attribute) ?? {}, 'type');
    if (type !== undefined) return type;
  }
  return undefined;
}

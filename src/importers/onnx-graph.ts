/**
 * Every node of an ONNX file, in subgraphs and functions too, against the allow-list; every tensor in an attribute;
 * what functions unfold to; and constants that ask for far more memory than they are.
 */
import { IMPORT_LIMITS } from './limits.js';
import { domainOf, ONNX_OPS, OPS_WITH_GRAPHS } from './onnx-ops.js';
import { checkTensor, elementTypeName, smallIntegers } from './onnx-tensors.js';
import {
  bytesField,
  intOf,
  messageField,
  messageList,
  readVarints,
  textField,
  textList,
  type Message,
} from './onnx-wire.js';
import { refuseImport } from './refused.js';

export interface GraphFacts {
  /** One entry for each node; of other domains than the standard one with the domain. */
  readonly operations: readonly string[];
  /** Of the initialisers of all graphs. */
  readonly parameters: number;
}

/** How AttributeProto.type numbers its kinds, and where each kind's value is. 11 and 12 are sparse tensors. */
const VALUE_FIELDS: ReadonlyMap<bigint, string> = new Map([
  [1n, 'f'],
  [2n, 'i'],
  [3n, 's'],
  [4n, 't'],
  [5n, 'g'],
  [6n, 'floats'],
  [7n, 'ints'],
  [8n, 'strings'],
  [9n, 'tensors'],
  [10n, 'graphs'],
  [11n, 'sparse_tensor'],
  [12n, 'sparse_tensors'],
  [13n, 'tp'],
  [14n, 'type_protos'],
]);

/** Ops whose output is as large as the named input says: its constant value is checked. */
const SIZED_BY_INPUT: ReadonlyMap<string, number> = new Map([
  ['ConstantOfShape', 0],
  ['Expand', 1],
  ['Tile', 1],
]);
const SIZED_BY_SHAPE: ReadonlySet<string> = new Set(['RandomNormal', 'RandomUniform']);

function keyOf(domain: string, name: string, overload: string): string {
  return `${domainOf(domain)}\n${name}\n${overload}`;
}

/** @throws Refused naming the node, tensor or function at fault */
export function checkModelGraphs(model: Message, graph: Message): GraphFacts {
  const operations: string[] = [];
  let parameters = 0;
  let initialisers = 0;
  const functions = functionsOf(model);

  const checkAttribute = (
    node: Message,
    label: string,
    attribute: Message,
    depth: number,
    inFunction: boolean,
  ): void => {
    const name = textField(attribute, 'name');
    const filled = [...VALUE_FIELDS.values()].filter((field) => attribute.fields.has(field));
    const refersTo = textField(attribute, 'ref_attr_name');
    const declared = VALUE_FIELDS.get(intOf(attribute, 'type'));
    const isReference = refersTo !== '' && inFunction && filled.length === 0;
    // A list may be empty, and is then not there at all.
    const isEmptyList =
      declared !== undefined && declared.endsWith('s') && declared !== 's' && filled.length === 0;
    const isEmptyScalar = declared !== undefined && ['f', 'i', 's'].includes(declared) && filled.length === 0;
    const holdsDeclared = filled.length === 1 && filled[0] === declared && refersTo === '';
    if (name === '' || !(isReference || isEmptyList || isEmptyScalar || holdsDeclared)) {
      refuseImport(
        'CORRUPT_ARTIFACT',
        label,
        `The attribute "${name}" of node "${label}" does not hold one value of its type.`,
      );
    }
    if (attribute.fields.has('sparse_tensor') || attribute.fields.has('sparse_tensors')) refuseSparse(label);
    for (const tensor of tensorsOf(attribute)) checkTensor(tensor, `${label}.${name}`);
    const graphs = graphsOf(attribute);
    if (graphs.length === 0) return;
    if (!OPS_WITH_GRAPHS.has(textField(node, 'op_type')) || domainOf(textField(node, 'domain')) !== '') {
      refuseImport(
        'UNSUPPORTED_OP',
        label,
        `Node "${label}" carries a graph, which only ${[...OPS_WITH_GRAPHS].join(', ')} may.`,
      );
    }
    for (const inner of graphs) checkGraph(inner, depth + 1, inFunction);
  };

  const checkNodes = (
    nodes: readonly Message[],
    constants: ReadonlyMap<string, Message>,
    depth: number,
    inFunction: boolean,
  ): void => {
    for (const node of nodes) {
      const op = textField(node, 'op_type');
      const domain = domainOf(textField(node, 'domain'));
      const label = printableLabel(node);
      if (!functions.has(keyOf(domain, op, textField(node, 'overload')))) checkOp(domain, op, label);
      operations.push(domain === '' ? op : `${domain}.${op}`);
      if (operations.length > IMPORT_LIMITS.maxGraphNodes) refuseTooMany(operations.length);
      const attributes = messageList(node, 'attribute');
      if (new Set(attributes.map((attribute) => textField(attribute, 'name'))).size < attributes.length) {
        refuseImport('CORRUPT_ARTIFACT', label, `Node "${label}" has an attribute twice.`);
      }
      for (const attribute of attributes) checkAttribute(node, label, attribute, depth, inFunction);
      if (domain === '') {
        checkOutputSize(node, op, label, constants);
        if (op === 'DFT') checkTransform(attributes, label);
        if (op === 'MaxUnpool' && (textList(node, 'input')[2] ?? '') !== '') refuseUnpool(label);
      }
    }
  };

  const checkGraph = (part: Message, depth: number, inFunction: boolean): void => {
    if (depth > IMPORT_LIMITS.maxModelNesting) {
      refuseImport(
        'LIMIT_EXCEEDED',
        null,
        `Graphs are nested ${depth} deep; ${IMPORT_LIMITS.maxModelNesting} are accepted.`,
      );
    }
    const tensors = messageList(part, 'initializer');
    if (messageList(part, 'sparse_initializer').length > 0) refuseSparse(textField(part, 'name'));
    initialisers += tensors.length;
    if (initialisers > IMPORT_LIMITS.maxTensors) {
      refuseImport(
        'LIMIT_EXCEEDED',
        null,
        `The model has more than ${IMPORT_LIMITS.maxTensors} tensors of weights.`,
      );
    }
    const names = new Set<string>();
    for (const name of tensors.map((tensor) => textField(tensor, 'name'))) {
      if (names.has(name)) {
        refuseImport('CORRUPT_ARTIFACT', name, `The graph has two tensors of weights named "${name}".`);
      }
      names.add(name);
    }
    for (const tensor of tensors) parameters += checkTensor(tensor, 'initializer').elements;
    const nodes = messageList(part, 'node');
    checkNodes(nodes, constantsOf(tensors, nodes), depth, inFunction);
  };

  checkGraph(graph, 1, false);
  for (const body of functions.values()) {
    const nodes = messageList(body, 'node');
    for (const attribute of messageList(body, 'attribute_proto')) {
      checkAttribute(body, textField(body, 'name'), attribute, 1, true);
    }
    checkNodes(nodes, constantsOf([], nodes), 1, true);
  }
  checkUnfolded(graph, functions);
  return { operations, parameters };
}

function checkOp(domain: string, op: string, label: string): void {
  const known = ONNX_OPS.get(domain);
  if (known?.has(op) === true) return;
  const full = domain === '' ? op : `${domain}.${op}`;
  const why =
    domain === 'ai.onnx.ml' && op === 'ZipMap'
      ? 'is not the last one before an output; convert with options={"zipmap": False}'
      : known === undefined
        ? `belongs to the domain "${domain}", whose operators Souk does not run; export with standard ONNX operators`
        : 'is not an operator that Souk runs';
  refuseImport('UNSUPPORTED_OP', label, `Node "${label}" has the op "${full}", which ${why}.`);
}

function functionsOf(model: Message): ReadonlyMap<string, Message> {
  const functions = new Map<string, Message>();
  for (const body of messageList(model, 'functions')) {
    const name = textField(body, 'name');
    const key = keyOf(textField(body, 'domain'), name, textField(body, 'overload'));
    if (name === '' || functions.has(key)) {
      refuseImport(
        'CORRUPT_ARTIFACT',
        name || null,
        `The file defines the function "${name}" twice or without a name.`,
      );
    }
    if (ONNX_OPS.has(domainOf(textField(body, 'domain')))) {
      // The runtime prefers its own kernel in some places and the function in others.
      refuseImport(
        'UNSUPPORTED_OP',
        name,
        `The file defines "${name}" anew, in a domain that belongs to the runtime.`,
      );
    }
    functions.set(key, body);
  }
  return functions;
}

/** The runtime unfolds functions into the graph: thirty that call each other twice would be 2^30 nodes. */
function checkUnfolded(graph: Message, functions: ReadonlyMap<string, Message>): void {
  const sizes = new Map<string, number>();
  /** Kept too: functions in the order of their calls would each be one level deep, however many there are. */
  const heights = new Map<string, number>();
  const heightOfNodes = (nodes: readonly Message[]): number =>
    nodes.reduce((highest, node) => {
      const key = keyOf(textField(node, 'domain'), textField(node, 'op_type'), textField(node, 'overload'));
      const inner = messageList(node, 'attribute').flatMap(graphsOf);
      const within = inner.map((part) => heightOfNodes(messageList(part, 'node')));
      return Math.max(highest, heights.get(key) ?? 0, ...within);
    }, 0);
  const sizeOfNodes = (nodes: readonly Message[], open: readonly string[]): number =>
    nodes.reduce((sum, node) => {
      const key = keyOf(textField(node, 'domain'), textField(node, 'op_type'), textField(node, 'overload'));
      const inner = messageList(node, 'attribute').flatMap(graphsOf);
      const within = inner.reduce((count, part) => count + sizeOfNodes(messageList(part, 'node'), open), 0);
      return sum + 1 + within + sizeOfFunction(key, open);
    }, 0);
  const sizeOfFunction = (key: string, open: readonly string[]): number => {
    const body = functions.get(key);
    if (body === undefined) return 0;
    const known = sizes.get(key);
    if (known !== undefined) return known;
    const name = textField(body, 'name');
    if (open.includes(key)) refuseImport('CORRUPT_ARTIFACT', name, `The function "${name}" calls itself.`);
    const maxDepth = IMPORT_LIMITS.maxModelNesting * 4;
    const nodes = messageList(body, 'node');
    const size = open.length >= maxDepth ? Infinity : sizeOfNodes(nodes, [...open, key]);
    const below = heightOfNodes(nodes);
    if (size === Infinity || below >= maxDepth) {
      refuseImport('LIMIT_EXCEEDED', name, `Functions call each other more than ${maxDepth} deep.`);
    }
    heights.set(key, below + 1);
    if (size > IMPORT_LIMITS.maxGraphNodes) refuseTooMany(size);
    sizes.set(key, size);
    return size;
  };
  const total = sizeOfNodes(messageList(graph, 'node'), []);
  if (total > IMPORT_LIMITS.maxGraphNodes) refuseTooMany(total);
  for (const key of functions.keys()) sizeOfFunction(key, []);
}

function refuseTooMany(count: number): never {
  return refuseImport(
    'LIMIT_EXCEEDED',
    null,
    `The model has ${count} nodes or more with its functions unfolded; ${IMPORT_LIMITS.maxGraphNodes} are accepted.`,
  );
}

function refuseSparse(subject: string): never {
  return refuseImport(
    'UNSUPPORTED_TENSOR',
    subject || null,
    `"${subject}" has sparse tensors, which Souk does not take.`,
  );
}

function constantsOf(tensors: readonly Message[], nodes: readonly Message[]): ReadonlyMap<string, Message> {
  const constants = new Map(tensors.map((tensor) => [textField(tensor, 'name'), tensor]));
  for (const node of nodes) {
    if (textField(node, 'op_type') !== 'Constant') continue;
    const value = messageList(node, 'attribute').map((attribute) => messageField(attribute, 't'))[0];
    const [output] = textList(node, 'output');
    if (value != null && output !== undefined) constants.set(output, value);
  }
  return constants;
}

function checkOutputSize(
  node: Message,
  op: string,
  label: string,
  constants: ReadonlyMap<string, Message>,
): void {
  let sizes: readonly bigint[] | null = null;
  const at = SIZED_BY_INPUT.get(op);
  if (at !== undefined) {
    const tensor = constants.get(textList(node, 'input')[at] ?? '');
    sizes = tensor === undefined ? null : smallIntegers(tensor);
  } else if (SIZED_BY_SHAPE.has(op)) {
    const shape = messageList(node, 'attribute').find(
      (attribute) => textField(attribute, 'name') === 'shape',
    );
    const packed = shape === undefined ? null : bytesField(shape, 'ints');
    sizes = packed === null || packed.length > 1024 ? null : readVarints(packed);
  }
  const elements = (sizes ?? []).reduce((product, size) => product * (size < 0n ? 1n : size), 1n);
  if (elements > BigInt(IMPORT_LIMITS.maxInputElements)) {
    refuseImport(
      'LIMIT_EXCEEDED',
      label,
      `Node "${label}" (${op}) makes ${elements} elements; ${IMPORT_LIMITS.maxInputElements} are accepted.`,
    );
  }
}

/** The runtime never comes back from a one-sided inverse transform of an axis of length one, which callers may send. */
function checkTransform(attributes: readonly Message[], label: string): void {
  const isSet = (name: string): boolean =>
    attributes.some(
      (attribute) =>
        textField(attribute, 'name') === name &&
        (intOf(attribute, 'i') !== 0n || textField(attribute, 'ref_attr_name') !== ''),
    );
  if (!isSet('inverse') || !isSet('onesided')) return;
  refuseImport(
    'UNSUPPORTED_OP',
    label,
    `Node "${label}" (DFT) is inverse and one-sided, which Souk does not run; use a two-sided inverse transform.`,
  );
}

function refuseUnpool(label: string): never {
  return refuseImport(
    'UNSUPPORTED_OP',
    label,
    `Node "${label}" (MaxUnpool) is given its output's shape, with which the runtime computes something else; export it without.`,
  );
}

function tensorsOf(attribute: Message): readonly Message[] {
  const one = messageField(attribute, 't');
  return [...(one === null ? [] : [one]), ...messageList(attribute, 'tensors')];
}

function graphsOf(attribute: Message): readonly Message[] {
  const one = messageField(attribute, 'g');
  return [...(one === null ? [] : [one]), ...messageList(attribute, 'graphs')];
}

/** Many exporters leave nodes without names; then the first output names it. */
function printableLabel(node: Message): string {
  return (
    textField(node, 'name') ||
    textList(node, 'output').find((name) => name !== '') ||
    textField(node, 'op_type')
  );
}

/** For messages about a type that is no tensor. */
export function describeType(type: Message | null): string {
  if (type === null) return 'of unknown type';
  if (type.fields.has('sequence_type')) {
    const element = messageField(messageField(type, 'sequence_type') ?? type, 'elem_type');
    return element?.fields.has('map_type') === true ? 'a list of maps' : 'a list of tensors';
  }
  if (type.fields.has('map_type')) return 'a map';
  if (type.fields.has('optional_type')) return 'optional';
  const tensor = messageField(type, 'tensor_type');
  return tensor === null ? 'of unknown type' : `a tensor of ${elementTypeName(intOf(tensor, 'elem_type'))}`;
}

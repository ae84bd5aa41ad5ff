/**
 * A TensorFlow SavedModel: the served part of its graph is checked op by op and written anew, together with
 * the variables that it reads. Nothing else of the file gets into the pack.
 */
import { elementCount } from '../lib/tensor.js';
import type { Archive } from './archive.js';
import type { ConvertedModel, ModelTensor } from './converted-model.js';
import { IMPORT_LIMITS } from './limits.js';
import { refuseImport } from './refused.js';
import { writeSavedModel } from './saved-model-canonical.js';
import { constantParameters } from './saved-model-constants.js';
import { checkOps, nodeOf, partReachedFrom, readGraph, type SavedGraph } from './saved-model-graph.js';
import { readRestore, saverNodes } from './saved-model-saver.js';
import { indexOf, readVariables, type Variable } from './saved-model-variables.js';
import { ELEMENT_TYPES, typeName } from './tensorflow-types.js';
import {
  decodeSavedModel,
  sizesOf,
  type MetaGraph,
  type SignatureEntry,
  type TensorInfoEntry,
} from './tensorflow-proto.js';

/** Decoding holds it in memory two or three times over. */
const MAX_GRAPH_BYTES = 512 * 1024 * 1024;
const PREFERRED = 'serving_default';
/** How TensorFlow itself calls what it does at load; nothing for callers. */
const INTERNAL_SIGNATURE = '__saved_model_';

/**
 * @param base the folder of saved_model.pb in the archive, with its slash, or ''
 * @throws Refused naming the node, function or file
 */
export function readSavedModel(archive: Archive, base: string): ConvertedModel {
  const name = `${base}saved_model.pb`;
  const source = archive.files.get(name);
  if (source === undefined) return refuseImport('CORRUPT_ARTIFACT', name, `The archive holds no ${name}.`);
  if (source.size > MAX_GRAPH_BYTES) {
    refuseImport(
      'LIMIT_EXCEEDED',
      name,
      `${name} has ${source.size} bytes; at most ${MAX_GRAPH_BYTES} are read.`,
    );
  }
  const meta = chooseGraph(decodeSavedModel(source.read(0, source.size)).metaGraphs);
  const graph = readGraph(meta);
  const { signature, notes } = chooseSignature(meta.signatureDef);
  const inputs = tensorsOf(signature, 'inputs', graph);
  const outputs = tensorsOf(signature, 'outputs', graph);
  const served = partReachedFrom(
    graph,
    [...inputs, ...outputs].map((tensor) => nodeOf(tensor.node)),
  );
  checkOps(graph, served, partReachedFrom(graph, saverNodes(meta)));
  checkFed(graph, served.nodes, inputs);

  const servedNodes = graph.nodes.filter((node) => served.nodes.has(node.name));
  const handles = servedNodes.filter((node) => node.op === 'VarHandleOp');
  const variables = readVariables(archive, base, handles, readRestore(meta, graph));
  const functions = [...graph.functions].filter(([key]) => served.functions.has(key)).map(([, item]) => item);
  const allNodes = [...servedNodes, ...functions.flatMap((item) => item.nodeDef)];
  const version = meta.metaInfoDef?.tensorflowVersion ?? '';
  return {
    format: 'SAVED_MODEL',
    producer: version === '' ? null : `tensorflow ${version}`,
    kind: 'saved-model',
    modelTopology: null,
    weights: [],
    files: filesOf(writeSavedModel(meta, graph, served, variables), variables),
    parameters:
      variables.reduce((sum, { sizes }) => sum + elementCount(sizes), 0) + constantParameters(allNodes),
    inputs,
    outputs,
    operations: allNodes
      .map((node) => node.op)
      .filter((op) => op !== 'Const' && op !== 'Placeholder' && op !== 'NoOp' && !graph.functions.has(op)),
    notes: [...notes, ...leftOut(archive, base)],
  };
}

function chooseGraph(graphs: readonly MetaGraph[]): MetaGraph {
  const serving = graphs.filter(({ metaInfoDef }) => metaInfoDef?.tags.includes('serve') === true);
  const [only, ...others] = serving.length > 0 ? serving : graphs;
  if (only === undefined) {
    return refuseImport('CORRUPT_ARTIFACT', 'saved_model.pb', 'saved_model.pb holds no graph.');
  }
  // With tags such as "gpu" there may be one for each kind of machine; the plain one is for all.
  const plain = [only, ...others].find(({ metaInfoDef }) => metaInfoDef?.tags.length === 1);
  return plain ?? only;
}

function chooseSignature(entries: readonly SignatureEntry[]): {
  readonly signature: SignatureEntry;
  readonly notes: readonly string[];
} {
  const known = entries.filter(({ key }) => !key.startsWith(INTERNAL_SIGNATURE));
  const signature = known.find(({ key }) => key === PREFERRED) ?? (known.length === 1 ? known[0] : undefined);
  const listed = known
    .slice(0, 10)
    .map(({ key }) => `"${key}"`)
    .join(', ');
  if (signature === undefined) {
    return refuseImport(
      'UNSUPPORTED_FORMAT',
      'saved_model.pb',
      known.length === 0
        ? 'The SavedModel has no signature, so nothing says what it takes and gives. Export it with a serving signature, for example model.export(path) in Keras.'
        : `The SavedModel has several signatures (${listed}) and none is called "${PREFERRED}".`,
    );
  }
  const others = known.filter((entry) => entry !== signature).map(({ key }) => `"${key}"`);
  const notes =
    others.length === 0
      ? []
      : [
          `The signature "${signature.key}" is served; ${others.slice(0, 10).join(', ')} ${others.length === 1 ? 'was' : 'were'} left out.`,
        ];
  return { signature, notes };
}

function tensorsOf(signature: SignatureEntry, side: 'inputs' | 'outputs', graph: SavedGraph): ModelTensor[] {
  const entries = signature.value?.[side] ?? [];
  if (entries.length > IMPORT_LIMITS.maxInputs || (side === 'outputs' && entries.length === 0)) {
    refuseImport(
      'CORRUPT_ARTIFACT',
      signature.key,
      `The signature "${signature.key}" has ${entries.length} ${side}; at most ${IMPORT_LIMITS.maxInputs} inputs and at least one output are accepted.`,
    );
  }
  const names = new Set(entries.map(({ key }) => key));
  if (names.size < entries.length || names.has('')) {
    refuseImport(
      'CORRUPT_ARTIFACT',
      signature.key,
      `The signature "${signature.key}" has ${side} without a name of their own.`,
    );
  }
  return entries.map((entry) => tensorOf(entry, side, graph));
}

function tensorOf(
  { key, value }: TensorInfoEntry,
  side: 'inputs' | 'outputs',
  graph: SavedGraph,
): ModelTensor {
  const what = side === 'inputs' ? 'input' : 'output';
  if (key.length > IMPORT_LIMITS.maxNameLength) {
    refuseImport(
      'CORRUPT_ARTIFACT',
      key,
      `The name of an ${what} is longer than ${IMPORT_LIMITS.maxNameLength} characters.`,
    );
  }
  if (value === null || value.cooSparse !== null || value.compositeTensor !== null) {
    // The default of a bytes field is empty, and then it was not there.
    const isSparse = (value?.cooSparse?.length ?? 0) + (value?.compositeTensor?.length ?? 0) > 0;
    if (value === null || isSparse) {
      return refuseImport(
        'UNSUPPORTED_TENSOR',
        key,
        `The ${what} "${key}" is sparse or made of several tensors; only plain ones are served.`,
      );
    }
  }
  if (!graph.byName.has(nodeOf(value.name)) || !/^[^:^]+:\d{1,4}$/.test(value.name)) {
    refuseImport(
      'CORRUPT_ARTIFACT',
      key,
      `The signature names the tensor "${value.name}", which is not in the graph.`,
    );
  }
  const type = ELEMENT_TYPES.get(value.dtype);
  const datatype = side === 'inputs' ? type?.input : type?.output;
  if (datatype === undefined || datatype === null) {
    const carried = [...ELEMENT_TYPES.values()].filter(
      (known) => (side === 'inputs' ? known.input : known.output) !== null,
    );
    return refuseImport(
      'UNSUPPORTED_TENSOR',
      key,
      `The ${what} "${key}" is ${typeName(value.dtype)}; an ${what} of a SavedModel can be ${carried.map((known) => known.name).join(', ')}.`,
    );
  }
  const shape = sizesOf(value.tensorShape);
  if (side === 'inputs') checkInputShape(key, shape);
  return { name: key, node: value.name, datatype, shape };
}

function checkInputShape(name: string, shape: readonly number[] | null): void {
  if (shape === null || shape.length > IMPORT_LIMITS.maxRank) {
    return refuseImport(
      'UNSUPPORTED_TENSOR',
      name,
      `The input "${name}" does not say how many dimensions it has (or more than ${IMPORT_LIMITS.maxRank}).`,
    );
  }
  const elements = shape.reduce((product, size) => product * Math.max(1, size), 1);
  if (shape.includes(0) || elements > IMPORT_LIMITS.maxInputElements) {
    refuseImport(
      'LIMIT_EXCEEDED',
      name,
      `The input "${name}" has the shape [${shape.join(', ')}]; 1 to ${IMPORT_LIMITS.maxInputElements} elements are accepted.`,
    );
  }
}

/** A run with an open placeholder would fail in the middle, with TensorFlow's words. */
function checkFed(graph: SavedGraph, served: ReadonlySet<string>, inputs: readonly ModelTensor[]): void {
  const fed = new Set(inputs.map(({ node }) => nodeOf(node)));
  const open = graph.nodes.find(
    (node) => node.op === 'Placeholder' && served.has(node.name) && !fed.has(node.name),
  );
  if (open !== undefined) {
    refuseImport(
      'CORRUPT_ARTIFACT',
      open.name,
      `The graph needs the input "${open.name}", which its signature does not name.`,
    );
  }
}

function filesOf(graph: Uint8Array, variables: readonly Variable[]): NonNullable<ConvertedModel['files']> {
  const whole = (name: string, bytes: Uint8Array) => ({
    name,
    byteLength: bytes.length,
    read: () => [bytes],
  });
  if (variables.length === 0) return [whole('saved_model.pb', graph)];
  return [
    whole('saved_model.pb', graph),
    whole('variables/variables.index', indexOf(variables)),
    {
      name: 'variables/variables.data-00000-of-00001',
      byteLength: variables.reduce((sum, { byteLength }) => sum + byteLength, 0),
      *read() {
        for (const variable of variables) yield variable.read();
      },
    },
  ];
}

function leftOut(archive: Archive, base: string): string[] {
  const known =
    /^(saved_model\.pb|fingerprint\.pb|keras_metadata\.pb|variables\/variables\.(index|data-\d{5}-of-\d{5}))$/;
  const others = [...archive.files.keys()].filter(
    (name) => !name.startsWith(base) || !known.test(name.slice(base.length)),
  );
  return others.length === 0 ? [] : [`${others.length} further files in the archive were left out.`];
}

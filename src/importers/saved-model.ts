/**
 * A TensorFlow SavedModel: the served part of its graph is checked op by op and written anew, together with
 * the variables that it reads and the tables that it looks things up in. Nothing else of the file gets into the pack.
 */
import { elementCount } from '../lib/tensor.js';
import type { Archive } from './archive.js';
import type { ConvertedModel, ModelTensor } from './converted-model.js';
import { refuseImport } from './refused.js';
import { createBorders, type Borders } from './saved-model-borders.js';
import { writeSavedModel } from './saved-model-canonical.js';
import { checkOps } from './saved-model-check.js';
import { checkConstants, constantParameters } from './saved-model-constants.js';
import { joinedParts, nodesOfPart, partReachedFrom, readGraph } from './saved-model-graph.js';
import { MOVE_LIMITS, moveLargeConstants } from './saved-model-moved.js';
import { TABLE_OPS, VARIABLE_OPS } from './saved-model-ops.js';
import { readRestore, saverNodes } from './saved-model-saver.js';
import { readSignatures, type FoundSignature, type SignatureTensor } from './saved-model-signatures.js';
import { initNodes, readTableFillings } from './saved-model-tables.js';
import { indexOf, readHolders, type Holder, type StoredTensor } from './saved-model-variables.js';
import { DT } from './tensorflow-types.js';
import { decodeSavedModel, type MetaGraph } from './tensorflow-proto.js';

/** A protocol buffer ends at 2 GiB. Its constants are not copied when it is decoded, and large ones read again later. */
const MAX_GRAPH_BYTES = 2047 * 1024 * 1024;
/** Of a graph, but nothing that it computes with. */
const NO_OPERATIONS: ReadonlySet<string> = new Set(['Const', 'Placeholder', 'NoOp']);

/**
 * @param base the folder of saved_model.pb in the archive, with its slash, or ''
 * @param limits above which constants become variables
 * @throws Refused naming the node, function or file
 */
export function readSavedModel(archive: Archive, base: string, limits = MOVE_LIMITS): ConvertedModel {
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
  const whole = source.read(0, source.size);
  const meta = chooseGraph(decodeSavedModel(whole).metaGraphs);
  const graph = readGraph(meta);
  const signatures = readSignatures(meta.signatureDef, graph);
  const served = joinedParts(signatures.served.map(({ part }) => part));
  const fillings = readTableFillings(meta, graph, served, archive, base);
  checkOps(graph, {
    served,
    saver: partReachedFrom(graph, saverNodes(meta)),
    init: partReachedFrom(graph, initNodes(meta)),
    fillings: fillings.part,
  });
  const part = joinedParts([served, fillings.part]);
  const kept = [...nodesOfPart(graph, part)].map(([node]) => node);
  checkConstants([...kept, ...fillings.nodes]);

  const moved = moveLargeConstants(graph, part, source, whole, limits);
  const variables = readHolders(
    archive,
    base,
    graph.nodes.filter(
      ({ name: node, op }) => part.nodes.has(node) && (VARIABLE_OPS.has(op) || TABLE_OPS.has(op)),
    ),
    readRestore(meta, graph),
  );
  const holders = [...variables, ...moved.holders];
  const borders = createBorders(graph);
  const [first, ...others] = signatures.served.map((signature) => withBorders(signature, borders));
  if (first === undefined) throw new Error('A SavedModel was read without a signature.');
  const tensors = holders.flatMap((holder) => holder.tensors);
  const version = meta.metaInfoDef?.tensorflowVersion ?? '';
  return {
    format: 'SAVED_MODEL',
    producer: version === '' ? null : `tensorflow ${version}`,
    kind: 'saved-model',
    modelTopology: null,
    weights: [],
    files: filesOf(writeSavedModel(meta, { graph, part, borders, holders, moved, fillings }), tensors),
    parameters: variables.reduce((sum, holder) => sum + parametersOf(holder), 0) + constantParameters(kept),
    signatureName: first.name,
    inputs: first.inputs,
    outputs: first.outputs,
    otherSignatures: others,
    operations: kept.map(({ op }) => op).filter((op) => !NO_OPERATIONS.has(op) && !graph.functions.has(op)),
    notes: [...signatures.notes, ...widened(signatures.served), ...leftOut(archive, base)],
  };
}

function parametersOf({ tensors }: Holder): number {
  return tensors.reduce((sum, { sizes }) => sum + elementCount(sizes), 0);
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

function withBorders({ name, inputs, outputs }: FoundSignature, borders: Borders) {
  const plain = ({ name: tensor, datatype, shape }: SignatureTensor, node: string): ModelTensor => ({
    name: tensor,
    node,
    datatype,
    shape,
  });
  return {
    name,
    inputs: inputs.map((tensor) => plain(tensor, borders.input(tensor.node, tensor.dtype, tensor.name))),
    outputs: outputs.map((tensor) => plain(tensor, borders.output(tensor.node, tensor.dtype))),
  };
}

function widened(signatures: readonly FoundSignature[]): string[] {
  const names = signatures
    .flatMap(({ inputs, outputs }) => [...inputs, ...outputs])
    .filter(({ dtype }) => dtype === DT.BFLOAT16)
    .map(({ name }) => `"${name}"`);
  return names.length === 0
    ? []
    : [`${[...new Set(names)].slice(0, 10).join(', ')}: bfloat16 in the graph, FP32 for callers.`];
}

function filesOf(graph: Uint8Array, tensors: readonly StoredTensor[]): NonNullable<ConvertedModel['files']> {
  const whole = (name: string, bytes: Uint8Array) => ({
    name,
    byteLength: bytes.length,
    read: () => [bytes],
  });
  if (tensors.length === 0) return [whole('saved_model.pb', graph)];
  return [
    whole('saved_model.pb', graph),
    whole('variables/variables.index', indexOf(tensors)),
    {
      name: 'variables/variables.data-00000-of-00001',
      byteLength: tensors.reduce((sum, { byteLength }) => sum + byteLength, 0),
      *read() {
        for (const tensor of tensors) yield tensor.read();
      },
    },
  ];
}

function leftOut(archive: Archive, base: string): string[] {
  const known =
    /^(saved_model\.pb|fingerprint\.pb|keras_metadata\.pb|assets\/.*|variables\/variables\.(index|data-\d{5}-of-\d{5}))$/;
  const others = [...archive.files.keys()].filter(
    (name) => !name.startsWith(base) || !known.test(name.slice(base.length)),
  );
  return others.length === 0 ? [] : [`${others.length} further files in the archive were left out.`];
}

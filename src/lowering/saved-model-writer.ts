/**
 * A lowered graph as TensorFlow loads it: `saved_model.pb` with the weights as constants, because TensorFlow's optimiser
 * folds what depends on constants alone and fuses the rest around them; large ones in files beside it (`moved-weights.ts`).
 */
import {
  DTYPE,
  shapeValue,
  type Dtype,
  type GraphNode,
  type LoweredGraph,
  type Port,
  type WeightNode,
} from './graph.js';
import {
  AttributeMessage,
  FIELDS,
  GraphMessage,
  MetaGraphMessage,
  NodeMessage,
  SavedModelMessage,
  TensorMessage,
} from './tensorflow-schema.js';
import { MOVE_LIMITS, moveWeights, neededFor, weightsToMove, type MoveLimits } from './moved-weights.js';
import { refuseLowering } from './refused.js';
import { product } from './shapes.js';
import type { WeightValue } from './weight-values.js';

/** The tag of the one graph in the file. */
const LOWERED_TAG = 'serve';

/** Of GraphDef: what TensorFlow 2.9 writes. Newer ones read it. */
const VERSIONS = { producer: 1087, minConsumer: 12 };
/** A pack is read in one piece, which Node does below 2 GiB, and the graph itself takes some of it. */
const MAX_WEIGHT_BYTES = 2 ** 31 - 2 ** 26;

/** Bytes of one element; strings are counted as a pointer, since few weights are any. */
const ELEMENT_BYTES: Readonly<Record<Dtype, number>> = {
  float32: 4,
  float64: 8,
  int32: 4,
  uint8: 1,
  int16: 2,
  int8: 1,
  string: 8,
  complex64: 8,
  int64: 8,
  bool: 1,
  float16: 2,
  resource: 0,
};

/** @throws NotLowered when the weights are more than one pack can hold */
export function checkWeightBytes(weights: readonly WeightNode[]): void {
  const bytes = weights.reduce((sum, weight) => sum + bytesOf(weight), 0);
  if (bytes > MAX_WEIGHT_BYTES) {
    refuseLowering(
      'the model',
      `The weights take ${bytes} bytes; at most ${MAX_WEIGHT_BYTES} fit into one graph.`,
    );
  }
}

/** The graph without its weights, as it is kept beside them. */
export interface CompactGraph {
  /** A GraphDef. */
  readonly graph: Uint8Array;
  readonly weights: readonly WeightNode[];
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  readonly initializer: string | null;
}

export function compact(lowered: LoweredGraph): CompactGraph {
  const { weights, inputs, outputs, initializer } = lowered;
  const graph = GraphMessage.encode({
    node: lowered.nodes,
    library: { function: lowered.functions },
    versions: VERSIONS,
  }).finish();
  return { graph, weights, inputs, outputs, initializer };
}

/** A file that is made while it is written: weights of gigabytes are never in memory twice. */
export interface PiecedFile {
  readonly byteLength: number;
  /** One after the other; each is to be used before the next one is asked for. */
  readonly pieces: Iterable<Uint8Array>;
}

/**
 * The files of the SavedModel, by name.
 * @param valueOf the value of a weight in the type and shape that the node declares; called when its turn comes
 */
export function writeSavedModel(
  compacted: CompactGraph,
  valueOf: (node: WeightNode) => WeightValue,
  limits: MoveLimits = MOVE_LIMITS,
): ReadonlyMap<string, PiecedFile> {
  const large = new Set(movableWeights(compacted, limits));
  const { moved, nodes: ofMoved, initializer } = moveWeights([...large], compacted.initializer);
  // Fields of one message may stand in any order: the weights' nodes follow the graph that is already encoded.
  const nodes = compacted.weights
    .filter((weight) => !large.has(weight))
    .map((weight) => constantNode(weight, valueOf));
  const more = GraphMessage.encode({ node: ofMoved }).finish();
  const graphBytes = compacted.graph.length + more.length + sumOf(nodes);
  const meta = MetaGraphMessage.encode({
    metaInfoDef: { tags: [LOWERED_TAG] },
    signatureDef: signatures({ ...compacted, initializer }),
    assetFileDef: moved.map(({ file, pathTensor }) => ({
      tensorInfo: { name: pathTensor, dtype: DTYPE.string, tensorShape: shapeValue([]) },
      filename: file,
    })),
  }).finish();
  const graphHead = Buffer.concat([meta, fieldHead(FIELDS.graphDef, graphBytes), compacted.graph, more]);
  const metaBytes = graphHead.length + sumOf(nodes);
  const head = Buffer.concat([
    SavedModelMessage.encode({ savedModelSchemaVersion: 1 }).finish(),
    fieldHead(FIELDS.metaGraphs, metaBytes),
    graphHead,
  ]);
  const model = {
    byteLength: head.length + sumOf(nodes),
    pieces: (function* () {
      yield head;
      for (const { pieces } of nodes) yield* pieces;
    })(),
  };
  return new Map([
    ['saved_model.pb', model],
    ...moved.map(({ weight, file }): [string, PiecedFile] => [
      `assets/${file}`,
      { byteLength: bytesOf(weight), pieces: valuePiece(weight, valueOf) },
    ]),
  ]);
}

/** Not what the initialiser needs: it may run before they are filled. */
function movableWeights({ graph, weights, initializer }: CompactGraph, limits: MoveLimits): WeightNode[] {
  const large = weightsToMove(weights, bytesOf, limits);
  if (large.length === 0 || initializer === null) return large;
  const { node } = GraphMessage.decode(graph) as unknown as { readonly node: readonly GraphNode[] };
  const needed = neededFor(initializer, node);
  return large.filter((weight) => !needed.has(weight.node));
}

function bytesOf({ dtype, shape }: WeightNode): number {
  return product(shape) * ELEMENT_BYTES[dtype];
}

function* valuePiece(weight: WeightNode, valueOf: (node: WeightNode) => WeightValue): Iterable<Uint8Array> {
  const value = valueOf(weight);
  const content = bytesOf(weight);
  if (!(value instanceof Uint8Array) || value.length !== content) {
    throw new Error(`The weight ${weight.node} is not the ${content} bytes that its node declares.`);
  }
  yield value;
}

/** An entry of the graph's list of nodes. */
function constantNode(weight: WeightNode, valueOf: (node: WeightNode) => WeightValue): PiecedFile {
  const { node, dtype, shape } = weight;
  const tensor = { dtype: DTYPE[dtype], tensorShape: shapeValue(shape) };
  const type = { key: 'dtype', value: { type: DTYPE[dtype] } };
  if (dtype === 'string') {
    const stringVal = valueOf(weight);
    const value = { key: 'value', value: { tensor: { ...tensor, stringVal } } };
    const bytes = NodeMessage.encode({ name: node, op: 'Const', attr: [type, value] }).finish();
    const head = fieldHead(FIELDS.node, bytes.length);
    return { byteLength: head.length + bytes.length, pieces: [head, bytes] };
  }
  // The bytes come last in each of the messages around them, so that all else can be written before they are there.
  const content = bytesOf(weight);
  let head = Buffer.concat([TensorMessage.encode(tensor).finish(), fieldHead(FIELDS.tensorContent, content)]);
  const enclose = (field: number, before: Uint8Array): void => {
    head = Buffer.concat([before, fieldHead(field, head.length + content), head]);
  };
  enclose(FIELDS.tensor, new Uint8Array());
  enclose(FIELDS.attributeValue, AttributeMessage.encode({ key: 'value' }).finish());
  enclose(FIELDS.attr, NodeMessage.encode({ name: node, op: 'Const', attr: [type] }).finish());
  enclose(FIELDS.node, new Uint8Array());
  return {
    byteLength: head.length + content,
    pieces: (function* () {
      yield head;
      yield* valuePiece(weight, valueOf);
    })(),
  };
}

function sumOf(files: readonly PiecedFile[]): number {
  return files.reduce((sum, { byteLength }) => sum + byteLength, 0);
}

const LENGTH_DELIMITED = 2;

/** What stands before the bytes of a field: its number, and how many they are. */
function fieldHead(field: number, byteLength: number): Uint8Array {
  const bytes = [(field << 3) | LENGTH_DELIMITED];
  let rest = byteLength;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  bytes.push(rest);
  return Uint8Array.from(bytes);
}

function signatures({ inputs, outputs, initializer }: CompactGraph): object[] {
  const tensors = (ports: readonly Port[], prefix: string): object[] =>
    ports.map(({ tensor, dtype }, i) => ({
      key: `${prefix}_${i}`,
      value: { name: tensor, dtype: DTYPE[dtype], tensorShape: shapeValue(null) },
    }));
  const serving = {
    key: 'serving_default',
    value: {
      inputs: tensors(inputs, 'input'),
      outputs: tensors(outputs, 'output'),
      methodName: 'tensorflow/serving/predict',
    },
  };
  if (initializer === null) return [serving];
  const key = '__saved_model_init_op';
  const value = { outputs: [{ key, value: { name: initializer, dtype: 0, tensorShape: shapeValue(null) } }] };
  return [serving, { key, value }];
}

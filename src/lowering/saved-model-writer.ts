/**
 * A lowered graph as TensorFlow loads it: `saved_model.pb`, one file, weights as constants. Constants and not
 * variables, because TensorFlow's optimiser folds what depends on constants alone and fuses the rest around them.
 */
import { DTYPE, shapeValue, type Dtype, type LoweredGraph, type Port, type WeightNode } from './graph.js';
import {
  GraphMessage,
  MetaInfoMessage,
  NodeMessage,
  SignatureEntryMessage,
  EncodedMetaGraphMessage,
  EncodedNodesMessage,
  EncodedSavedModelMessage,
} from './tensorflow-schema.js';
import { refuseLowering } from './refused.js';
import { product } from './shapes.js';
import type { WeightValue } from './weight-values.js';

/** The tag of the one graph in the file. */
const LOWERED_TAG = 'serve';

/** Of GraphDef: what TensorFlow 2.9 writes. Newer ones read it. */
const VERSIONS = { producer: 1087, minConsumer: 12 };
/** A protocol buffer holds less than 2 GiB, and the graph itself takes some of it. */
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

/** @throws NotLowered when the weights are more than one file can hold */
export function checkWeightBytes(weights: readonly WeightNode[]): void {
  const bytes = weights.reduce((sum, { dtype, shape }) => sum + product(shape) * ELEMENT_BYTES[dtype], 0);
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

/**
 * The bytes of `saved_model.pb`.
 * @param valueOf the value of a weight in the type and shape that the node declares
 */
export function writeSavedModel(
  compacted: CompactGraph,
  valueOf: (node: WeightNode) => WeightValue,
): Uint8Array {
  // Fields of one message may stand in any order: the weights' nodes follow the graph that is already encoded.
  const weights = EncodedNodesMessage.encode({
    node: compacted.weights.map((weight) =>
      NodeMessage.encode(constantNode(weight, valueOf(weight))).finish(),
    ),
  }).finish();
  const meta = EncodedMetaGraphMessage.encode({
    metaInfoDef: MetaInfoMessage.encode({ tags: [LOWERED_TAG] }).finish(),
    graphDef: Buffer.concat([compacted.graph, weights]),
    signatureDef: signatures(compacted).map((entry) => SignatureEntryMessage.encode(entry).finish()),
  }).finish();
  return EncodedSavedModelMessage.encode({ savedModelSchemaVersion: 1, metaGraphs: meta }).finish();
}

function constantNode({ node, dtype, shape }: WeightNode, value: WeightValue): object {
  const content = value instanceof Uint8Array ? { tensorContent: value } : { stringVal: value };
  return {
    name: node,
    op: 'Const',
    attr: [
      { key: 'dtype', value: { type: DTYPE[dtype] } },
      {
        key: 'value',
        value: { tensor: { dtype: DTYPE[dtype], tensorShape: shapeValue(shape), ...content } },
      },
    ],
  };
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

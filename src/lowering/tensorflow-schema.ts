/**
 * The messages of TensorFlow that a lowered model is written with, by the numbers of `graph.proto`, `function.proto`,
 * `tensor.proto`, `meta_graph.proto` and `saved_model.proto`. Maps are lists of pairs, as they are on the wire.
 */
import protobuf from 'protobufjs/light.js';

type Field = readonly [type: string, id: number, rule?: 'repeated'];

function message(fields: Readonly<Record<string, Field>>): protobuf.IType {
  return {
    fields: Object.fromEntries(
      Object.entries(fields).map(([name, [type, id, rule]]) => [
        name,
        rule === undefined ? { type, id } : { type, id, rule },
      ]),
    ),
  };
}

const root = protobuf.Root.fromJSON({
  nested: {
    Graph: message({ node: ['Node', 1, 'repeated'], library: ['Library', 2], versions: ['Versions', 4] }),
    Versions: message({ producer: ['int32', 1], minConsumer: ['int32', 2] }),
    Library: message({ function: ['Function', 1, 'repeated'] }),
    Function: message({
      signature: ['Operation', 1],
      nodeDef: ['Node', 3, 'repeated'],
      ret: ['TextEntry', 4, 'repeated'],
    }),
    TextEntry: message({ key: ['string', 1], value: ['string', 2] }),
    Operation: message({
      name: ['string', 1],
      inputArg: ['Argument', 2, 'repeated'],
      outputArg: ['Argument', 3, 'repeated'],
      isStateful: ['bool', 17],
    }),
    Argument: message({ name: ['string', 1], type: ['int32', 3] }),
    Node: message({
      name: ['string', 1],
      op: ['string', 2],
      input: ['string', 3, 'repeated'],
      attr: ['Attribute', 5, 'repeated'],
    }),
    Attribute: message({ key: ['string', 1], value: ['AttributeValue', 2] }),
    AttributeValue: {
      ...message({
        list: ['ListValue', 1],
        s: ['bytes', 2],
        i: ['int64', 3],
        f: ['float', 4],
        b: ['bool', 5],
        type: ['int32', 6],
        shape: ['Shape', 7],
        tensor: ['Tensor', 8],
        func: ['FunctionValue', 10],
      }),
      // Makes zero and empty values different from none.
      oneofs: { value: { oneof: ['list', 's', 'i', 'f', 'b', 'type', 'shape', 'tensor', 'func'] } },
    },
    ListValue: message({
      s: ['bytes', 2, 'repeated'],
      i: ['int64', 3, 'repeated'],
      f: ['float', 4, 'repeated'],
      b: ['bool', 5, 'repeated'],
      type: ['int32', 6, 'repeated'],
      shape: ['Shape', 7, 'repeated'],
      func: ['FunctionValue', 9, 'repeated'],
    }),
    FunctionValue: message({ name: ['string', 1], attr: ['Attribute', 2, 'repeated'] }),
    Shape: message({ dim: ['Dimension', 2, 'repeated'], unknownRank: ['bool', 3] }),
    Dimension: message({ size: ['int64', 1] }),
    Tensor: message({
      dtype: ['int32', 1],
      tensorShape: ['Shape', 2],
      tensorContent: ['bytes', 4],
      stringVal: ['bytes', 8, 'repeated'],
    }),
    MetaInfo: message({ tags: ['string', 4, 'repeated'] }),
    SignatureEntry: message({ key: ['string', 1], value: ['Signature', 2] }),
    Signature: message({
      inputs: ['TensorEntry', 1, 'repeated'],
      outputs: ['TensorEntry', 2, 'repeated'],
      methodName: ['string', 3],
    }),
    TensorEntry: message({ key: ['string', 1], value: ['TensorInfo', 2] }),
    // Without the parts that are written piece by piece: see `FIELDS`.
    MetaGraph: message({ metaInfoDef: ['MetaInfo', 1], signatureDef: ['SignatureEntry', 5, 'repeated'] }),
    SavedModel: message({ savedModelSchemaVersion: ['int64', 1] }),
    TensorInfo: message({ name: ['string', 1], dtype: ['int32', 2], tensorShape: ['Shape', 3] }),
  },
});

export const GraphMessage = root.lookupType('Graph');
export const NodeMessage = root.lookupType('Node');
export const AttributeMessage = root.lookupType('Attribute');
export const TensorMessage = root.lookupType('Tensor');
export const MetaGraphMessage = root.lookupType('MetaGraph');
export const SavedModelMessage = root.lookupType('SavedModel');

/** Numbers of the fields around a weight's bytes, from the outside in. */
export const FIELDS = {
  metaGraphs: 2,
  graphDef: 2,
  node: 1,
  attr: 5,
  attributeValue: 2,
  tensor: 8,
  tensorContent: 4,
} as const;

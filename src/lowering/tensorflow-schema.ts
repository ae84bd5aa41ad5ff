/**
 * The part of TensorFlow's protocol buffers that a served graph needs, field by field, by the numbers of `graph.proto`,
 * `function.proto`, `tensor.proto`, `meta_graph.proto`, `saved_model.proto` and `tensor_bundle.proto`. Lowered models are
 * written with it, uploaded ones read: reading skips every other field, and writing therefore cannot pass it on. Maps are
 * the lists of pairs that they are on the wire: a stranger's key never becomes the name of a property. Enums are numbers.
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

const pair = (type: string): protobuf.IType => message({ key: ['string', 1], value: [type, 2] });
const numbered = (type: string): protobuf.IType => message({ key: ['uint32', 1], value: [type, 2] });

const root = protobuf.Root.fromJSON({
  nested: {
    SavedModel: message({ savedModelSchemaVersion: ['int64', 1], metaGraphs: ['MetaGraph', 2, 'repeated'] }),
    MetaGraph: message({
      metaInfoDef: ['MetaInfo', 1],
      graphDef: ['Graph', 2],
      saverDef: ['Saver', 3],
      collectionDef: ['CollectionEntry', 4, 'repeated'],
      signatureDef: ['SignatureEntry', 5, 'repeated'],
      assetFileDef: ['AssetFile', 6, 'repeated'],
    }),
    CollectionEntry: pair('Collection'),
    Collection: message({ nodeList: ['NodeList', 1] }),
    NodeList: message({ value: ['string', 1, 'repeated'] }),
    AssetFile: message({ tensorInfo: ['TensorInfo', 1], filename: ['string', 2] }),
    MetaInfo: message({
      tags: ['string', 4, 'repeated'],
      tensorflowVersion: ['string', 5],
    }),
    Saver: message({
      filenameTensorName: ['string', 1],
      saveTensorName: ['string', 2],
      restoreOpName: ['string', 3],
      version: ['int32', 7],
    }),
    SignatureEntry: pair('Signature'),
    Signature: message({
      inputs: ['TensorInfoEntry', 1, 'repeated'],
      outputs: ['TensorInfoEntry', 2, 'repeated'],
      methodName: ['string', 3],
    }),
    TensorInfoEntry: pair('TensorInfo'),
    TensorInfo: message({
      name: ['string', 1],
      dtype: ['int32', 2],
      tensorShape: ['Shape', 3],
      cooSparse: ['bytes', 4],
      compositeTensor: ['bytes', 5],
    }),
    Graph: message({ node: ['Node', 1, 'repeated'], library: ['Library', 2], versions: ['Versions', 4] }),
    Versions: message({
      producer: ['int32', 1],
      minConsumer: ['int32', 2],
      badConsumers: ['int32', 3, 'repeated'],
    }),
    Library: message({ function: ['Function', 1, 'repeated'] }),
    Function: message({
      signature: ['Op', 1],
      nodeDef: ['Node', 3, 'repeated'],
      ret: ['TextEntry', 4, 'repeated'],
      attr: ['AttrEntry', 5, 'repeated'],
      controlRet: ['TextEntry', 6, 'repeated'],
      resourceArgUniqueId: ['NumberEntry', 8, 'repeated'],
    }),
    TextEntry: pair('string'),
    NumberEntry: numbered('uint32'),
    Op: message({
      name: ['string', 1],
      inputArg: ['Arg', 2, 'repeated'],
      outputArg: ['Arg', 3, 'repeated'],
      attr: ['AttrDefinition', 4, 'repeated'],
      isStateful: ['bool', 17],
      controlOutput: ['string', 20, 'repeated'],
    }),
    Arg: message({
      name: ['string', 1],
      type: ['int32', 3],
      typeAttr: ['string', 4],
      numberAttr: ['string', 5],
      typeListAttr: ['string', 6],
      isRef: ['bool', 16],
    }),
    AttrDefinition: message({ name: ['string', 1], type: ['string', 2] }),
    Node: message({
      name: ['string', 1],
      op: ['string', 2],
      input: ['string', 3, 'repeated'],
      device: ['string', 4],
      attr: ['AttrEntry', 5, 'repeated'],
    }),
    AttrEntry: pair('AttrValue'),
    AttrValue: {
      ...message({
        list: ['ListValue', 1],
        s: ['bytes', 2],
        i: ['int64', 3],
        f: ['float', 4],
        b: ['bool', 5],
        type: ['int32', 6],
        shape: ['Shape', 7],
        tensor: ['Tensor', 8],
        placeholder: ['string', 9],
        func: ['FunctionReference', 10],
      }),
      // Makes an empty or zero value different from none, on reading and on writing.
      oneofs: {
        value: { oneof: ['list', 's', 'i', 'f', 'b', 'type', 'shape', 'tensor', 'placeholder', 'func'] },
      },
    },
    ListValue: message({
      s: ['bytes', 2, 'repeated'],
      i: ['int64', 3, 'repeated'],
      f: ['float', 4, 'repeated'],
      b: ['bool', 5, 'repeated'],
      type: ['int32', 6, 'repeated'],
      shape: ['Shape', 7, 'repeated'],
      tensor: ['Tensor', 8, 'repeated'],
      func: ['FunctionReference', 9, 'repeated'],
    }),
    FunctionReference: message({ name: ['string', 1], attr: ['AttrEntry', 2, 'repeated'] }),
    Shape: message({ dim: ['Dimension', 2, 'repeated'], unknownRank: ['bool', 3] }),
    Dimension: message({ size: ['int64', 1] }),
    // Without resource handles and variants: a constant must not be able to name a resource.
    Tensor: message({
      dtype: ['int32', 1],
      tensorShape: ['Shape', 2],
      tensorContent: ['bytes', 4],
      floatVal: ['float', 5, 'repeated'],
      doubleVal: ['double', 6, 'repeated'],
      intVal: ['int32', 7, 'repeated'],
      stringVal: ['bytes', 8, 'repeated'],
      scomplexVal: ['float', 9, 'repeated'],
      int64Val: ['int64', 10, 'repeated'],
      boolVal: ['bool', 11, 'repeated'],
      dcomplexVal: ['double', 12, 'repeated'],
      halfVal: ['int32', 13, 'repeated'],
      uint32Val: ['uint32', 16, 'repeated'],
      uint64Val: ['uint64', 17, 'repeated'],
      float8Val: ['bytes', 18],
    }),
    BundleHeader: message({ numShards: ['int32', 1], endianness: ['int32', 2], version: ['Versions', 3] }),
    BundleEntry: message({
      dtype: ['int32', 1],
      shape: ['Shape', 2],
      shardId: ['int32', 3],
      offset: ['int64', 4],
      size: ['int64', 5],
      crc32c: ['fixed32', 6],
      slices: ['bytes', 7, 'repeated'],
    }),
  },
});

/** Any of the messages, by its name here. */
export function messageType(name: string): protobuf.Type {
  return root.lookupType(name);
}

export const GraphMessage = messageType('Graph');
export const NodeMessage = messageType('Node');
export const AttributeMessage = messageType('AttrEntry');
export const TensorMessage = messageType('Tensor');
export const MetaGraphMessage = messageType('MetaGraph');
export const SavedModelMessage = messageType('SavedModel');

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

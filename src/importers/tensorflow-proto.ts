/**
 * The part of TensorFlow's protocol buffers that a served graph needs, field by field. Reading skips every
 * other field and writing therefore cannot pass it on. Maps are declared as the lists of pairs that they are
 * on the wire: a stranger's key never becomes the name of a property. Enums are their numbers.
 */
import protobuf from 'protobufjs/light.js';
import { refuseImport } from './refused.js';

/** A 64-bit integer as protobufjs gives it. */
export type Int64 = number | { toNumber(): number };

export interface ShapeProto {
  readonly dim: readonly { readonly size: Int64 }[];
  readonly unknownRank: boolean;
}

export interface TensorProto {
  readonly dtype: number;
  readonly tensorShape: ShapeProto | null;
  readonly tensorContent: Uint8Array;
  readonly stringVal: readonly Uint8Array[];
}

export interface FunctionReference {
  readonly name: string;
  readonly attr: readonly AttrEntry[];
}

export interface AttrValue {
  readonly s?: Uint8Array | null;
  readonly i?: Int64 | null;
  readonly type?: number | null;
  readonly shape?: ShapeProto | null;
  readonly tensor?: TensorProto | null;
  readonly func?: FunctionReference | null;
  readonly list?: {
    readonly s?: readonly Uint8Array[];
    readonly type?: readonly number[];
    readonly tensor?: readonly TensorProto[];
    readonly func?: readonly FunctionReference[];
  } | null;
}

export interface AttrEntry {
  readonly key: string;
  readonly value: AttrValue | null;
}

export interface NodeProto {
  readonly name: string;
  readonly op: string;
  readonly input: readonly string[];
  readonly device: string;
  readonly attr: readonly AttrEntry[];
}

export interface FunctionProto {
  readonly signature: {
    readonly name: string;
    readonly inputArg: readonly { readonly name: string }[];
  } | null;
  readonly nodeDef: readonly NodeProto[];
  readonly attr: readonly AttrEntry[];
}

export interface TensorInfo {
  readonly name: string;
  readonly dtype: number;
  readonly tensorShape: ShapeProto | null;
  readonly cooSparse: Uint8Array | null;
  readonly compositeTensor: Uint8Array | null;
}

export interface TensorInfoEntry {
  readonly key: string;
  readonly value: TensorInfo | null;
}

export interface SignatureEntry {
  readonly key: string;
  readonly value: {
    readonly inputs: readonly TensorInfoEntry[];
    readonly outputs: readonly TensorInfoEntry[];
  } | null;
}

export interface MetaGraph {
  readonly metaInfoDef: { readonly tags: readonly string[]; readonly tensorflowVersion: string } | null;
  readonly graphDef: {
    readonly node: readonly NodeProto[];
    readonly library: { readonly function: readonly FunctionProto[] } | null;
    readonly versions: object | null;
  } | null;
  readonly saverDef: {
    readonly filenameTensorName: string;
    readonly saveTensorName: string;
    readonly restoreOpName: string;
  } | null;
  readonly collectionDef: readonly {
    readonly key: string;
    readonly value: { readonly nodeList: { readonly value: readonly string[] } | null } | null;
  }[];
  readonly signatureDef: readonly SignatureEntry[];
  /** Which string tensor of the graph is the path of which file in `assets/`. */
  readonly assetFileDef: readonly { readonly tensorInfo: TensorInfo | null; readonly filename: string }[];
}

export interface SavedModelProto {
  readonly metaGraphs: readonly MetaGraph[];
}

/** `variables.index`: where one tensor lies. */
export interface BundleEntry {
  readonly dtype: number;
  readonly shape: ShapeProto | null;
  readonly shardId: number;
  readonly offset: Int64;
  readonly size: Int64;
  readonly crc32c: number;
  readonly slices: readonly Uint8Array[];
}

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

export type MessageName = 'SavedModel' | 'BundleHeader' | 'BundleEntry';

/**
 * @param what the file, for the message
 * @throws Refused with CORRUPT_ARTIFACT when the bytes are no such message, or nest too deep
 */
export function decodeProto(name: MessageName, bytes: Uint8Array, what: string): protobuf.Message {
  try {
    return root.lookupType(name).decode(bytes);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return refuseImport(
      'CORRUPT_ARTIFACT',
      what,
      `${what} cannot be read as TensorFlow writes it: ${reason.replace(/\.$/, '')}.`,
    );
  }
}

/** @param value what `decodeProto` gave, or plain objects of the same form */
export function encodeProto(name: MessageName, value: object): Uint8Array {
  const type = root.lookupType(name);
  return type.encode(type.fromObject(value)).finish();
}

export function decodeSavedModel(bytes: Uint8Array): SavedModelProto {
  // The declared fields are exactly the interface's; absent ones read as their defaults.
  return decodeProto('SavedModel', bytes, 'saved_model.pb') as unknown as SavedModelProto;
}

export function toNumber(value: Int64): number {
  return typeof value === 'number' ? value : value.toNumber();
}

/** Sizes, -1 for a free one; `null` when the rank is unknown. */
export function sizesOf(shape: ShapeProto | null | undefined): readonly number[] | null {
  if (shape === null || shape === undefined || shape.unknownRank) return null;
  return shape.dim.map(({ size }) => {
    const number = toNumber(size);
    return Number.isSafeInteger(number) && number >= 0 ? number : -1;
  });
}

export function attrOf(node: { readonly attr: readonly AttrEntry[] }, key: string): AttrValue | null {
  return node.attr.find((entry) => entry.key === key)?.value ?? null;
}

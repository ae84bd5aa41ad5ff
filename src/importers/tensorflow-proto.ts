/** TensorFlow's messages in a stranger's file: what is read of them (`lowering/tensorflow-schema.ts` lists the fields), as types. */
import type protobuf from 'protobufjs/light.js';
import { messageType } from '../lowering/index.js';
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

export type MessageName = 'SavedModel' | 'BundleHeader' | 'BundleEntry';

/**
 * @param what the file, for the message
 * @throws Refused with CORRUPT_ARTIFACT when the bytes are no such message, or nest too deep
 */
export function decodeProto(name: MessageName, bytes: Uint8Array, what: string): protobuf.Message {
  try {
    return messageType(name).decode(bytes);
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
  const type = messageType(name);
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

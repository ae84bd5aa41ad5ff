/** TFJS graph models written by hand, read as an import reads them, and run on an engine as they are or lowered. */
import type { ConvertedModel, WeightBlock } from '../../src/importers/converted-model.js';
import { nodesOf } from '../../src/importers/converted-model.js';
import { provisionalSignature } from '../../src/importers/child/trial-signatures.js';
import { readTfjsGraph } from '../../src/importers/tfjs-graph.js';
import { encodePackHeader, type PackSignature, type RuntimeName } from '../../src/inference/index.js';
import type { Tensor } from '../../src/lib/tensor.js';
import type { Engines } from './importing.js';

export type Attributes = Readonly<Record<string, unknown>>;

export interface GraphNodeJson {
  readonly name: string;
  readonly op: string;
  readonly input?: readonly string[];
  readonly attr?: Attributes;
}

export type TypeName =
  'DT_FLOAT' | 'DT_INT32' | 'DT_INT64' | 'DT_BOOL' | 'DT_STRING' | 'DT_DOUBLE' | 'DT_RESOURCE' | 'DT_VARIANT';

export const type = (name: TypeName) => ({ type: name });
export const types = (...names: TypeName[]) => ({ list: { type: names } });
export const text = (value: string) => ({ s: Buffer.from(value).toString('base64') });
export const texts = (...values: string[]) => ({ list: { s: values.map((value) => text(value).s) } });
export const int = (value: number) => ({ i: String(value) });
export const ints = (...values: number[]) => ({ list: { i: values.map(String) } });
export const float = (value: number) => ({ f: value });
export const flag = (value: boolean) => ({ b: value });
export const shape = (...sizes: number[]) => ({
  shape: { dim: sizes.map((size) => ({ size: String(size) })) },
});
export const func = (name: string) => ({ func: { name } });

export function node(
  name: string,
  op: string,
  input: readonly string[] = [],
  attr: Attributes = {},
): GraphNodeJson {
  return { name, op, input, attr };
}

export function placeholder(
  name: string,
  sizes: readonly number[],
  dtype: TypeName = 'DT_FLOAT',
): GraphNodeJson {
  return node(name, 'Placeholder', [], { dtype: type(dtype), shape: shape(...sizes) });
}

/** A constant whose value goes to the weights, as the converter does it. */
export interface GraphConstant {
  readonly name: string;
  readonly dtype: 'float32' | 'int32' | 'bool' | 'string';
  readonly shape: readonly number[];
  readonly values: readonly (number | string)[];
  /** What the graph declares; wider where TensorFlow.js narrows. */
  readonly declared: TypeName;
}

export function floats(
  name: string,
  values: readonly number[],
  sizes: readonly number[] = [values.length],
): GraphConstant {
  return { name, dtype: 'float32', shape: sizes, values, declared: 'DT_FLOAT' };
}

export function integers(
  name: string,
  values: readonly number[] | number,
  declared: TypeName = 'DT_INT32',
): GraphConstant {
  return typeof values === 'number'
    ? { name, dtype: 'int32', shape: [], values: [values], declared }
    : { name, dtype: 'int32', shape: [values.length], values, declared };
}

export function strings(name: string, values: readonly string[] | string): GraphConstant {
  return typeof values === 'string'
    ? { name, dtype: 'string', shape: [], values: [values], declared: 'DT_STRING' }
    : { name, dtype: 'string', shape: [values.length], values, declared: 'DT_STRING' };
}

export interface GraphJson {
  readonly nodes: readonly GraphNodeJson[];
  readonly constants?: readonly GraphConstant[];
  /** Constants of functions and of the initialiser: among the weights, but no nodes of the graph. */
  readonly innerConstants?: readonly GraphConstant[];
  readonly library?: unknown;
  readonly signature?: unknown;
  readonly initializer?: { readonly nodes: readonly GraphNodeJson[]; readonly signature: unknown };
}

export function constantNode({ name, declared }: GraphConstant): GraphNodeJson {
  return node(name, 'Const', [], { dtype: type(declared) });
}

/** @throws Refused when the graph is not one that may be served */
export function graphModel({
  nodes,
  constants = [],
  innerConstants = [],
  ...more
}: GraphJson): ConvertedModel {
  const topology = {
    node: [...constants.map(constantNode), ...nodes],
    ...(more.library === undefined ? {} : { library: more.library }),
    versions: {},
  };
  const { initializer } = more;
  const model = {
    ...(more.signature === undefined ? {} : { signature: more.signature }),
    ...(initializer === undefined
      ? {}
      : {
          modelInitializer: { node: initializer.nodes, versions: {} },
          initializerSignature: initializer.signature,
        }),
  };
  return readTfjsGraph(model, topology, [...constants, ...innerConstants].map(weightBlock), null);
}

export function weightBlock({
  name,
  dtype,
  shape: sizes,
  values,
}: Omit<GraphConstant, 'declared'>): WeightBlock {
  const bytes = bytesOf(dtype, values);
  return {
    spec: { name, shape: [...sizes], dtype },
    byteLength: bytes.length,
    read: () => bytes,
  };
}

function bytesOf(dtype: GraphConstant['dtype'], values: readonly (number | string)[]): Uint8Array {
  if (dtype === 'float32') return new Uint8Array(Float32Array.from(values as number[]).buffer);
  if (dtype === 'int32') return new Uint8Array(Int32Array.from(values as number[]).buffer);
  if (dtype === 'bool') return Uint8Array.from(values as number[]);
  return Buffer.concat(
    (values as string[]).map((value) => {
      const length = Buffer.alloc(4);
      length.writeUInt32LE(Buffer.byteLength(value));
      return Buffer.concat([length, Buffer.from(value)]);
    }),
  );
}

/** As an import writes it, with the signature as far as the file tells. */
export function packOfModel(model: ConvertedModel, first?: PackSignature): Uint8Array {
  const { lowered } = model;
  const header = encodePackHeader({
    kind: model.kind,
    ...(lowered?.ok === true
      ? { lowered: { ...lowered.value, graph: Buffer.from(lowered.value.graph).toString('base64') } }
      : {}),
    modelTopology: model.modelTopology,
    weightSpecs: model.weights.map((weight) => weight.spec),
    signature: first?.signature ?? provisionalSignature(model),
    ...nodesOf(model),
    ...model.graph,
  });
  return Buffer.concat([header, ...model.weights.map((weight) => weight.read())]);
}

/** @param inputs in the order of the signature */
export async function runModel(
  engines: Engines,
  engine: RuntimeName,
  model: ConvertedModel,
  inputs: readonly Tensor[],
): Promise<readonly Tensor[]> {
  const loaded = await engines.load(engine, packOfModel(model));
  try {
    return await loaded.run(inputs.map((input) => ({ ...input, data: input.data.slice() })));
  } finally {
    loaded.dispose();
  }
}

export const float32 = (name: string, sizes: readonly number[], values: readonly number[]): Tensor => ({
  name,
  datatype: 'FP32',
  shape: sizes,
  data: new Uint8Array(Float32Array.from(values).buffer),
});

export const int32 = (name: string, sizes: readonly number[], values: readonly number[]): Tensor => ({
  name,
  datatype: 'INT32',
  shape: sizes,
  data: new Uint8Array(Int32Array.from(values).buffer),
});

/** A tensor's elements as numbers; of BOOL 0 and 1. */
export function elementsOf({ datatype, data }: Tensor): number[] {
  const { buffer } = data.slice();
  if (datatype === 'FP32') return [...new Float32Array(buffer)];
  if (datatype === 'INT32') return [...new Int32Array(buffer)];
  if (datatype === 'INT64') return [...new BigInt64Array(buffer)].map(Number);
  return [...new Uint8Array(buffer)];
}

/** A TFJS graph model as the lowering takes it, and what became of it. */
import {
  compact,
  lowerGraph,
  type Dtype,
  type GraphModel,
  type JsonFunction,
  type JsonNode,
  type TableInput,
} from '../lowering/index.js';
import type { LoweredModel, ModelTensor, WeightBlock } from './converted-model.js';
import { isObject, own, ownArray, ownObject, ownString, type JsonObject } from './json.js';
import type { Datatype } from '../lib/tensor.js';

export interface CheckedGraph {
  readonly model: JsonObject;
  readonly topology: JsonObject;
  readonly nodes: readonly JsonNode[];
  readonly weights: readonly WeightBlock[];
  readonly inputs: readonly ModelTensor[];
  readonly outputs: readonly ModelTensor[];
  /** Checks the ops of a list of nodes, as those of the graph were. */
  readonly readNodes: (items: readonly unknown[], where: string) => readonly JsonNode[];
}

const DTYPES: { readonly [D in Datatype]?: Dtype } = {
  FP32: 'float32',
  INT32: 'int32',
  BOOL: 'bool',
  BYTES: 'string',
};

export function lowerTfjsGraph(graph: CheckedGraph): LoweredModel {
  const lowered = lowerGraph(toGraphModel(graph));
  return lowered.ok ? { ok: true, value: compact(lowered.value) } : lowered;
}

function toGraphModel({
  model,
  topology,
  nodes,
  weights,
  inputs,
  outputs,
  readNodes,
}: CheckedGraph): GraphModel {
  const initializer = ownObject(model, 'modelInitializer');
  const functions = ownArray(ownObject(topology, 'library') ?? {}, 'function') ?? [];
  const bytes = new Map(weights.map((block) => [block.spec.name, block]));
  return {
    nodes,
    functions: functions.filter(isObject).map((item) => readFunction(item, readNodes)),
    initializer: initializer === null ? [] : readNodes(ownArray(initializer, 'node') ?? [], 'initializer'),
    tables: tablesOf(model),
    inputs: inputs.map(({ node, datatype, shape }) => ({
      node,
      dtype: DTYPES[datatype] ?? 'float32',
      shape: shape?.map((size) => (size < 0 ? null : size)) ?? null,
    })),
    outputs: outputs.map(({ node }) => ({ tensor: node })),
    weights: weights.map(({ spec }) => spec),
    readWeight: (name) => bytes.get(name)?.read() ?? new Uint8Array(),
  };
}

function readFunction(item: JsonObject, readNodes: CheckedGraph['readNodes']): JsonFunction {
  const signature = ownObject(item, 'signature') ?? {};
  const name = ownString(signature, 'name') ?? '';
  const list = (value: JsonObject, ...keys: string[]): readonly unknown[] =>
    keys.map((key) => ownArray(value, key)).find((found) => found !== null) ?? [];
  const argument = (value: unknown) => {
    const object = isObject(value) ? value : {};
    return { name: ownString(object, 'name') ?? '', type: own(object, 'type') };
  };
  return {
    name,
    inputs: list(signature, 'inputArg', 'input_arg').map(argument),
    outputs: list(signature, 'outputArg', 'output_arg').map(argument),
    isStateful: own(signature, 'isStateful') === true,
    nodes: readNodes(list(item, 'nodeDef', 'node_def'), 'function'),
    returns: Object.entries(ownObject(item, 'ret') ?? {}).map(([key, value]): readonly [string, string] => [
      key,
      String(value),
    ]),
  };
}

/** An input of the graph and an output of the initialiser are the same table when they share a resource id. */
function tablesOf(model: JsonObject): readonly TableInput[] {
  const given = resources(ownObject(model, 'signature'), 'inputs');
  const made = resources(ownObject(model, 'initializerSignature'), 'outputs');
  return [...given].flatMap(([id, placeholder]) => {
    const table = made.get(id);
    return table === undefined ? [] : [{ placeholder, table }];
  });
}

function resources(signature: JsonObject | null, side: 'inputs' | 'outputs'): ReadonlyMap<number, string> {
  const entries = signature === null ? null : ownObject(signature, side);
  return new Map(
    Object.values(entries ?? {}).flatMap((entry): [number, string][] => {
      const id = isObject(entry) ? own(entry, 'resourceId') : undefined;
      const name = isObject(entry) ? ownString(entry, 'name') : null;
      return typeof id === 'number' && name !== null ? [[id, name.replace(/:\d+$/, '')]] : [];
    }),
  );
}

/** A TensorFlow.js graph model as the lowering takes it: nodes with their attributes in JSON, checked for their ops. */
import type { Dtype, Shape } from '../graph.js';
import type { StoredWeight } from '../weight-values.js';

export interface JsonNode {
  readonly name: string;
  readonly op: string;
  readonly inputs: readonly string[];
  /** As in model.json. */
  readonly attributes: Readonly<Record<string, unknown>>;
}

export interface JsonFunction {
  readonly name: string;
  readonly inputs: readonly { readonly name: string; readonly type: unknown }[];
  readonly outputs: readonly { readonly name: string; readonly type: unknown }[];
  readonly isStateful: boolean;
  readonly nodes: readonly JsonNode[];
  /** Output's name -> the tensor that it is. */
  readonly returns: readonly (readonly [string, string])[];
}

/** A hash table that the graph expects as an input and the initialiser makes. */
export interface TableInput {
  /** Of the main graph: a placeholder. */
  readonly placeholder: string;
  /** Of the initialiser's graph: the table. */
  readonly table: string;
}

export interface GraphModel {
  readonly nodes: readonly JsonNode[];
  readonly functions: readonly JsonFunction[];
  /** Fills hash tables, once. */
  readonly initializer: readonly JsonNode[];
  readonly tables: readonly TableInput[];
  /** With the type that callers send, which may be narrower than the graph's. */
  readonly inputs: readonly { readonly node: string; readonly dtype: Dtype; readonly shape: Shape | null }[];
  /** Tensors (`node` or `node:1`), in the model's own order. */
  readonly outputs: readonly { readonly tensor: string }[];
  readonly weights: readonly StoredWeight[];
  /** The bytes of a weight: those of constants inside functions are written into the graph. */
  readonly readWeight: (name: string) => Uint8Array;
}

/** What every reader makes of a file: everything the pack needs, weights not yet read. */
import type { PackHeader, WeightSpec } from '../inference/index.js';
import { DEFAULT_SIGNATURE, type Datatype } from '../lib/tensor.js';
import type { CompactGraph, LoweringRefusal } from '../lowering/index.js';
import type { Result } from '../lib/result.js';
import type { ModelFormat } from './types.js';

export interface WeightBlock {
  readonly spec: WeightSpec;
  /** Bytes that `read` gives: for a quantised weight, of its packed form. */
  readonly byteLength: number;
  read(): Uint8Array;
}

/** A file that the engine gets as it is, in pieces that are read when they are written. */
export interface ModelFile {
  /** Of ours, never of the archive. */
  readonly name: string;
  readonly byteLength: number;
  read(): Iterable<Uint8Array>;
}

export interface ModelTensor {
  /** As callers name it. */
  readonly name: string;
  /** As the runtime names it. */
  readonly node: string;
  readonly datatype: Datatype;
  /** `null` when only a run can tell; -1 for a free dimension. */
  readonly shape: readonly number[] | null;
  /** What the file calls its dimensions: equal names are equal sizes. */
  readonly dimensionNames?: readonly (string | null)[];
  /** Of an input that holds places in a table: the last place; absent where that is not known. */
  readonly largestIndex?: number;
}

/** Another way to call the model. */
export interface OtherSignature {
  readonly name: string;
  readonly inputs: readonly ModelTensor[];
  readonly outputs: readonly ModelTensor[];
}

/** The same model as one TensorFlow graph, or why it cannot be written as one. */
export type LoweredModel = Result<CompactGraph, LoweringRefusal>;

export interface ConvertedModel {
  readonly format: ModelFormat;
  readonly producer: string | null;
  readonly kind: PackHeader['kind'];
  readonly modelTopology: unknown;
  readonly weights: readonly WeightBlock[];
  /** In place of weights, for engines that read files. */
  readonly files?: readonly ModelFile[];
  /** Numbers learnt, where they are in files. */
  readonly parameters?: number;
  /** Of `inputs` and `outputs`, in formats that have names for it. */
  readonly signatureName?: string;
  readonly inputs: readonly ModelTensor[];
  readonly outputs: readonly ModelTensor[];
  readonly otherSignatures?: readonly OtherSignature[];
  /** Class or op of each layer or node, one entry for each. */
  readonly operations: readonly string[];
  /** Some output's shape may depend on values and not only on the inputs' shapes; absent: nobody has looked. */
  readonly hasShapesByValue?: boolean;
  readonly notes: readonly string[];
  readonly lowered?: LoweredModel;
  /** Why the engines of its kind cannot run it, so that only the lowered graph can; `null` when they can. */
  readonly beyondEngines?: string | null;
  readonly graph?: Pick<PackHeader, 'graphSignature' | 'initializerSignature' | 'initializer'>;
}

/** Of the signature that answers when none is named. */
export function signatureNameOf({ signatureName = DEFAULT_SIGNATURE }: ConvertedModel): string {
  return signatureName;
}

/** The names under which the runtime knows the tensors, as a pack keeps them. */
export function nodesOf({ inputs, outputs }: Pick<ConvertedModel, 'inputs' | 'outputs'>) {
  return { inputNodes: inputs.map(({ node }) => node), outputNodes: outputs.map(({ node }) => node) };
}

export function parameterCount({ weights, parameters = 0 }: ConvertedModel): number {
  return weights.reduce(
    (sum, { spec }) => sum + spec.shape.reduce((product, d) => product * d, 1),
    parameters,
  );
}

/** Class and op names with how often each occurs, most frequent first. */
export function countOperations(
  names: readonly string[],
): { readonly name: string; readonly count: number }[] {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts]
    .map(([name, count]) => ({ name, count }))
    .sort((a, b) => b.count - a.count || a.name.localeCompare(b.name, 'en'));
}

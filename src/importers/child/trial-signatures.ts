/** The trial of the signatures beside the one that answers by default: in the same loaded model, one after the other. */
import type { LoadedModel } from '../../inference/worker/runtimes/index.js';
import type { PackSignature } from '../../inference/index.js';
import { hasBatchDimension, type Signature, type TensorSpec } from '../../lib/tensor.js';
import { nodesOf, type ConvertedModel, type ModelTensor, type OtherSignature } from '../converted-model.js';
import { printable } from '../refused.js';
import { explore } from './explore.js';
import { bestRunMs, joiningProblem, QUICKLY, ROUGHLY } from './measure.js';

/** A signature as the trial found it. */
export interface TriedSignature extends PackSignature {
  /** Requests may share a run: shown by every engine that may serve. */
  readonly batchable: boolean;
  /** Of one row; absent for the one that answers by default, whose figures are in the engines' trials. */
  readonly computeMs?: number;
}

export interface TriedOthers {
  readonly signatures: readonly TriedSignature[];
  readonly notes: readonly string[];
}

/** As far as the file tells, before anything has run. */
export function provisionalSignature({
  inputs,
  outputs,
}: Pick<ConvertedModel, 'inputs' | 'outputs'>): Signature {
  const spec = (tensor: ModelTensor): TensorSpec => ({
    name: tensor.name,
    datatype: tensor.datatype,
    shape: tensor.shape ?? [],
  });
  return { inputs: inputs.map(spec), outputs: outputs.map(spec) };
}

/** Provisional too: what an engine needs in the pack to be able to call it. */
export function provisionalOther(other: OtherSignature): PackSignature {
  return { name: other.name, signature: provisionalSignature(other), ...nodesOf(other) };
}

export async function tryOthers(
  loaded: LoadedModel,
  others: readonly OtherSignature[],
): Promise<TriedOthers> {
  const signatures: TriedSignature[] = [];
  const notes: string[] = [];
  for (const other of others) {
    const called: LoadedModel = { ...loaded, run: (inputs) => loaded.run(inputs, other.name) };
    // Whatever an engine throws at a stranger's model is a finding about that model, and is reported.
    try {
      const found = await explore(called, provisionalSignature(other), other, null);
      const hasRows = found.hasRows && hasBatchDimension(found.signature);
      const problem = hasRows ? await joiningProblem(called, found.inputs, QUICKLY) : null;
      const batchable = hasRows && problem === null;
      const computeMs = await bestRunMs(called, found.inputs, ROUGHLY);
      signatures.push({
        name: other.name,
        signature: found.signature,
        ...nodesOf(other),
        batchable,
        computeMs,
      });
      const reason = problem === null ? [] : [`its requests are never joined, because ${problem}.`];
      notes.push(...[...found.notes, ...reason].map((note) => `Signature "${other.name}": ${note}`));
    } catch (error) {
      const reason = printable(error instanceof Error ? error.message : String(error), 400);
      notes.push(`The signature "${other.name}" is not served, because it failed in the trial: ${reason}`);
    }
  }
  return { signatures, notes };
}

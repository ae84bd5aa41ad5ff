/** One engine's turn in a trial: it loads the pack, runs it, and answers what the first engine answered, or says why not. */
import { createRuntime, type LoadedModel } from '../../inference/worker/runtimes/index.js';
import type { PackSignature, RuntimeName } from '../../inference/index.js';
import { hasBatchDimension, type Signature, type Tensor } from '../../lib/tensor.js';
import { comparisonCases } from '../comparison-inputs.js';
import { nodesOf, signatureNameOf, type ConvertedModel } from '../converted-model.js';
import { printable, Refused } from '../refused.js';
import { copies } from '../trial-tensors.js';
import type { EngineTrial } from '../types.js';
import { answersOf, compareWith, type Answers, type Comparison } from './compare-engines.js';
import { compareWithExpected, type ExpectedComparison } from './expected-outputs.js';
import { explore, type Reference } from './explore.js';
import { batchRunMs, bestRunMs, joiningProblem } from './measure.js';
import type { ReadSample } from './read-sample.js';
import { provisionalOther, provisionalSignature, tryOthers, type TriedOthers } from './trial-signatures.js';

/** The whole pack, for provisional or final signatures: the default one, and those beside it. */
export type PackFor = (first: PackSignature, others: readonly PackSignature[]) => Uint8Array;

/** What the first engine that works made of the model, and its answers to what the others are compared on. */
export interface Measured extends Reference {
  readonly answers: Answers;
}

export interface Outcome {
  readonly trial: EngineTrial;
  readonly reference: Measured | null;
  readonly joiningProblem: string | null;
  readonly others: TriedOthers | null;
  readonly notes: readonly string[];
  /** With the outputs that the sample expects; `null` when it expects none, or none came. */
  readonly compared: ExpectedComparison | null;
  /** How they differ. */
  readonly mismatch: Refused | null;
}

export const NOTHING = {
  reference: null,
  joiningProblem: null,
  others: null,
  notes: [],
  compared: null,
  mismatch: null,
} as const;

export function failedTrial(
  runtime: RuntimeName,
  reason: string,
  loadMs: number | null = null,
  memoryBytes: number | null = null,
): EngineTrial {
  return {
    runtime,
    ok: false,
    reason: printable(reason, 400),
    loadMs,
    memoryBytes,
    computeMs: null,
    batchComputeMs: null,
    maxRelativeDiff: null,
    comparedInputs: null,
  };
}

/**
 * @param reference what was found out by the engine that went first; `null` for that one
 * @param isFollowed by an engine to compare with
 */
export async function tryEngine(
  name: RuntimeName,
  packFor: PackFor,
  model: ConvertedModel,
  sample: ReadSample | null,
  reference: Measured | null,
  isFollowed: boolean,
): Promise<Outcome> {
  // Whatever an engine throws at a stranger's model is a finding about that model, and is reported.
  let loaded: LoadedModel | null = null;
  let loadMs: number | null = null;
  const failed = (reason: string, mismatch: Refused | null = null): Outcome => ({
    ...NOTHING,
    trial: failedTrial(name, reason, loadMs, loaded?.bytes ?? null),
    mismatch,
  });
  try {
    // The working directory is the import's own, and is removed with it even when this process is killed.
    const runtime = createRuntime(name, { temporaryDirectory: process.cwd() });
    await runtime.start();
    const started = performance.now();
    // What the first engine found out is truer than what the file says.
    const signature = reference?.signature ?? provisionalSignature(model);
    const others = model.otherSignatures ?? [];
    const first = { name: signatureNameOf(model), signature, ...nodesOf(model) };
    loaded = await runtime.load(packFor(first, others.map(provisionalOther)));
    loadMs = Math.round((performance.now() - started) * 1000) / 1000;
    const compared = await answersSample(loaded, signature, sample);
    if (compared instanceof Refused) return failed(compared.message, compared);
    const given = sample?.tensors ?? null;
    const measured = reference ?? (await measure(loaded, model, signature, given, isFollowed));
    const comparison = reference === null ? null : await compareWith(loaded, reference.answers);
    if (comparison !== null && comparison.problem !== null) return failed(comparison.problem);
    const computeMs = await bestRunMs(loaded, measured.inputs);
    const canJoin = measured.hasRows && hasBatchDimension(measured.signature);
    const problem = canJoin ? await joiningProblem(loaded, measured.inputs, computeMs) : null;
    const batchComputeMs =
      canJoin && problem === null ? await batchRunMs(loaded, measured.inputs, computeMs) : null;
    return {
      trial: {
        runtime: name,
        ok: true,
        reason: null,
        loadMs,
        memoryBytes: loaded.bytes,
        computeMs,
        batchComputeMs,
        maxRelativeDiff: comparison?.diff ?? 0,
        comparedInputs: comparison?.count ?? null,
      },
      reference: measured,
      joiningProblem: problem,
      others: reference === null ? await tryOthers(loaded, others) : null,
      compared,
      mismatch: null,
      notes: comparison === null || comparison.leftOut === 0 ? [] : [fewerNote(name, comparison)],
    };
  } catch (error) {
    // A sample that does not fit the model fits no engine.
    if (error instanceof Refused) throw error;
    return failed(error instanceof Error ? error.message : String(error));
  } finally {
    loaded?.dispose();
  }
}

/** The whole sample, all its rows, against what it expects. */
async function answersSample(
  loaded: LoadedModel,
  { outputs }: Signature,
  sample: ReadSample | null,
): Promise<ExpectedComparison | Refused | null> {
  if (sample === null || sample.expected.length === 0) return null;
  const answered = await loaded.run(copies(sample.tensors));
  const named = answered.map((output, at) => ({ ...output, name: outputs[at]?.name ?? output.name }));
  try {
    return compareWithExpected(named, sample);
  } catch (error) {
    if (error instanceof Refused) return error;
    throw error;
  }
}

/** @param isFollowed by an engine to compare with */
async function measure(
  loaded: LoadedModel,
  model: ConvertedModel,
  signature: Signature,
  sample: readonly Tensor[] | null,
  isFollowed: boolean,
): Promise<Measured> {
  const found = await explore(loaded, signature, model, sample);
  if (!isFollowed) return { ...found, answers: { answers: [], leftOut: 0 } };
  const hasRows = found.hasRows && hasBatchDimension(found.signature);
  const largest = model.inputs.map(({ largestIndex }) => largestIndex ?? null);
  const { answers, leftOut } = await answersOf(loaded, comparisonCases(found.inputs, largest, hasRows));
  const first = { what: "the trial's inputs", inputs: found.inputs, outputs: found.outputs };
  return { ...found, answers: { answers: [first, ...answers], leftOut } };
}

function fewerNote(name: RuntimeName, { count, leftOut }: Comparison): string {
  return (
    `The engine ${name} was compared with the first on ${count} of ${count + leftOut} inputs, ` +
    `because the model is slow or its tensors are large.`
  );
}

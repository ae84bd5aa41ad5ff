/**
 * The trial: every allowed engine that knows this kind of model loads the pack and runs it on small made-up
 * inputs, in the child. What comes out decides which engines can serve at all, which of those that agree is
 * fastest, what the model's outputs really look like (names are in the file, shapes often are not), and
 * whether requests may share a run.
 */
import { createRuntime, type LoadedModel } from '../../inference/worker/runtimes/index.js';
import { enginesFor, type PackSignature, type RuntimeName } from '../../inference/index.js';
import { DEFAULT_SIGNATURE, hasBatchDimension, type Signature, type Tensor } from '../../lib/tensor.js';
import { chooseEngine } from '../choose-engine.js';
import { nodesOf, parameterCount, type ConvertedModel } from '../converted-model.js';
import { printable, Refused, refuseImport } from '../refused.js';
import { comparisonCases } from '../comparison-inputs.js';
import { copies } from '../trial-tensors.js';
import type { EngineTrial, ImportSample, SampleFindings } from '../types.js';
import { answersOf, compareWith, type Answers, type Comparison } from './compare-engines.js';
import { compareWithExpected, type ExpectedComparison } from './expected-outputs.js';
import { explore, type Reference } from './explore.js';
import { batchRunMs, bestRunMs, joiningProblem } from './measure.js';
import { readSample, type ReadSample } from './read-sample.js';
import {
  provisionalOther,
  provisionalSignature,
  tryOthers,
  type TriedOthers,
  type TriedSignature,
} from './trial-signatures.js';

/** Runs TensorFlow graphs, among them what a model of another kind was lowered to. */
const LOWERED_ENGINE: RuntimeName = 'tfjs-graph';

export interface TrialResult {
  /** The one that answers by default. */
  readonly first: TriedSignature;
  readonly others: readonly TriedSignature[];
  readonly runtime: RuntimeName;
  readonly trials: readonly EngineTrial[];
  readonly notes: readonly string[];
  readonly sample: SampleFindings | null;
}

/** What is known so far. */
export type TrialProgress = Pick<TrialResult, 'trials' | 'sample'>;

/** The whole pack, for provisional or final signatures: the default one, and those beside it. */
export type PackFor = (first: PackSignature, others: readonly PackSignature[]) => Uint8Array;

/**
 * Where the signature that would answer by default runs on no engine, the next one takes its place, unless it is the one
 * that everybody expects to answer, or it was the publisher's sample that it did not answer as it should.
 * @param runtimes allowed, in the operator's order
 * @param sample the publisher's, in place of made-up inputs
 * @throws Refused with TRIAL_FAILED and each engine's reason when none can run the model, with SAMPLE_MISMATCH when the
 *   sample does not fit it, or none answers what is expected
 */
export async function runTrial(
  model: ConvertedModel,
  runtimes: readonly RuntimeName[],
  sample: ImportSample | null,
  packFor: PackFor,
  onProgress: (fraction: number, found: TrialProgress) => void,
): Promise<TrialResult> {
  try {
    return await tryAll(model, runtimes, sample, packFor, onProgress);
  } catch (error) {
    const [next, ...others] = model.otherSignatures ?? [];
    const mayAnother =
      error instanceof Refused &&
      error.refusal.code !== 'SAMPLE_MISMATCH' &&
      nameOf(model) !== DEFAULT_SIGNATURE;
    if (!mayAnother || next === undefined) throw error;
    const { name, inputs, outputs } = next;
    const rest = { ...model, signatureName: name, inputs, outputs, otherSignatures: others };
    const result = await runTrial(rest, runtimes, sample, packFor, onProgress);
    const note = `The signature "${nameOf(model)}" is not served: ${error.refusal.message}`;
    return { ...result, notes: [note, ...result.notes] };
  }
}

function nameOf({ signatureName = DEFAULT_SIGNATURE }: ConvertedModel): string {
  return signatureName;
}

async function tryAll(
  model: ConvertedModel,
  runtimes: readonly RuntimeName[],
  sample: ImportSample | null,
  packFor: PackFor,
  onProgress: (fraction: number, found: TrialProgress) => void,
): Promise<TrialResult> {
  const able = enginesFor(model.kind);
  const isLowered = model.lowered?.ok === true;
  // The engines that know this kind of model go first: the lowered graph is measured against their answers.
  const candidates = [
    ...runtimes.filter((name) => able.includes(name)),
    ...runtimes.filter((name) => isLowered && name === LOWERED_ENGINE && !able.includes(name)),
  ];
  if (candidates.length === 0) {
    return refuseImport(
      'TRIAL_FAILED',
      null,
      `Such a model runs on ${able.join(' or ')}, which this server's operator has not allowed (allowed: ${runtimes.join(', ')}).`,
    );
  }
  const given = sample === null ? null : readSample(provisionalSignature(model), sample);
  const trials: EngineTrial[] = [];
  const compared = new Map<RuntimeName, ExpectedComparison>();
  let mismatch: Refused | null = null;
  const problems: string[] = [];
  const notes: string[] = [];
  let reference: Measured | null = null;
  const beyond = model.beyondEngines ?? null;
  let others: TriedOthers = { signatures: [], notes: [] };
  for (const [i, name] of candidates.entries()) {
    const against = able.includes(name) ? beyond : reference === null ? null : tooHeavyToLower(model);
    const outcome: Outcome =
      against !== null
        ? { ...NOTHING, trial: failedTrial(name, against) }
        : await tryEngine(name, packFor, model, given, reference, i + 1 < candidates.length);
    trials.push(outcome.trial);
    notes.push(...outcome.notes);
    if (outcome.compared !== null) compared.set(name, outcome.compared);
    mismatch ??= outcome.mismatch;
    if (outcome.joiningProblem !== null) problems.push(outcome.joiningProblem);
    // By the first engine that can serve; only one knows several signatures.
    if (reference === null && outcome.others !== null) others = outcome.others;
    reference ??= outcome.reference;
    onProgress((i + 1) / candidates.length, { trials, sample: findings(given, null) });
  }
  // Told and chosen in the operator's order.
  trials.sort((a, b) => runtimes.indexOf(a.runtime) - runtimes.indexOf(b.runtime));
  const chosen = chooseEngine(trials);
  if (chosen === null || reference === null) {
    // What the publisher can mend comes before what an engine could not do.
    if (mismatch !== null) throw mismatch;
    const reasons = trials.map((trial) => `${trial.runtime}: ${trial.reason ?? 'unknown'}`).join('; ');
    return refuseImport(
      'TRIAL_FAILED',
      null,
      `No engine could run the model. ${reasons.replace(/\.$/, '')}.`,
    );
  }
  const { signature } = reference;
  const [problem] = problems;
  if (problem !== undefined) notes.push(`Requests are run one by one and never joined, because ${problem}.`);
  const batchable = reference.hasRows && hasBatchDimension(signature) && problem === undefined;
  return {
    first: { name: nameOf(model), signature, ...nodesOf(model), batchable },
    others: others.signatures,
    runtime: chosen.runtime,
    trials,
    notes: [...reference.notes, ...notes, ...others.notes],
    sample: findings(given, compared.get(chosen.runtime) ?? null),
  };
}

function findings(given: ReadSample | null, compared: ExpectedComparison | null): SampleFindings | null {
  if (given === null) return null;
  const { tensors, tolerance } = given;
  return {
    inputs: tensors.map(({ name, datatype, shape }) => ({ name, datatype, shape })),
    comparedOutputs: compared?.outputs ?? [],
    tolerance,
    largestDifference: compared?.largestDifference ?? null,
  };
}

/**
 * TensorFlow copies the constants of a graph again and again while it prepares it: 2.2 GiB of memory at the height for
 * 128 MiB of weights, 3.0 for 192, 7.1 for 512. No worker has that to spare where another engine serves.
 */
const MAX_LOWERED_BYTES = 160 * 1024 * 1024;
const WIDEST_BYTES = 4;

/** `null` when it is not. */
function tooHeavyToLower(model: ConvertedModel): string | null {
  const bytes = parameterCount(model) * WIDEST_BYTES;
  if (bytes <= MAX_LOWERED_BYTES) return null;
  return `The weights take ${bytes} bytes; beyond ${MAX_LOWERED_BYTES} TensorFlow needs too much memory for one graph.`;
}

/** What the first engine that works made of the model, and its answers to what the others are compared on. */
interface Measured extends Reference {
  readonly answers: Answers;
}

interface Outcome {
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

const NOTHING = {
  reference: null,
  joiningProblem: null,
  others: null,
  notes: [],
  compared: null,
  mismatch: null,
} as const;

function failedTrial(
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

async function tryEngine(
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
    const first = { name: nameOf(model), signature, ...nodesOf(model) };
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

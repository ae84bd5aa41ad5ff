/**
 * The trial: every allowed engine that knows this kind of model loads the pack and runs it on small made-up
 * inputs, in the child. What comes out decides which engines can serve at all, which of those that agree is
 * fastest, what the model's outputs really look like (names are in the file, shapes often are not), and
 * whether requests may share a run.
 */
import { enginesFor, type RuntimeName } from '../../inference/index.js';
import { DEFAULT_SIGNATURE, hasBatchDimension } from '../../lib/tensor.js';
import { chooseEngine } from '../choose-engine.js';
import { nodesOf, signatureNameOf, type ConvertedModel } from '../converted-model.js';
import { Refused, refuseImport } from '../refused.js';
import type { EngineTrial, ImportSample, SampleFindings } from '../types.js';
import type { ExpectedComparison } from './expected-outputs.js';
import { readSample, type ReadSample } from './read-sample.js';
import { provisionalSignature, type TriedOthers, type TriedSignature } from './trial-signatures.js';
import { failedTrial, NOTHING, tryEngine, type Measured, type Outcome, type PackFor } from './try-engine.js';

/** Runs TensorFlow graphs, among them what a model of another kind was lowered to. */
const LOWERED_ENGINE: RuntimeName = 'tfjs-graph';
const WASM_ENGINE: RuntimeName = 'tfjs-wasm';
const WITNESS: RuntimeName = 'tfjs-node';

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
      signatureNameOf(model) !== DEFAULT_SIGNATURE;
    if (!mayAnother || next === undefined) throw error;
    const { name, inputs, outputs } = next;
    const rest = { ...model, signatureName: name, inputs, outputs, otherSignatures: others };
    const result = await runTrial(rest, runtimes, sample, packFor, onProgress);
    const note = `The signature "${signatureNameOf(model)}" is not served: ${error.refusal.message}`;
    return { ...result, notes: [note, ...result.notes] };
  }
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
  const allowed = runtimes.filter((name) => able.includes(name));
  const candidates = [
    // TensorFlow's own kernels go before those of WebAssembly, which are fewer and have been wrong: whoever differs from the
    // first does not serve.
    ...allowed.filter((name) => name !== WASM_ENGINE),
    ...allowed.filter((name) => name === WASM_ENGINE),
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
  const witness = witnessFor(model, able, candidates);
  if (witness !== null) {
    const outcome = await tryEngine(witness, packFor, model, given, null, true);
    reference = outcome.reference;
    if (reference === null) {
      notes.push(`The lowered graph was compared with no other engine: ${outcome.trial.reason ?? witness}`);
    }
  }
  for (const [i, name] of candidates.entries()) {
    const against = able.includes(name) ? beyond : null;
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
    first: { name: signatureNameOf(model), signature, ...nodesOf(model), batchable },
    others: others.signatures,
    runtime: chosen.runtime,
    trials,
    notes: [...reference.notes, ...notes, ...others.notes],
    sample: findings(given, compared.get(chosen.runtime) ?? null),
  };
}

/**
 * Where the operator allows only the engine of lowered graphs, TensorFlow.js's own executor says what they should answer, and
 * serves nothing. It is the same native library, so nobody's wish to keep one away from strangers' files is passed over; for
 * WebAssembly alone there is no such witness.
 */
function witnessFor(
  model: ConvertedModel,
  able: readonly RuntimeName[],
  candidates: readonly RuntimeName[],
): RuntimeName | null {
  const isAlone = candidates.every((name) => name === LOWERED_ENGINE) && !able.includes(LOWERED_ENGINE);
  const canSay = able.includes(WITNESS) && (model.beyondEngines ?? null) === null;
  return isAlone && canSay ? WITNESS : null;
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

/**
 * The trial: every allowed engine that knows this kind of model loads the pack and runs it on small made-up
 * inputs, in the child. What comes out decides which engines can serve at all, which of those that agree is
 * fastest, what the model's outputs really look like (names are in the file, shapes often are not), and
 * whether requests may share a run.
 */
import { createRuntime, type LoadedModel } from '../../inference/worker/runtimes/index.js';
import { enginesFor, type RuntimeName } from '../../inference/index.js';
import { hasBatchDimension, type Signature, type TensorSpec } from '../../lib/tensor.js';
import { chooseEngine } from '../choose-engine.js';
import type { ConvertedModel, ModelTensor } from '../converted-model.js';
import { printable, refuseImport } from '../refused.js';
import { agreement, copies, MAX_RELATIVE_DIFF } from '../trial-tensors.js';
import type { EngineTrial } from '../types.js';
import { explore, type Reference } from './explore.js';
import { batchRunMs, bestRunMs, joiningProblem } from './measure.js';

/** Runs TensorFlow graphs, among them what a model of another kind was lowered to. */
const LOWERED_ENGINE: RuntimeName = 'tfjs-graph';

export interface TrialResult {
  readonly signature: Signature;
  readonly runtime: RuntimeName;
  /** Requests may share a run: shown by every engine that may serve. */
  readonly batchable: boolean;
  readonly trials: readonly EngineTrial[];
  readonly notes: readonly string[];
}

/**
 * @param runtimes allowed, in the operator's order
 * @param packFor the whole pack for a provisional or final signature
 * @throws Refused with TRIAL_FAILED and each engine's reason when none can run the model
 */
export async function runTrial(
  model: ConvertedModel,
  runtimes: readonly RuntimeName[],
  packFor: (signature: Signature) => Uint8Array,
  onProgress: (fraction: number) => void,
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
  const provisional = provisionalSignature(model);
  const trials: EngineTrial[] = [];
  const problems: string[] = [];
  let reference: Reference | null = null;
  const beyond = model.beyondEngines ?? null;
  for (const [i, name] of candidates.entries()) {
    const outcome: Outcome =
      beyond !== null && able.includes(name)
        ? { trial: failedTrial(name, beyond), reference: null, joiningProblem: null }
        : await tryEngine(name, packFor, provisional, reference);
    trials.push(outcome.trial);
    if (outcome.joiningProblem !== null) problems.push(outcome.joiningProblem);
    reference ??= outcome.reference;
    onProgress((i + 1) / candidates.length);
  }
  // Told and chosen in the operator's order.
  trials.sort((a, b) => runtimes.indexOf(a.runtime) - runtimes.indexOf(b.runtime));
  const chosen = chooseEngine(trials);
  if (chosen === null || reference === null) {
    const reasons = trials.map((trial) => `${trial.runtime}: ${trial.reason ?? 'unknown'}`).join('; ');
    return refuseImport('TRIAL_FAILED', null, `No engine could run the model. ${reasons}`);
  }
  const { signature } = reference;
  const [problem] = problems;
  const notes =
    problem === undefined ? [] : [`Requests are run one by one and never joined, because ${problem}.`];
  return {
    signature,
    runtime: chosen.runtime,
    batchable: hasBatchDimension(signature) && problem === undefined,
    trials,
    notes: [...reference.notes, ...notes],
  };
}

function provisionalSignature(model: ConvertedModel): Signature {
  const spec = (tensor: ModelTensor): TensorSpec => ({
    name: tensor.name,
    datatype: tensor.datatype,
    shape: tensor.shape ?? [],
  });
  return { inputs: model.inputs.map(spec), outputs: model.outputs.map(spec) };
}

interface Outcome {
  readonly trial: EngineTrial;
  readonly reference: Reference | null;
  readonly joiningProblem: string | null;
}

function failedTrial(runtime: RuntimeName, reason: string, loadMs: number | null = null): EngineTrial {
  return {
    runtime,
    ok: false,
    reason: printable(reason, 400),
    loadMs,
    computeMs: null,
    batchComputeMs: null,
    maxRelativeDiff: null,
  };
}

async function tryEngine(
  name: RuntimeName,
  packFor: (signature: Signature) => Uint8Array,
  provisional: Signature,
  reference: Reference | null,
): Promise<Outcome> {
  const failed = (reason: string, loadMs: number | null = null): Outcome => ({
    trial: failedTrial(name, reason, loadMs),
    reference: null,
    joiningProblem: null,
  });
  // Whatever an engine throws at a stranger's model is a finding about that model, and is reported.
  let loaded: LoadedModel | null = null;
  let loadMs: number | null = null;
  try {
    // The working directory is the import's own, and is removed with it even when this process is killed.
    const runtime = createRuntime(name, { temporaryDirectory: process.cwd() });
    await runtime.start();
    const started = performance.now();
    // What the first engine found out is truer than what the file says.
    loaded = await runtime.load(packFor(reference?.signature ?? provisional));
    loadMs = Math.round((performance.now() - started) * 1000) / 1000;
    const measured = reference ?? (await explore(loaded, provisional));
    const diff =
      reference === null ? 0 : agreement(reference.outputs, await loaded.run(copies(reference.inputs)));
    if (diff > MAX_RELATIVE_DIFF) {
      return failed(
        `Its outputs differ from the first engine's by ${diff.toPrecision(3)} of their magnitude.`,
        loadMs,
      );
    }
    const computeMs = await bestRunMs(loaded, measured.inputs);
    const canJoin = hasBatchDimension(measured.signature);
    const problem = canJoin ? await joiningProblem(loaded, measured.inputs, computeMs) : null;
    const batchComputeMs =
      canJoin && problem === null ? await batchRunMs(loaded, measured.inputs, computeMs) : null;
    return {
      trial: {
        runtime: name,
        ok: true,
        reason: null,
        loadMs,
        computeMs,
        batchComputeMs,
        maxRelativeDiff: diff,
      },
      reference: measured,
      joiningProblem: problem,
    };
  } catch (error) {
    return failed(error instanceof Error ? error.message : String(error), loadMs);
  } finally {
    loaded?.dispose();
  }
}

/**
 * The trial: every allowed engine loads the pack and runs it on small made-up inputs, in the child. What
 * comes out decides three things: which engines can serve at all, which one is fastest and agrees, and
 * what the model's outputs really look like (names are in the file, shapes often are not).
 */
import { createRuntime, type LoadedModel } from '../../inference/worker/runtimes/index.js';
import type { RuntimeName } from '../../inference/index.js';
import { elementCount, type Signature, type Tensor, type TensorSpec } from '../../lib/tensor.js';
import type { ConvertedModel, ModelTensor } from '../converted-model.js';
import { IMPORT_LIMITS } from '../limits.js';
import { printable, refuseImport } from '../refused.js';
import { agreement, MAX_RELATIVE_DIFF, rowProblem, trialInputs } from '../trial-tensors.js';
import type { EngineTrial } from '../types.js';

const TIMED_RUNS = 20;
const TIMED_BUDGET_MS = 2000;
/**
 * How much of the preferred engine's time another may take at most to be chosen instead: a small lead in a
 * trial is noise, and would make two versions of one network run on different engines.
 */
const CLEARLY_FASTER = 0.7;
/** Tried in turn for dimensions that the model leaves free, besides the batch. */
const FREE_SIZES = [1, 8, 32, 64, 224, 320];

export interface TrialResult {
  readonly signature: Signature;
  readonly runtime: RuntimeName;
  readonly trials: readonly EngineTrial[];
  readonly notes: readonly string[];
}

/** What the first engine that works made of the inputs: the measure for the others. */
interface Reference {
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  readonly signature: Signature;
  readonly notes: readonly string[];
}

/**
 * @param packFor the whole pack for a provisional or final signature
 * @throws Refused with TRIAL_FAILED and each engine's reason when none can run the model
 */
export async function runTrial(
  model: ConvertedModel,
  runtimes: readonly RuntimeName[],
  packFor: (signature: Signature) => Uint8Array,
  onProgress: (fraction: number) => void,
): Promise<TrialResult> {
  const provisional = provisionalSignature(model);
  const trials: EngineTrial[] = [];
  let reference: Reference | null = null;
  for (const [i, name] of runtimes.entries()) {
    const outcome = await tryEngine(name, packFor, provisional, reference);
    trials.push(outcome.trial);
    reference ??= outcome.reference;
    onProgress((i + 1) / runtimes.length);
  }
  const chosen = choose(trials);
  if (chosen === null || reference === null) {
    const reasons = trials.map((trial) => `${trial.runtime}: ${trial.reason ?? 'unknown'}`).join('; ');
    return refuseImport('TRIAL_FAILED', null, `No engine could run the model. ${reasons}`);
  }
  return { signature: reference.signature, runtime: chosen.runtime, trials, notes: reference.notes };
}

/** The operator's first engine that works, unless a later one is clearly faster. */
export function choose(trials: readonly EngineTrial[]): EngineTrial | null {
  let chosen: EngineTrial | null = null;
  for (const trial of trials) {
    if (!trial.ok || trial.computeMs === null) continue;
    if (chosen?.computeMs == null || trial.computeMs < chosen.computeMs * CLEARLY_FASTER) chosen = trial;
  }
  return chosen;
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
}

async function tryEngine(
  name: RuntimeName,
  packFor: (signature: Signature) => Uint8Array,
  provisional: Signature,
  reference: Reference | null,
): Promise<Outcome> {
  const failed = (reason: string, loadMs: number | null = null): Outcome => ({
    trial: {
      runtime: name,
      ok: false,
      reason: printable(reason, 400),
      loadMs,
      computeMs: null,
      maxRelativeDiff: null,
    },
    reference: null,
  });
  // Whatever an engine throws at a stranger's model is a finding about that model, and is reported.
  let loaded: LoadedModel | null = null;
  let loadMs: number | null = null;
  try {
    const runtime = createRuntime(name);
    await runtime.start();
    const started = performance.now();
    loaded = await runtime.load(packFor(provisional));
    loadMs = round(performance.now() - started);
    const measured = reference ?? (await explore(loaded, provisional));
    const diff =
      reference === null ? 0 : agreement(reference.outputs, await loaded.run(copies(reference.inputs)));
    if (diff > MAX_RELATIVE_DIFF) {
      return {
        ...failed(
          `Its outputs differ from the first engine's by ${diff.toPrecision(3)} of their magnitude.`,
          loadMs,
        ),
        reference: null,
      };
    }
    const computeMs = await bestRunMs(loaded, measured.inputs);
    return {
      trial: { runtime: name, ok: true, reason: null, loadMs, computeMs, maxRelativeDiff: diff },
      reference: measured,
    };
  } catch (error) {
    return failed(error instanceof Error ? error.message : String(error), loadMs);
  } finally {
    loaded?.dispose();
  }
}

/**
 * Finds sizes for the free dimensions that run, then runs again with others to see which output dimensions
 * follow. A model that says its batch is free but cannot take two rows gets a batch of exactly one.
 */
async function explore(model: LoadedModel, signature: Signature): Promise<Reference> {
  const hasFreeSize = signature.inputs.some((spec) => spec.shape.slice(1).includes(-1));
  let firstError: unknown = null;
  for (const size of hasFreeSize ? FREE_SIZES : [1]) {
    const inputs = trialInputs(signature, 1, size);
    if (inputs.some((input) => elementCount(input.shape) > IMPORT_LIMITS.maxInputElements)) break;
    try {
      const outputs = await model.run(copies(inputs));
      return await settle(model, signature, inputs, outputs, size);
    } catch (error) {
      firstError ??= error;
    }
  }
  throw firstError;
}

async function settle(
  model: LoadedModel,
  signature: Signature,
  inputs: readonly Tensor[],
  outputs: readonly Tensor[],
  size: number,
): Promise<Reference> {
  const notes: string[] = [];
  const batchIsFree = signature.inputs.every((spec) => spec.shape[0] === -1);
  const wider = batchIsFree ? await tryRun(model, trialInputs(signature, 2, size)) : null;
  const batchProblem = batchIsFree ? rowProblem(outputs, wider) : null;
  let settledInputs = signature.inputs;
  if (batchProblem !== null) {
    settledInputs = signature.inputs.map((spec) => ({ ...spec, shape: [1, ...spec.shape.slice(1)] }));
    notes.push(`The model declares a free batch dimension, but ${batchProblem}; its batch is fixed to 1.`);
  }
  const hasFreeSize = signature.inputs.some((spec) => spec.shape.slice(1).includes(-1));
  const larger = hasFreeSize ? await tryRun(model, trialInputs(signature, 1, size * 2)) : null;
  const shapeOf = (output: Tensor, i: number): number[] =>
    output.shape.map((dimension, axis) => {
      const followsBatch =
        batchProblem === null && axis === 0 && wider?.[i]?.shape[0] === 2 && dimension === 1;
      const followsSize = larger !== null && larger[i]?.shape[axis] !== dimension;
      return followsBatch || followsSize ? -1 : dimension;
    });
  if (outputs.some(hasNonFinite))
    notes.push('Some outputs are not finite (NaN or infinity) on made-up inputs.');
  return {
    inputs,
    outputs,
    notes,
    signature: {
      inputs: settledInputs,
      outputs: outputs.map((output, i) => ({
        name: signature.outputs[i]?.name ?? output.name,
        datatype: output.datatype,
        shape: shapeOf(output, i),
      })),
    },
  };
}

async function tryRun(model: LoadedModel, inputs: readonly Tensor[]): Promise<readonly Tensor[] | null> {
  try {
    return await model.run(copies(inputs));
  } catch {
    // "Does not take two rows" is an answer, not an error: the caller fixes the batch to one.
    return null;
  }
}

/** A run takes its inputs' memory. */
function copies(inputs: readonly Tensor[]): Tensor[] {
  return inputs.map((input) => ({ ...input, data: input.data.slice() }));
}

async function bestRunMs(model: LoadedModel, inputs: readonly Tensor[]): Promise<number> {
  let best = Infinity;
  let spent = 0;
  for (let run = 0; run < TIMED_RUNS && (run < 2 || spent < TIMED_BUDGET_MS); run++) {
    const started = performance.now();
    await model.run(copies(inputs));
    const tookMs = performance.now() - started;
    best = Math.min(best, tookMs);
    spent += tookMs;
  }
  return round(best);
}

function hasNonFinite(output: Tensor): boolean {
  if (output.datatype !== 'FP32') return false;
  const values = new Float32Array(output.data.slice().buffer);
  return values.some((value) => !Number.isFinite(value));
}

function round(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

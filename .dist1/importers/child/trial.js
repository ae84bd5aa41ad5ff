import { createRuntime } from "../../inference/worker/runtimes/index.js";
import { elementCount } from "../../lib/tensor.js";
import { IMPORT_LIMITS } from "../limits.js";
import { printable, refuseImport } from "../refused.js";
import { agreement, MAX_RELATIVE_DIFF, rowProblem, trialInputs } from "../trial-tensors.js";
const TIMED_RUNS = 20;
const TIMED_BUDGET_MS = 2e3;
const CLEARLY_FASTER = 0.7;
const FREE_SIZES = [1, 8, 32, 64, 224, 320];
async function runTrial(model, runtimes, packFor, onProgress) {
  const provisional = provisionalSignature(model);
  const trials = [];
  let reference = null;
  for (const [i, name] of runtimes.entries()) {
    const outcome = await tryEngine(name, packFor, provisional, reference);
    trials.push(outcome.trial);
    reference ??= outcome.reference;
    onProgress((i + 1) / runtimes.length);
  }
  const chosen = choose(trials);
  if (chosen === null || reference === null) {
    const reasons = trials.map((trial) => `${trial.runtime}: ${trial.reason ?? "unknown"}`).join("; ");
    return refuseImport("TRIAL_FAILED", null, `No engine could run the model. ${reasons}`);
  }
  return { signature: reference.signature, runtime: chosen.runtime, trials, notes: reference.notes };
}
function choose(trials) {
  let chosen = null;
  for (const trial of trials) {
    if (!trial.ok || trial.computeMs === null) continue;
    if (chosen?.computeMs == null || trial.computeMs < chosen.computeMs * CLEARLY_FASTER) chosen = trial;
  }
  return chosen;
}
function provisionalSignature(model) {
  const spec = (tensor) => ({
    name: tensor.name,
    datatype: tensor.datatype,
    shape: tensor.shape ?? []
  });
  return { inputs: model.inputs.map(spec), outputs: model.outputs.map(spec) };
}
async function tryEngine(name, packFor, provisional, reference) {
  const failed = (reason, loadMs2 = null) => ({
    trial: {
      runtime: name,
      ok: false,
      reason: printable(reason, 400),
      loadMs: loadMs2,
      computeMs: null,
      maxRelativeDiff: null
    },
    reference: null
  });
  let loaded = null;
  let loadMs = null;
  try {
    const runtime = createRuntime(name);
    await runtime.start();
    const started = performance.now();
    loaded = await runtime.load(packFor(provisional));
    loadMs = round(performance.now() - started);
    const measured = reference ?? await explore(loaded, provisional);
    const diff = reference === null ? 0 : agreement(reference.outputs, await loaded.run(copies(reference.inputs)));
    if (diff > MAX_RELATIVE_DIFF) {
      return {
        ...failed(
          `Its outputs differ from the first engine's by ${diff.toPrecision(3)} of their magnitude.`,
          loadMs
        ),
        reference: null
      };
    }
    const computeMs = await bestRunMs(loaded, measured.inputs);
    return {
      trial: { runtime: name, ok: true, reason: null, loadMs, computeMs, maxRelativeDiff: diff },
      reference: measured
    };
  } catch (error) {
    return failed(error instanceof Error ? error.message : String(error), loadMs);
  } finally {
    loaded?.dispose();
  }
}
async function explore(model, signature) {
  const hasFreeSize = signature.inputs.some((spec) => spec.shape.slice(1).includes(-1));
  let firstError = null;
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
async function settle(model, signature, inputs, outputs, size) {
  const notes = [];
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
  const shapeOf = (output, i) => output.shape.map((dimension, axis) => {
    const followsBatch = batchProblem === null && axis === 0 && wider?.[i]?.shape[0] === 2 && dimension === 1;
    const followsSize = larger !== null && larger[i]?.shape[axis] !== dimension;
    return followsBatch || followsSize ? -1 : dimension;
  });
  if (outputs.some(hasNonFinite))
    notes.push("Some outputs are not finite (NaN or infinity) on made-up inputs.");
  return {
    inputs,
    outputs,
    notes,
    signature: {
      inputs: settledInputs,
      outputs: outputs.map((output, i) => ({
        name: signature.outputs[i]?.name ?? output.name,
        datatype: output.datatype,
        shape: shapeOf(output, i)
      }))
    }
  };
}
async function tryRun(model, inputs) {
  try {
    return await model.run(copies(inputs));
  } catch {
    return null;
  }
}
function copies(inputs) {
  return inputs.map((input) => ({ ...input, data: input.data.slice() }));
}
async function bestRunMs(model, inputs) {
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
function hasNonFinite(output) {
  if (output.datatype !== "FP32") return false;
  const values = new Float32Array(output.data.slice().buffer);
  return values.some((value) => !Number.isFinite(value));
}
function round(ms) {
  return Math.round(ms * 1e3) / 1e3;
}
export {
  choose,
  runTrial
};
//# sourceMappingURL=trial.js.map

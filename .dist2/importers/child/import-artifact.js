import { ok, refuse } from "../../lib/result.js";
import { countOperations, parameterCount } from "../converted-model.js";
import { packInMemory, writePack, writeWeights } from "../pack-file.js";
import { readArtifact } from "../read-artifact.js";
import { Refused } from "../refused.js";
import { runTrial } from "./trial.js";
async function importArtifact(request, onProgress) {
  try {
    return ok(await importOrThrow(request, onProgress));
  } catch (error) {
    if (error instanceof Refused) return refuse(error.refusal);
    throw error;
  }
}
async function importOrThrow(request, onProgress) {
  onProgress({ phase: "READING", fraction: 0 });
  const model = await readArtifact(request.artifactPath, request.workDirectory, () => {
    onProgress({ phase: "CHECKING", fraction: 0.2 });
  });
  onProgress({ phase: "CONVERTING", fraction: 0.3 });
  const weightBytes = writeWeights(request.workDirectory, model.weights, (fraction) => {
    onProgress({ phase: "CONVERTING", fraction: 0.3 + 0.3 * fraction });
  });
  onProgress({ phase: "TRYING", fraction: 0.6 });
  const headerFor = (signature) => ({
    kind: model.kind,
    modelTopology: model.modelTopology,
    weightSpecs: model.weights.map((block) => block.spec),
    signature,
    inputNodes: model.inputs.map((input) => input.node),
    outputNodes: model.outputs.map((output) => output.node),
    ...model.graph
  });
  const trial = await runTrial(
    model,
    request.runtimes,
    (signature) => packInMemory(request.workDirectory, headerFor(signature)),
    (fraction) => {
      onProgress({ phase: "TRYING", fraction: 0.6 + 0.35 * fraction });
    }
  );
  writePack(request.workDirectory, headerFor(trial.signature));
  return {
    format: model.format,
    producer: model.producer,
    signature: { inputs: trial.signature.inputs.map(plain), outputs: trial.signature.outputs.map(plain) },
    runtime: trial.runtime,
    trials: [...trial.trials],
    parameterCount: parameterCount(model.weights),
    weightBytes,
    operations: countOperations(model.operations),
    notes: [...model.notes, ...trial.notes]
  };
}
function plain(spec) {
  return { name: spec.name, datatype: spec.datatype, shape: [...spec.shape] };
}
export {
  importArtifact
};
//# sourceMappingURL=import-artifact.js.map

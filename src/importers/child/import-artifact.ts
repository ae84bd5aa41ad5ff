/** The whole import, inside the child: bytes -> what they are -> canonical pack -> trial. */
import type { PackHeader } from '../../inference/index.js';
import type { Signature } from '../../lib/tensor.js';
import { ok, refuse, type Result } from '../../lib/result.js';
import { countOperations, parameterCount } from '../converted-model.js';
import { blocksOf, packInMemory, writePack, writeWeights } from '../pack-file.js';
import { readArtifact } from '../read-artifact.js';
import { Refused } from '../refused.js';
import { runTrial } from './trial.js';
import type { ImportProgress, ImportRefusal } from '../types.js';
import type { ChildReport, ChildRequest } from './messages.js';

/** The one place where a reader's refusal becomes a value. Faults go on to `main.ts`. */
export async function importArtifact(
  request: ChildRequest,
  onProgress: (progress: ImportProgress) => void,
): Promise<Result<ChildReport, ImportRefusal>> {
  try {
    return ok(await importOrThrow(request, onProgress));
  } catch (error) {
    if (error instanceof Refused) return refuse(error.refusal);
    throw error;
  }
}

async function importOrThrow(
  request: ChildRequest,
  onProgress: (progress: ImportProgress) => void,
): Promise<ChildReport> {
  onProgress({ phase: 'READING', fraction: 0 });
  const model = await readArtifact(request.artifactPath, request.workDirectory, () => {
    onProgress({ phase: 'CHECKING', fraction: 0.2 });
  });
  onProgress({ phase: 'CONVERTING', fraction: 0.3 });
  const weightBytes = writeWeights(request.workDirectory, blocksOf(model), (fraction) => {
    onProgress({ phase: 'CONVERTING', fraction: 0.3 + 0.3 * fraction });
  });
  onProgress({ phase: 'TRYING', fraction: 0.6 });
  const { lowered } = model;
  const headerFor = (signature: Signature): PackHeader => ({
    kind: model.kind,
    ...(lowered?.ok === true
      ? { lowered: { ...lowered.value, graph: Buffer.from(lowered.value.graph).toString('base64') } }
      : {}),
    modelTopology: model.modelTopology,
    weightSpecs: model.weights.map((block) => block.spec),
    ...(model.files === undefined
      ? {}
      : { files: model.files.map(({ name, byteLength }) => ({ name, byteLength })) }),
    signature,
    inputNodes: model.inputs.map((input) => input.node),
    outputNodes: model.outputs.map((output) => output.node),
    ...model.graph,
  });
  const trial = await runTrial(
    model,
    request.runtimes,
    (signature) => packInMemory(request.workDirectory, headerFor(signature)),
    (fraction) => {
      onProgress({ phase: 'TRYING', fraction: 0.6 + 0.35 * fraction });
    },
  );
  writePack(request.workDirectory, headerFor(trial.signature));
  return {
    format: model.format,
    producer: model.producer,
    signature: { inputs: trial.signature.inputs.map(plain), outputs: trial.signature.outputs.map(plain) },
    runtime: trial.runtime,
    batchable: trial.batchable,
    trials: [...trial.trials],
    parameterCount: parameterCount(model),
    weightBytes,
    operations: countOperations(model.operations),
    notes: [...model.notes, ...trial.notes],
  };
}

function plain(spec: Signature['inputs'][number]): ChildReport['signature']['inputs'][number] {
  return { name: spec.name, datatype: spec.datatype, shape: [...spec.shape] };
}

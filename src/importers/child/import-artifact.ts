/** The whole import, inside the child: bytes -> what they are -> canonical pack -> trial. */
import type { PackHeader, PackSignature } from '../../inference/index.js';
import type { Signature, TensorSpec } from '../../lib/tensor.js';
import { ok, refuse, type Result } from '../../lib/result.js';
import { countOperations, parameterCount } from '../converted-model.js';
import { blocksOf, packInMemory, writePack, writeWeights } from '../pack-file.js';
import { readArtifact } from '../read-artifact.js';
import { Refused } from '../refused.js';
import { runTrial } from './trial.js';
import type { ImportProgress, ImportRefusal, SampleFindings } from '../types.js';
import type { ChildFacts, ChildReport, ChildRequest } from './messages.js';

/** The one place where a reader's refusal becomes a value. Faults go on to `main.ts`. */
export async function importArtifact(
  request: ChildRequest,
  onProgress: (progress: ImportProgress) => void,
  onFacts: (facts: ChildFacts) => void,
): Promise<Result<ChildReport, ImportRefusal>> {
  try {
    return ok(await importOrThrow(request, onProgress, onFacts));
  } catch (error) {
    if (error instanceof Refused) return refuse(error.refusal);
    throw error;
  }
}

async function importOrThrow(
  request: ChildRequest,
  onProgress: (progress: ImportProgress) => void,
  onFacts: (facts: ChildFacts) => void,
): Promise<ChildReport> {
  onProgress({ phase: 'READING', fraction: 0 });
  const model = await readArtifact(request.artifactPath, request.workDirectory, (format) => {
    if (format !== null) onFacts({ format });
    onProgress({ phase: 'CHECKING', fraction: 0.2 });
  });
  const found = {
    format: model.format,
    producer: model.producer,
    parameterCount: parameterCount(model),
    operations: countOperations(model.operations),
  };
  onFacts({ ...found, notes: [...model.notes] });
  onProgress({ phase: 'CONVERTING', fraction: 0.3 });
  const weightBytes = writeWeights(request.workDirectory, blocksOf(model), (fraction) => {
    onProgress({ phase: 'CONVERTING', fraction: 0.3 + 0.3 * fraction });
  });
  onFacts({ weightBytes });
  onProgress({ phase: 'TRYING', fraction: 0.6 });
  const { lowered } = model;
  const headerFor = (first: PackSignature, others: readonly PackSignature[]): PackHeader => ({
    kind: model.kind,
    ...(lowered?.ok === true
      ? { lowered: { ...lowered.value, graph: Buffer.from(lowered.value.graph).toString('base64') } }
      : {}),
    modelTopology: model.modelTopology,
    weightSpecs: model.weights.map((block) => block.spec),
    ...(model.files === undefined
      ? {}
      : { files: model.files.map(({ name, byteLength }) => ({ name, byteLength })) }),
    signature: first.signature,
    inputNodes: first.inputNodes,
    outputNodes: first.outputNodes,
    ...(others.length === 0 ? {} : { otherSignatures: others }),
    ...model.graph,
  });
  const trial = await runTrial(
    model,
    request.runtimes,
    request.sample ?? null,
    (first, others) => packInMemory(request.workDirectory, headerFor(first, others)),
    (fraction, { trials, sample }) => {
      onFacts({ trials: [...trials], sample: plainSample(sample) });
      onProgress({ phase: 'TRYING', fraction: 0.6 + 0.35 * fraction });
    },
  );
  writePack(request.workDirectory, headerFor(trial.first, trial.others));
  return {
    ...found,
    signature: plain(trial.first.signature),
    signatures: [trial.first, ...trial.others].map(({ name, batchable, computeMs, signature }) => ({
      name,
      batchable,
      ...(computeMs === undefined ? {} : { computeMs }),
      signature: plain(signature),
    })),
    runtime: trial.runtime,
    batchable: trial.first.batchable,
    trials: [...trial.trials],
    weightBytes,
    notes: [...model.notes, ...trial.notes],
    sample: plainSample(trial.sample),
  };
}

function plain({ inputs, outputs }: Signature): ChildReport['signature'] {
  return { inputs: inputs.map(plainSpec), outputs: outputs.map(plainSpec) };
}

function plainSpec({ name, datatype, shape }: TensorSpec) {
  return { name, datatype, shape: [...shape] };
}

function plainSample(sample: SampleFindings | null): ChildReport['sample'] {
  return sample === null
    ? null
    : {
        ...sample,
        inputs: sample.inputs.map(plainSpec),
        comparedOutputs: [...sample.comparedOutputs],
      };
}

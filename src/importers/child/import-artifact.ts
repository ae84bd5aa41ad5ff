/** The whole import, inside the child: bytes -> what they are -> canonical pack -> trial. */
import { openSync } from 'node:fs';
import type { PackHeader } from '../../inference/index.js';
import type { Signature } from '../../lib/tensor.js';
import { ok, refuse, type Result } from '../../lib/result.js';
import type { Archive } from '../archive.js';
import { readTar } from '../archive-tar.js';
import { readZip } from '../archive-zip.js';
import { fileSource } from '../byte-source.js';
import { countOperations, parameterCount, type ConvertedModel } from '../converted-model.js';
import { readKerasH5 } from '../keras-h5.js';
import { readKerasZip } from '../keras-zip.js';
import { packInMemory, writePack, writeWeights } from '../pack-file.js';
import { Refused } from '../refused.js';
import { sniffArchive, sniffContainer } from '../sniff.js';
import { isTfjsModelJson, readTfjs } from '../tfjs.js';
import { runTrial } from '../trial.js';
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
  const model = await readModel(request, onProgress);
  onProgress({ phase: 'CONVERTING', fraction: 0.3 });
  const weightBytes = writeWeights(request.workDirectory, model.weights, (fraction) => {
    onProgress({ phase: 'CONVERTING', fraction: 0.3 + 0.3 * fraction });
  });
  onProgress({ phase: 'TRYING', fraction: 0.6 });
  const headerFor = (signature: Signature): PackHeader => ({
    kind: model.kind,
    modelTopology: model.modelTopology,
    weightSpecs: model.weights.map((block) => block.spec),
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
    trials: [...trial.trials],
    parameterCount: parameterCount(model.weights),
    weightBytes,
    operations: countOperations(model.operations),
    notes: [...model.notes, ...trial.notes],
  };
}

function plain(spec: Signature['inputs'][number]): ChildReport['signature']['inputs'][number] {
  return { name: spec.name, datatype: spec.datatype, shape: [...spec.shape] };
}

async function readModel(
  request: ChildRequest,
  onProgress: (progress: ImportProgress) => void,
): Promise<ConvertedModel> {
  const fd = openSync(request.artifactPath, 'r');
  const source = fileSource(fd);
  const container = sniffContainer(source);
  if (container === 'HDF5') {
    onProgress({ phase: 'CHECKING', fraction: 0.1 });
    return readKerasH5(source);
  }
  const archive =
    container === 'ZIP'
      ? await readZip(fd, source.size, request.workDirectory)
      : await readTar(fd, source.size, container === 'GZIP', request.workDirectory);
  onProgress({ phase: 'CHECKING', fraction: 0.2 });
  return readArchive(archive);
}

async function readArchive(archive: Archive): Promise<ConvertedModel> {
  const content = sniffArchive([...archive.files.keys()], (name) => isTfjsModelJson(archive, name));
  return content.kind === 'KERAS_V3'
    ? readKerasZip(archive)
    : readTfjs(archive, content.modelJson, content.base);
}

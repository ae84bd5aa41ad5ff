/** ONNX Runtime through onnxruntime-node, on the CPU. Native code: fast, and not to be interrupted. */
import { decodePack, packFiles, type PackHeader } from '../../pack.js';
import type { Tensor } from '../../../lib/tensor.js';
import { loadOrt, type NativeSession, type Ort } from './onnx-binding.js';
import {
  explainMissing,
  gateOfThisThread,
  memoryBytes,
  plainOrtMessage,
  runOptions,
  sessionOptions,
} from './onnx-options.js';
import { fromOrt, toOrt, type OrtTensor } from './onnx-tensors.js';
import { EngineUnavailableError, ModelLoadError, type LoadedModel, type Runtime } from './runtime.js';

/** What the importer calls the one file of its pack. */
const MODEL_FILE = 'model.onnx';

export function createOnnxRuntime(): Runtime {
  let ort: Ort | null = null;
  const gate = gateOfThisThread();
  const plainly = <T>(call: () => T): T => withPlainErrors(() => gate.around(call));
  const resident = new Set<{ readonly bytes: number }>();

  const started = (): Ort => {
    if (ort === null) throw new Error('The onnx engine was used before it was started.');
    return ort;
  };

  function load(pack: Uint8Array): LoadedModel {
    const { InferenceSession, Tensor: OrtTensorOf } = started();
    const decoded = decodePack(pack);
    if (!decoded.ok) throw new ModelLoadError(decoded.error.message);
    const { header, weights } = decoded.value;
    const file = packFiles(header, weights).get(MODEL_FILE);
    if (header.kind !== 'onnx' || file === undefined) {
      throw new ModelLoadError(`The pack is of the kind ${header.kind}; this engine runs ONNX files.`);
    }
    const { inputs, outputs } = header.signature;
    const session = new InferenceSession();
    const rssBefore = process.memoryUsage.rss();
    plainly(() => session.loadModel(file.buffer, file.byteOffset, file.byteLength, sessionOptions()));
    const bytes = memoryBytes(file.byteLength, process.memoryUsage.rss() - rssBefore);
    try {
      checkNodes(header, session);
    } catch (error) {
      session.dispose();
      throw error;
    }
    const entry = { bytes };
    resident.add(entry);

    function run(given: readonly Tensor[]): Tensor[] {
      if (!resident.has(entry)) throw new Error('The model was used after it had been let go.');
      // Without a prototype: a tensor may have any name.
      const feeds = Object.create(null) as Record<string, OrtTensor>;
      const fetches = Object.create(null) as Record<string, null>;
      for (const [at, node] of header.inputNodes.entries())
        feeds[node] = toOrt(OrtTensorOf, given[at], inputs[at]);
      for (const node of header.outputNodes) fetches[node] = null;
      const inputBytes = given.reduce((sum, { data }) => sum + data.byteLength, 0);
      const made = plainly(() => session.run(feeds, fetches, runOptions(inputBytes)));
      return outputs.map((spec, at) => fromOrt(made[header.outputNodes[at] ?? ''], spec.name));
    }

    return Object.freeze({
      bytes,
      // In a promise, so that what the library throws is a rejection.
      run: async (given: readonly Tensor[]) => run(given),
      dispose(): void {
        if (resident.delete(entry)) session.dispose();
      },
    });
  }

  return Object.freeze({
    name: 'onnx' as const,
    start: async () => {
      try {
        ort ??= loadOrt();
      } catch (error) {
        throw new EngineUnavailableError(explainMissing(error), { cause: error });
      }
    },
    load: async (pack: Uint8Array) => load(pack),
    /** The runtime does not count its tensors: `tensors` is the number of models. */
    memory: () => ({
      tensors: resident.size,
      bytes: [...resident].reduce((sum, { bytes }) => sum + bytes, 0),
    }),
  });
}

function checkNodes(header: PackHeader, session: NativeSession): void {
  const { inputs, outputs } = header.signature;
  if (header.inputNodes.length !== inputs.length || header.outputNodes.length !== outputs.length) {
    throw new ModelLoadError('The pack names another number of tensors than its signature.');
  }
  for (const [side, wanted, known] of [
    ['input', header.inputNodes, session.inputMetadata],
    ['output', header.outputNodes, session.outputMetadata],
  ] as const) {
    const names = known.map(({ name }) => name);
    const missing = wanted.find((name) => !names.includes(name));
    if (missing !== undefined) {
      throw new ModelLoadError(`The model has no ${side} ${missing}; it has ${names.join(', ')}.`);
    }
  }
}

/** Calls the library; its message loses its places in C++ sources. */
function withPlainErrors<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw new Error(plainOrtMessage(error instanceof Error ? error.message : String(error)), {
      cause: error,
    });
  }
}

/** ONNX Runtime through onnxruntime-node, on the CPU. Native code: fast, and not to be interrupted. */
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import type * as OrtCommon from 'onnxruntime-common';
import type { Tensor } from '../../../lib/tensor.js';
import { decodePack } from '../../pack.js';
import { explainMissing, memoryBytes, plainOrtMessage, runOptions, sessionOptions } from './onnx-options.js';
import { fromOrt, toOrt, type OrtTensorClass } from './onnx-tensors.js';
import { EngineUnavailableError, ModelLoadError, type LoadedModel, type Runtime } from './runtime.js';

/**
 * The package's own way in answers every run from a later turn of the event loop; a worker runs one call at a time
 * and gains nothing from that, so sessions are made on the binding itself, as the package does it.
 */
interface NativeSession {
  loadModel(
    buffer: ArrayBufferLike,
    byteOffset: number,
    byteLength: number,
    options: Readonly<Record<string, unknown>>,
  ): void;
  readonly inputMetadata: readonly { readonly name: string }[];
  readonly outputMetadata: readonly { readonly name: string }[];
  run(
    feeds: Readonly<Record<string, OrtCommon.Tensor>>,
    fetches: Readonly<Record<string, null>>,
    options: Readonly<Record<string, unknown>>,
  ): Readonly<Record<string, OrtCommon.Tensor | undefined>>;
  dispose(): void;
}

const requireFromHere = createRequire(import.meta.url);

interface OrtLibrary {
  readonly InferenceSession: new () => NativeSession;
  readonly Tensor: OrtTensorClass;
}

// Of dlopen(3); Node has no name for it.
const RTLD_NODELETE: Partial<Record<NodeJS.Platform, number>> = { linux: 0x1000, darwin: 0x80 };

/**
 * Keeps the library in the process after this worker has ended: Node unloads a worker's native code with the
 * worker, while the library's threads and exit handlers may still need theirs.
 */
function keepLoaded(): void {
  const flag = RTLD_NODELETE[process.platform];
  if (flag === undefined) return;
  const root = dirname(dirname(requireFromHere.resolve('onnxruntime-node')));
  const binding = join(root, 'bin', 'napi-v6', process.platform, process.arch, 'onnxruntime_binding.node');
  process.dlopen({ exports: {} }, binding, constants.dlopen.RTLD_NOW | flag);
}

function loadLibrary(): OrtLibrary {
  const common = requireFromHere('onnxruntime-common') as typeof OrtCommon;
  // What it has to say comes as an error; its log would show a stranger's texts to the operator.
  common.env.logLevel = 'fatal';
  const { binding, initOrt } = requireFromHere('onnxruntime-node/dist/binding.js') as {
    readonly binding: Pick<OrtLibrary, 'InferenceSession'>;
    readonly initOrt: () => void;
  };
  initOrt();
  keepLoaded();
  return { InferenceSession: binding.InferenceSession, Tensor: common.Tensor as OrtTensorClass };
}

export function createOnnxRuntime(): Runtime {
  let library: OrtLibrary | null = null;
  const residents = new Set<LoadedModel>();

  const started = (): OrtLibrary => {
    if (library === null) throw new Error('The onnx engine was used before it was started.');
    return library;
  };

  return Object.freeze({
    name: 'onnx' as const,
    start: () => {
      if (library !== null) return Promise.resolve();
      try {
        library = loadLibrary();
      } catch (error) {
        return Promise.reject(new EngineUnavailableError(explainMissing(error), { cause: error }));
      }
      return Promise.resolve();
    },
    load: (pack: Uint8Array) => {
      try {
        const model = loadModel(started(), pack, (gone) => residents.delete(gone));
        residents.add(model);
        return Promise.resolve(model);
      } catch (error) {
        return Promise.reject(plainError(error));
      }
    },
    /** The runtime counts no tensors: `tensors` is the number of models. */
    memory: () => ({
      tensors: residents.size,
      bytes: [...residents].reduce((sum, { bytes }) => sum + bytes, 0),
    }),
  });
}

function loadModel(
  library: OrtLibrary,
  pack: Uint8Array,
  onDispose: (model: LoadedModel) => void,
): LoadedModel {
  const decoded = decodePack(pack);
  if (!decoded.ok) throw new ModelLoadError(decoded.error.message);
  const { header, weights } = decoded.value;
  if (header.kind !== 'onnx') throw new ModelLoadError('The onnx engine runs models published as ONNX only.');
  const { inputs, outputs } = header.signature;
  if (header.inputNodes.length !== inputs.length || header.outputNodes.length !== outputs.length) {
    throw new ModelLoadError('The pack names another number of tensors than its signature.');
  }

  const rssBefore = process.memoryUsage.rss();
  const session = new library.InferenceSession();
  session.loadModel(weights.buffer, weights.byteOffset, weights.byteLength, sessionOptions(process.env));
  try {
    checkNames(header.inputNodes, session.inputMetadata, 'input');
    checkNames(header.outputNodes, session.outputMetadata, 'output');
  } catch (error) {
    session.dispose();
    throw error;
  }
  const bytes = memoryBytes(weights.byteLength, process.memoryUsage.rss() - rssBefore);
  // Without a prototype, a tensor may have any name.
  const fetches = Object.create(null) as Record<string, null>;
  for (const node of header.outputNodes) fetches[node] = null;
  let isDisposed = false;

  const model: LoadedModel = Object.freeze({
    bytes,
    run: (given: readonly Tensor[]) => {
      try {
        const inputBytes = given.reduce((sum, { data }) => sum + data.byteLength, 0);
        const feeds = Object.create(null) as Record<string, OrtCommon.Tensor>;
        header.inputNodes.forEach((node, at) => {
          feeds[node] = toOrt(library.Tensor, given[at], inputs[at]);
        });
        const made = session.run(feeds, fetches, runOptions(inputBytes));
        return Promise.resolve(
          outputs.map((spec, at) => fromOrt(made[header.outputNodes[at] ?? ''], spec.name)),
        );
      } catch (error) {
        return Promise.reject(plainError(error));
      }
    },
    dispose: () => {
      if (isDisposed) return;
      isDisposed = true;
      session.dispose();
      onDispose(model);
    },
  });
  return model;
}

function checkNames(
  wanted: readonly string[],
  known: readonly { readonly name: string }[],
  side: 'input' | 'output',
): void {
  const names = known.map(({ name }) => name);
  const missing = wanted.find((name) => !names.includes(name));
  if (missing === undefined) return;
  throw new ModelLoadError(`The model has no ${side} ${missing}; it has ${names.join(', ')}.`);
}

/** A refusal of ours stays what it is; the runtime's message loses its places in C++ sources. */
function plainError(error: unknown): Error {
  if (error instanceof ModelLoadError) return error;
  return new Error(plainOrtMessage(error instanceof Error ? error.message : String(error)), { cause: error });
}

/**
 * TensorFlow's C library, as tfjs-node's native binding offers it. Two engines share it in one worker:
 * `tfjs-node` runs single ops with it, `tfjs-graph` whole graphs.
 */
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { createRequire } from 'node:module';
import { EngineUnavailableError } from './runtime.js';

// Of dlopen(3); Node has no name for it.
const RTLD_NODELETE: Partial<Record<NodeJS.Platform, number>> = { linux: 0x1000, darwin: 0x80 };

const requireFromHere = createRequire(import.meta.url);

/** What the binding says of a tensor that a run has made. `dtype` is TensorFlow's number. */
export interface MadeTensor {
  readonly id: number;
  readonly shape: readonly number[];
  readonly dtype: number;
}

/** INT64 goes in as pairs of int32 (low, high) and comes out as BigInt64Array. */
export type BindingValues = Float32Array | Int32Array | Uint8Array | readonly Uint8Array[];

/** The part of tfjs-node's binding that runs graphs. Ids belong to this thread's copy of the binding. */
export interface TensorflowBinding {
  /** The values' memory stays in use until the tensor is deleted. */
  createTensor(shape: readonly number[], dtype: number, values: BindingValues): number;
  deleteTensor(id: number): void;
  /** A copy of its own. */
  tensorDataSync(id: number): ArrayBufferView | readonly Uint8Array[];
  loadSavedModel(directory: string, tags: string): number;
  deleteSavedModel(id: number): void;
  /** Names of inputs and outputs are separated by commas. */
  runSavedModel(id: number, inputs: readonly number[], inputNames: string, outputNames: string): MadeTensor[];
}

function bindingPath(): string {
  const root = dirname(requireFromHere.resolve('@tensorflow/tfjs-node/package.json'));
  return join(root, 'lib', 'napi-v8', 'tfjs_binding.node');
}

/** Into this process, without tfjs. A library that does not fit the processor ends the process here. */
export function loadNativeLibrary(moreFlags = 0): void {
  process.dlopen({ exports: {} }, bindingPath(), constants.dlopen.RTLD_NOW | moreFlags);
}

/**
 * Keeps TensorFlow's library in the process after this worker has ended. Node unloads a worker's native code
 * with the worker, but the library has left functions with exit(): the process would then end by a
 * segmentation fault instead of with its exit code.
 */
export function keepLoaded(): void {
  const flag = RTLD_NODELETE[process.platform];
  if (flag !== undefined) loadNativeLibrary(flag);
}

/**
 * The binding without tfjs around it. `require` gives both engines of a worker the same one.
 * @throws EngineUnavailableError
 */
export function loadBinding(): TensorflowBinding {
  try {
    const binding = requireFromHere(bindingPath()) as TensorflowBinding;
    keepLoaded();
    return binding;
  } catch (error) {
    throw unavailable(error);
  }
}

/** One sentence for the operator instead of the library's stack and advice. */
export function unavailable(error: unknown): EngineUnavailableError {
  return new EngineUnavailableError(explain(error), { cause: error });
}

function explain(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  if (/tfjs_binding\.node\)? can ?not be found|Cannot find module '.*tfjs_binding\.node'/.test(message)) {
    return "tfjs-node's native binding has not been built on this machine.";
  }
  if (message.includes('isNullOrUndefined')) {
    return `tfjs-node does not run on Node ${process.versions.node}; it needs Node 20 or 22.`;
  }
  const library = /(libtensorflow[\w.]*): cannot open shared object file/.exec(message)?.[1];
  if (library !== undefined) return `TensorFlow's library ${library} cannot be found by tfjs-node.`;
  return `tfjs-node cannot be loaded: ${message.split('\n')[0] ?? ''}`;
}

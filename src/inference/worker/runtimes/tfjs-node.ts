/** TensorFlow's C library through tfjs-node. Native code: fast, and not to be interrupted. */
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { engineMemory, loadTfjsModel, requireFromHere, requireTfjs, type TfjsHost } from './tfjs-model.js';
import { EngineUnavailableError, type Runtime } from './runtime.js';

// Of dlopen(3); Node has no name for it.
const RTLD_NODELETE: Partial<Record<NodeJS.Platform, number>> = { linux: 0x1000, darwin: 0x80 };

/** Into this process, without tfjs. A library that does not fit the processor ends the process here. */
export function loadNativeLibrary(moreFlags = 0): void {
  const root = dirname(requireFromHere.resolve('@tensorflow/tfjs-node/package.json'));
  const binding = join(root, 'lib', 'napi-v8', 'tfjs_binding.node');
  process.dlopen({ exports: {} }, binding, constants.dlopen.RTLD_NOW | moreFlags);
}

/**
 * Keeps TensorFlow's library in the process after this worker has ended. Node unloads a worker's native code
 * with the worker, but the library has left functions with exit(): the process would then end by a
 * segmentation fault instead of with its exit code.
 */
function keepLoaded(): void {
  const flag = RTLD_NODELETE[process.platform];
  if (flag !== undefined) loadNativeLibrary(flag);
}

export function createTfjsNodeRuntime(): Runtime {
  let host: TfjsHost | null = null;

  const started = (): TfjsHost => {
    if (host === null) throw new Error('The tfjs-node engine was used before it was started.');
    return host;
  };

  return Object.freeze({
    name: 'tfjs-node' as const,
    start: () => {
      if (host !== null) return Promise.resolve();
      // First tfjs, so that production mode is on before tfjs-node makes its backend.
      const tf = requireTfjs();
      try {
        requireFromHere('@tensorflow/tfjs-node');
        keepLoaded();
      } catch (error) {
        return Promise.reject(new EngineUnavailableError(explain(error), { cause: error }));
      }
      host = { tf, backend: 'tensorflow' };
      return Promise.resolve();
    },
    load: (pack: Uint8Array) => loadTfjsModel(started(), pack),
    memory: () => engineMemory(started().tf),
  });
}

/** One sentence for the operator instead of the library's stack and advice. */
function explain(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  if (message.includes('tfjs_binding.node) can not be found')) {
    return "tfjs-node's native binding has not been built on this machine.";
  }
  if (message.includes('isNullOrUndefined')) {
    return `tfjs-node does not run on Node ${process.versions.node}; it needs Node 20 or 22.`;
  }
  const library = /(libtensorflow[\w.]*): cannot open shared object file/.exec(message)?.[1];
  if (library !== undefined) return `TensorFlow's library ${library} cannot be found by tfjs-node.`;
  return `tfjs-node cannot be loaded: ${message.split('\n')[0] ?? ''}`;
}

/** TensorFlow's C library through tfjs-node. Native code: fast, and not to be interrupted. */
import { engineMemory, loadTfjsModel, requireFromHere, requireTfjs, type TfjsHost } from './tfjs-model.js';
import { workerData } from 'node:worker_threads';
import { inTurn } from '../../thread-lock.js';
import { noteAttributeNames, type OperationBinding } from './attribute-names.js';
import type { Runtime } from './runtime.js';
import { keepLoaded, loadBinding, unavailable } from './tensorflow-binding.js';

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
        inTurn(startLockOfThisThread(), () => {
          requireFromHere('@tensorflow/tfjs-node');
          keepLoaded();
          noteAttributeNames(loadBinding() as unknown as OperationBinding);
        });
      } catch (error) {
        return Promise.reject(unavailable(error));
      }
      host = { tf, backend: 'tensorflow' };
      return Promise.resolve();
    },
    load: (pack: Uint8Array) => loadTfjsModel(started(), pack),
    memory: () => engineMemory(started().tf),
  });
}

/** What the pool that started this thread has put beside it; nothing where there is one thread only. */
function startLockOfThisThread(): SharedArrayBuffer | null {
  const given = workerData as { readonly startLock?: SharedArrayBuffer } | null;
  return given?.startLock ?? null;
}

/** TensorFlow's C library through tfjs-node. Native code: fast, and not to be interrupted. */
import { engineMemory, loadTfjsModel, requireFromHere, requireTfjs, type TfjsHost } from './tfjs-model.js';
import type { Runtime } from './runtime.js';
import { keepLoaded, unavailable } from './tensorflow-binding.js';

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
        return Promise.reject(unavailable(error));
      }
      host = { tf, backend: 'tensorflow' };
      return Promise.resolve();
    },
    load: (pack: Uint8Array) => loadTfjsModel(started(), pack),
    memory: () => engineMemory(started().tf),
  });
}

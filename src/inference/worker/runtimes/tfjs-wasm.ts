/**
 * tfjs compiled to WebAssembly: SIMD, one thread, no native code. Works where TensorFlow's library cannot be
 * had, and never touches tfjs-node.
 */
import { dirname, sep } from 'node:path';
import type * as TfjsWasm from '@tensorflow/tfjs-backend-wasm';
import { engineMemory, loadTfjsModel, requireFromHere, requireTfjs, type TfjsHost } from './tfjs-model.js';
import { EngineUnavailableError, type Runtime } from './runtime.js';
import type { Tf } from './tfjs-program.js';

export function createTfjsWasmRuntime(): Runtime {
  let host: TfjsHost | null = null;

  const started = (): TfjsHost => {
    if (host === null) throw new Error('The tfjs-wasm engine was used before it was started.');
    return host;
  };

  return Object.freeze({
    name: 'tfjs-wasm' as const,
    async start(): Promise<void> {
      if (host !== null) return;
      try {
        const tf = requireTfjs();
        const wasm = requireFromHere('@tensorflow/tfjs-backend-wasm') as typeof TfjsWasm;
        // The binaries lie beside the package's main file; without this they are looked for on the network.
        wasm.setWasmPaths(dirname(requireFromHere.resolve('@tensorflow/tfjs-backend-wasm')) + sep);
        wasm.setThreadsCount(1);
        if (!(await becomesCurrent(tf))) throw new Error('its backend did not initialise');
        host = { tf, backend: 'wasm' };
      } catch (error) {
        const reason = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
        throw new EngineUnavailableError(`The WebAssembly engine cannot be loaded: ${reason}`, {
          cause: error,
        });
      }
    },
    load: (pack: Uint8Array) => loadTfjsModel(started(), pack),
    memory: () => engineMemory(started().tf),
  });
}

/** Of two starts at once in one thread, tfjs fails the first, although the second brings the backend for both. */
async function becomesCurrent(tf: Tf): Promise<boolean> {
  if (await tf.setBackend('wasm')) return true;
  await tf.ready();
  return tf.getBackend() === 'wasm';
}

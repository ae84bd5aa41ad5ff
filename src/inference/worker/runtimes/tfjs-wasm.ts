/**
 * tfjs compiled to WebAssembly: SIMD, one thread, no native code. Works where TensorFlow's library cannot be
 * had, and never touches tfjs-node.
 */
import { dirname, sep } from 'node:path';
import type * as TfjsWasm from '@tensorflow/tfjs-backend-wasm';
import { engineMemory, loadTfjsModel, requireFromHere, requireTfjs, type TfjsHost } from './tfjs-model.js';
import { EngineUnavailableError, type Runtime } from './runtime.js';
import type { Tf } from './tfjs-program.js';

/** Addresses have 32 bits; the module's memory ends at 4 GiB. */
const MAX_TENSOR_BYTES = 2 ** 31;

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
        if (!(await keepingHandlers(() => becomesCurrent(tf))))
          throw new Error('its backend did not initialise');
        checkOnce(tf);
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

interface WasmModule {
  _malloc(bytes: number): number;
  _free(address: number): void;
}

/** What is checked already: a second start in a thread finds the same module, and would wrap its functions again. */
const checked = new WeakSet<WasmModule>();

function checkOnce(tf: Tf): void {
  const { wasm } = tf.backend() as unknown as { readonly wasm: WasmModule };
  if (checked.has(wasm)) return;
  checkAllocations(wasm);
  checkNormalizations(tf);
  checked.add(wasm);
}

/**
 * tfjs asks WebAssembly for memory and does not look at the answer: where there is none left it takes address 0, and
 * of a size beyond 32 bits only the rest. Kernels would then write over, and outputs would read out, whatever lies
 * there, other tenants' tensors among it. Every allocation of a tensor goes through this one function.
 */
function checkAllocations(wasm: WasmModule): void {
  // The first call puts the real function in the place of the one that finds it; it must not do so later.
  wasm._free(wasm._malloc(16));
  const allocate = wasm._malloc;
  wasm._malloc = (bytes) => {
    const address = Number.isInteger(bytes) && bytes >= 0 && bytes <= MAX_TENSOR_BYTES ? allocate(bytes) : 0;
    if (address === 0 && bytes !== 0)
      throw new Error(`WebAssembly has no memory for a tensor of ${bytes} bytes.`);
    return address;
  };
}

const NORMALIZATION = 'FusedBatchNorm';

/**
 * Its kernel takes each parameter for one of the last dimension. tfjs-layers broadcasts them where a BatchNormalization works
 * along another one, and the answers would be wrong without a word: such a model runs on other engines.
 */
function checkNormalizations(tf: Tf): void {
  const kernel = tf.getKernel(NORMALIZATION, 'wasm');
  if (kernel === undefined) return;
  tf.unregisterKernel(NORMALIZATION, 'wasm');
  tf.registerKernel({
    ...kernel,
    kernelFunc: (call) => {
      const { x, ...parameters } = call.inputs;
      const last = x?.shape.at(-1) ?? 1;
      // Scale and offset may be left out.
      for (const parameter of Object.values(parameters)) {
        if (!parameter) continue;
        const { shape } = parameter;
        if (shape.at(-1) === last && shape.slice(0, -1).every((size) => size === 1)) continue;
        throw new Error(
          `The model has a BatchNormalization along an inner axis (${NORMALIZATION} of [${x?.shape.join(', ')}] with [${shape.join(', ')}]), which this engine computes wrongly.`,
        );
      }
      return kernel.kernelFunc(call);
    },
  });
}

/** Of two starts at once in one thread, tfjs fails the first, although the second brings the backend for both. */
async function becomesCurrent(tf: Tf): Promise<boolean> {
  if (await tf.setBackend('wasm')) return true;
  await tf.ready();
  return tf.getBackend() === 'wasm';
}

const LAST_RESORTS = ['uncaughtException', 'unhandledRejection'] as const;

/**
 * The module adds handlers of its own for what nobody caught, which throw it again: they would end the process where it
 * has others that do better. They are taken off.
 */
async function keepingHandlers<T>(start: () => Promise<T>): Promise<T> {
  const before = LAST_RESORTS.map((event) => new Set(process.rawListeners(event)));
  try {
    return await start();
  } finally {
    for (const [i, event] of LAST_RESORTS.entries()) {
      for (const listener of process.rawListeners(event)) {
        if (before[i]?.has(listener) !== true) process.off(event, listener as () => void);
      }
    }
  }
}

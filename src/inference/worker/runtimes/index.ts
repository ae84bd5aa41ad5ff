/**
 * The engines, for those who run them in their own thread or process: the worker, and the importers'
 * throw-away child for its trial run. Importing this file loads no engine; `start()` does.
 */
import { unreachable } from '../../../lib/result.js';
import type { RuntimeReadiness } from '../../messages.js';
import { RUNTIMES, type RuntimeName } from '../../types.js';
import { createOnnxRuntime } from './onnx.js';
import type { Runtime, RuntimeOptions } from './runtime.js';
import { createTfjsGraphRuntime } from './tfjs-graph.js';
import { createTfjsNodeRuntime } from './tfjs-node.js';
import { createTfjsWasmRuntime } from './tfjs-wasm.js';

export { EngineUnavailableError, ModelLoadError, isFatalEngineError } from './runtime.js';
export type { EngineMemory, LoadedModel, Runtime, RuntimeOptions } from './runtime.js';

/** An engine that has not been started. */
export function createRuntime(name: RuntimeName, options: RuntimeOptions = {}): Runtime {
  switch (name) {
    case 'tfjs-graph':
      return createTfjsGraphRuntime(options);
    case 'tfjs-node':
      return createTfjsNodeRuntime();
    case 'tfjs-wasm':
      return createTfjsWasmRuntime();
    case 'onnx':
      return createOnnxRuntime();
    default:
      return unreachable(name);
  }
}

/**
 * Which engines can be used here, and why not the others. It loads each into this thread, so call it where
 * engines may live: in a worker or in a process of its own.
 */
export async function availableRuntimes(
  names: readonly RuntimeName[] = RUNTIMES,
): Promise<RuntimeReadiness[]> {
  const readiness: RuntimeReadiness[] = [];
  for (const name of names) readiness.push(await readinessOf(createRuntime(name)));
  return readiness;
}

/** Starts the engine and says whether that worked. Never throws. */
export async function readinessOf(runtime: Runtime): Promise<RuntimeReadiness> {
  try {
    await runtime.start();
    return { runtime: runtime.name, available: true, reason: null };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { runtime: runtime.name, available: false, reason };
  }
}

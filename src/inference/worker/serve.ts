/**
 * The inside of a worker: takes messages one at a time, in order, and answers each exactly once. Knows
 * nothing of threads: `main.ts` gives it a port, tests give it a port and engines that misbehave.
 */
import { ownBuffer } from '../tensors.js';
import type {
  RuntimeReadiness,
  WireTensor,
  WorkerMessage,
  WorkerRequest,
  WorkerSettings,
} from '../messages.js';
import type { RunnableArtifact, RuntimeName } from '../types.js';
import { flattenError } from './flatten-error.js';
import { createModelCache } from './model-cache.js';
import { readVerifiedPack } from './read-pack.js';
import { isFatalEngineError, readinessOf, type LoadedModel, type Runtime } from './runtimes/index.js';

export interface WorkerPort {
  post(message: WorkerMessage, transfer?: readonly ArrayBuffer[]): void;
  onMessage(listener: (request: WorkerRequest) => void): void;
  /** After the last answer: the thread or process may end. */
  close(): void;
}

/** Starts the engines, says `ready`, and serves until it is told to stop. */
export async function serve(
  port: WorkerPort,
  settings: WorkerSettings,
  createRuntime: (name: RuntimeName) => Runtime,
): Promise<void> {
  const runtimes = new Map<RuntimeName, Runtime>();
  const readiness: RuntimeReadiness[] = [];
  for (const name of settings.runtimes) {
    const unusable = settings.unusable.find(({ runtime }) => runtime === name);
    if (unusable !== undefined) {
      readiness.push(unusable);
      continue;
    }
    const runtime = createRuntime(name);
    const outcome = await readinessOf(runtime);
    readiness.push(outcome);
    if (outcome.available) runtimes.set(name, runtime);
  }

  const cache = createModelCache({
    budgetBytes: settings.memoryBudgetBytes,
    read: readVerifiedPack,
    load: (artifact, pack) => {
      const runtime = runtimes.get(artifact.runtime);
      if (runtime === undefined) throw new Error(`the ${artifact.runtime} engine is not available here.`);
      return runtime.load(pack);
    },
    onChange: (models) => {
      port.post({ type: 'residents', models });
    },
  });

  const refuseFor = (id: number, code: 'LOAD_FAILED' | 'RUNTIME_FAILED', error: unknown): void => {
    const when = code === 'LOAD_FAILED' ? 'loading' : 'running';
    port.post({
      type: 'refused',
      id,
      refusal: { code, message: `The model failed while ${when}: ${flattenError(error)}` },
      fatal: isFatalEngineError(error),
    });
  };

  /** The resident model, loaded now when it is not; `null` when the refusal has been sent. */
  const modelFor = async (
    id: number,
    artifact: RunnableArtifact,
  ): Promise<{ readonly model: LoadedModel; readonly loadMs: number } | null> => {
    const resident = cache.find(artifact);
    if (resident !== null) return { model: resident, loadMs: 0 };
    const startedAtMs = performance.now();
    port.post({ type: 'loading', id });
    let loaded: Awaited<ReturnType<typeof cache.load>>;
    try {
      loaded = await cache.load(artifact);
    } catch (error) {
      refuseFor(id, 'LOAD_FAILED', error);
      return null;
    }
    if (!loaded.ok) {
      port.post({ type: 'refused', id, refusal: loaded.error, fatal: false });
      return null;
    }
    return { model: loaded.value, loadMs: performance.now() - startedAtMs };
  };

  const infer = async (request: Extract<WorkerRequest, { type: 'infer' }>): Promise<void> => {
    const { id, artifact } = request;
    const found = await modelFor(id, artifact);
    if (found === null) return;
    const { model, loadMs } = found;
    if (loadMs > 0) {
      if (loadMs >= request.remainingMs) {
        const message = 'Loading the model took longer than the prediction may.';
        port.post({ type: 'refused', id, refusal: { code: 'DEADLINE_EXCEEDED', message }, fatal: false });
        return;
      }
      port.post({ type: 'computing', id });
    }
    const startedAtMs = performance.now();
    let outputs: WireTensor[];
    try {
      const inputs = request.inputs.map((input) => ({ ...input, data: new Uint8Array(input.data) }));
      const made = await model.run(inputs, artifact.signatureName);
      outputs = made.map(({ name, datatype, shape, data }) => ({
        name,
        datatype,
        shape: [...shape],
        data: ownBuffer(data),
      }));
    } catch (error) {
      refuseFor(id, 'RUNTIME_FAILED', error);
      return;
    }
    const computeMs = performance.now() - startedAtMs;
    const transfer = [...new Set(outputs.map(({ data }) => data))];
    port.post({ type: 'inferred', id, outputs, loadMs, computeMs }, transfer);
  };

  const handle = async (request: WorkerRequest): Promise<void> => {
    switch (request.type) {
      case 'infer':
        return infer(request);
      case 'load': {
        const found = await modelFor(request.id, request.artifact);
        if (found !== null) {
          port.post({ type: 'loaded', id: request.id, bytes: found.model.bytes, loadMs: found.loadMs });
        }
        return;
      }
      case 'evict':
        cache.evict(request.digest);
        port.post({ type: 'evicted', id: request.id });
        return;
      case 'stats': {
        const memory = [...runtimes.values()].map((runtime) => ({
          runtime: runtime.name,
          ...runtime.memory(),
        }));
        port.post({ type: 'stats', id: request.id, memory });
        return;
      }
      case 'stop':
        cache.clear();
        port.post({ type: 'stopped', id: request.id });
        port.close();
        return;
    }
  };

  // Each message waits for the one before it. A fault (a bug of ours) ends the worker: the pool sees a crash.
  let last: Promise<void> = Promise.resolve();
  port.onMessage((request) => {
    last = last.then(() => handle(request));
  });
  port.post({ type: 'ready', runtimes: readiness });
}

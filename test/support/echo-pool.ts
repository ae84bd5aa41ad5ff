/** Pools over the echo engine, in threads or in processes, that are gone when the test is. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import {
  InferenceEngine,
  type EngineOptions,
  type InferenceRefusal,
  type InferenceReply,
  type IsolationKind,
} from '../../src/inference/index.js';
import type { Result } from '../../src/lib/result.js';
import { buildFaultyWorker, faultyModel, orderJob, type Surroundings } from './faulty-worker-entry.js';
import { silentLogger } from './silent-logger.js';

export const ISOLATIONS = ['thread', 'process'] as const;

export interface EchoPools {
  readonly directory: string;
  /** Of the worker that they run. */
  readonly entry: URL;
  start(options?: Partial<EngineOptions>): Promise<InferenceEngine>;
}

/** To be called once in a `describe`. Two workers, a small model budget. */
export function echoPools(isolation: IsolationKind): EchoPools {
  let directory = '';
  let workerEntry: URL;
  const engines: InferenceEngine[] = [];

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'souk-pool-'));
    workerEntry = await buildFaultyWorker(directory);
  });
  afterAll(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  afterEach(async () => {
    const used = engines.splice(0);
    await Promise.all(used.map((engine) => engine.stop({ graceMs: 0 })));
    for (const engine of used) {
      expect(engine.stats()).toMatchObject({ stuckThreads: 0, inFlight: 0, queued: 0 });
      for (const { state } of engine.stats().workers) expect(['gone', 'waiting']).toContain(state);
    }
  });

  return {
    get directory() {
      return directory;
    },
    get entry() {
      return workerEntry;
    },
    async start(options = {}) {
      const engine = new InferenceEngine({
        logger: silentLogger(),
        isolation,
        workers: 2,
        memoryBudgetBytes: 2_000,
        environment: {},
        workerEntry,
        ...options,
      });
      engines.push(engine);
      await engine.start();
      return engine;
    },
  };
}

export function busyWorkers(engine: InferenceEngine): number {
  return engine.stats().workers.filter(({ state }) => state === 'busy').length;
}

export function readyWorkers(engine: InferenceEngine): number {
  return engine.stats().workers.filter(({ state }) => state === 'ready').length;
}

export function codeOf(result: Result<InferenceReply, InferenceRefusal>): string {
  return result.ok ? 'OK' : result.error.code;
}

/** What a worker of the pool finds around itself. */
export async function surroundings(engine: InferenceEngine, directory: string): Promise<Surroundings> {
  const answer = await engine.infer(orderJob(faultyModel(directory), { do: 'inspect' }));
  if (!answer.ok) throw new Error(answer.error.message);
  return JSON.parse(Buffer.from(answer.value.outputs[0]?.data ?? []).toString('utf8')) as Surroundings;
}

/** Whether a process is there; one that has ended and was not reaped still is. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

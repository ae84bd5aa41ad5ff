/**
 * The pool as the domain sees it: a job goes in, a reply or a refusal comes out, always exactly one and never
 * later than the job's deadline. How: README.md of this room.
 */
import { refuse, type Result } from '../lib/result.js';
import type { Clock } from '../lib/clock.js';
import type { Signature } from '../lib/tensor.js';
import { createAdmission, type Admission } from './admission.js';
import { createCostModel } from './cost-model.js';
import { Dispatcher } from './dispatcher.js';
import { quarantined, runtimeUnavailable, stopping } from './errors.js';
import { resolveOptions, type EngineOptions, type ResolvedOptions } from './engine-options.js';
import { createIsolation, type Isolation } from './isolation.js';
import {
  createCounters,
  quarantineStatsOf,
  workerStatsOf,
  type Counters,
  type PoolStats,
  type QuarantineStats,
} from './pool-stats.js';
import { createQuarantine, type Quarantine } from './quarantine.js';
import type { InferenceJob, InferenceRefusal, InferenceReply, RunnableArtifact, WarmReply } from './types.js';
import { WorkerSlots, type WorkerMemory } from './worker-slots.js';

const STOPPING_RETRY_AFTER_MS = 1_000;

export class InferenceEngine {
  readonly #options: ResolvedOptions;
  readonly #clock: Clock;
  readonly #isolation: Isolation;
  readonly #slots: WorkerSlots;
  readonly #admission: Admission;
  readonly #dispatcher: Dispatcher;
  readonly #quarantine: Quarantine;
  readonly #counters: Counters = createCounters();
  #state: 'new' | 'running' | 'stopping' | 'stopped' = 'new';
  #onIdle: (() => void) | null = null;

  constructor(options: EngineOptions) {
    const resolved = resolveOptions(options);
    this.#options = resolved;
    this.#clock = resolved.clock;
    this.#quarantine = createQuarantine(resolved.quarantine);
    this.#isolation = createIsolation(resolved);
    this.#slots = new WorkerSlots({
      workers: resolved.workers,
      maxStuck: resolved.maxStuckThreads,
      memoryBudgetBytesPerWorker: resolved.memoryBudgetBytesPerWorker,
      open: this.#isolation.open,
      limits: resolved.limits,
      clock: resolved.clock,
      logger: resolved.logger,
      onReady: () => {
        this.#dispatcher.wake();
      },
      onEvicted: (models) => {
        this.#counters.recordEvictions(models);
      },
    });
    const costs = createCostModel();
    const { clock, logger, maxBatchRows } = resolved;
    this.#admission = createAdmission({
      clock,
      bounds: resolved.queue,
      scheduling: resolved.scheduling,
      costs,
      workers: resolved.workers,
      maxBatchRows,
      onSettled: (_, result) => {
        this.#counters.recordResult(result);
      },
    });
    this.#dispatcher = new Dispatcher({
      clock,
      logger,
      slots: this.#slots,
      admission: this.#admission,
      costs,
      quarantine: this.#quarantine,
      counters: this.#counters,
      maxBatchRows,
      loadTimeoutMs: resolved.limits.loadTimeoutMs,
      isRunning: () => this.#isRunning(),
      findObstacle: (artifact) => this.#findObstacle(artifact),
      onProgress: () => {
        if (this.#isIdle()) this.#onIdle?.();
      },
    });
  }

  /**
   * Starts the workers; settles when they take work.
   * @throws Error with one sentence when no worker can start
   */
  async start(): Promise<void> {
    if (this.#state !== 'new') throw new Error(`The inference engine is ${this.#state}; it starts once.`);
    this.#state = 'running';
    try {
      await this.#isolation.prepare();
      // Stopped meanwhile: no worker may be opened any more.
      if (!this.#isRunning()) return;
      await this.#slots.start();
    } catch (error) {
      this.#state = 'stopped';
      throw error;
    }
  }

  /** Runs one job. The inputs stay the caller's: they are copied on their way to the worker. */
  infer(job: InferenceJob): Promise<Result<InferenceReply, InferenceRefusal>> {
    const obstacle = this.#state === 'running' ? this.#findObstacle(job.artifact) : stoppingNow();
    if (obstacle !== null) return this.#refuse(obstacle);
    const admitted = this.#admission.submit(job);
    if (!admitted.ok) return this.#refuse(admitted.error);
    this.#counters.recordAdmission();
    this.#dispatcher.wake();
    return admitted.value.result;
  }

  /**
   * What any job of this key would be refused with now because its queue is full; `null` when it must be tried. For who can
   * refuse a request before he has looked into it: he tells by `noteRefusal` that he did.
   */
  foresee(fairnessKey: string): InferenceRefusal | null {
    // A pool that stops refuses in other words.
    return this.#state === 'running' ? this.#admission.foresee(fairnessKey) : null;
  }

  /** Counts a refusal that was foreseen, and given without `infer`. */
  noteRefusal(refusal: InferenceRefusal): void {
    this.#counters.recordResult(refuse(refusal));
  }

  /** False while `foresee` refuses nobody, which is cheaper to ask. */
  mayBeFull(): boolean {
    return this.#admission.queue.mayRefuse;
  }

  /**
   * Brings a model into memory ahead of its first prediction, in an idle moment.
   * @param signature with it, the model also runs once on zeros: engines build much on the first run
   */
  warm(
    artifact: RunnableArtifact,
    signature: Signature | null = null,
  ): Promise<Result<WarmReply, InferenceRefusal>> {
    const obstacle = this.#state === 'running' ? this.#findObstacle(artifact) : stoppingNow();
    if (obstacle !== null) return Promise.resolve(refuse(obstacle));
    const warmed = this.#dispatcher.lane.warm(artifact, signature);
    this.#dispatcher.wake();
    return warmed;
  }

  /** Unloads a model everywhere; settles when no worker holds it. Predictions under way finish first. */
  async evict(digest: string): Promise<void> {
    await this.#slots.evict(digest);
  }

  /** Why a model may not run now; `null` when it may. */
  findQuarantine(digest: string): QuarantineStats | null {
    const nowMs = this.#clock.monotonicMs();
    const found = this.#quarantine.find(digest, nowMs);
    return found === null ? null : quarantineStatsOf({ ...found, digest }, nowMs);
  }

  stats(): PoolStats {
    const nowMs = this.#clock.monotonicMs();
    const quarantined = this.#quarantine.list(nowMs);
    return {
      isolation: this.#isolation.kind,
      walls: this.#isolation.walls(),
      threadsPerWorker: this.#options.threadsPerWorker,
      scheduling: this.#options.scheduling,
      maxBatchRows: this.#options.maxBatchRows,
      state: this.#state,
      workers: this.#slots.slots.map((slot) => workerStatsOf(slot, nowMs)),
      queued: this.#admission.queue.length,
      queues: this.#admission.stats(nowMs),
      inFlight: this.#dispatcher.inFlight,
      stuckThreads: this.#slots.stuck,
      quarantinedModels: quarantined.length,
      quarantined: quarantined.map((model) => quarantineStatsOf(model, nowMs)),
      memoryBudgetBytesPerWorker: this.#options.memoryBudgetBytesPerWorker,
      counters: this.#counters.read(),
    };
  }

  /** What the engines in each worker hold. Each worker answers after the task in its hands. */
  memory(): Promise<WorkerMemory[]> {
    return this.#slots.memory();
  }

  /** Takes no new work, lets what is admitted finish for `graceMs`, refuses the rest, and ends the workers. */
  async stop({ graceMs }: { readonly graceMs: number }): Promise<void> {
    if (this.#state !== 'running') {
      this.#state = 'stopped';
      return;
    }
    this.#state = 'stopping';
    const startedAtMs = this.#clock.monotonicMs();
    await this.#drain(graceMs);
    this.#admission.refuseAll(stoppingNow());
    this.#dispatcher.lane.refuseAll(stoppingNow());
    await this.#slots.stop(Math.max(0, graceMs - (this.#clock.monotonicMs() - startedAtMs)));
    this.#state = 'stopped';
  }

  #refuse(refusal: InferenceRefusal): Promise<Result<InferenceReply, InferenceRefusal>> {
    const result = refuse(refusal);
    this.#counters.recordResult(result);
    return Promise.resolve(result);
  }

  /** Why the model cannot run now, however long it waits; `null` when nothing stands in its way. */
  #findObstacle({ digest, runtime }: RunnableArtifact): InferenceRefusal | null {
    if (!this.#options.runtimes.includes(runtime)) {
      return runtimeUnavailable(runtime, 'it is switched off by the operator.');
    }
    const unavailable = this.#slots.findUnavailability(runtime);
    if (unavailable !== null) return runtimeUnavailable(runtime, unavailable);
    const nowMs = this.#clock.monotonicMs();
    const found = this.#quarantine.find(digest, nowMs);
    if (found === null) return null;
    return quarantined(found.crashes, this.#clock.now().getTime() + (found.untilMs - nowMs), found.reason);
  }

  #isRunning(): boolean {
    return this.#state === 'running';
  }

  #isIdle(): boolean {
    return this.#dispatcher.inFlight === 0 && this.#admission.queue.length === 0;
  }

  async #drain(graceMs: number): Promise<void> {
    if (this.#isIdle()) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve;
      timer = setTimeout(resolve, graceMs);
    });
    clearTimeout(timer);
  }
}

function stoppingNow(): InferenceRefusal {
  return stopping(STOPPING_RETRY_AFTER_MS);
}

/**
 * The pool as the domain sees it: a job goes in, a reply or a refusal comes out, always exactly one and never
 * later than the job's deadline. How: README.md of this room.
 */
import { ok, refuse, type Result } from '../lib/result.js';
import type { Clock } from '../lib/clock.js';
import type { Logger } from '../lib/logger.js';
import type { Tensor } from '../lib/tensor.js';
import { createAdmission, type Admission, type Ticket } from './admission.js';
import {
  deadlineExceeded,
  loadFailed,
  quarantined,
  runtimeUnavailable,
  stopping,
  workerLost,
} from './errors.js';
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
import { chooseWorker } from './scheduler.js';
import { copiedBuffer } from './tensors.js';
import type { InferenceJob, InferenceRefusal, InferenceReply, RunnableArtifact, WarmReply } from './types.js';
import type { TaskOutcome, WorkerHandle } from './worker-handle.js';
import { WorkerSlots, type WorkerMemory } from './worker-slots.js';

/** What waits in the queue: a prediction, or a model to load ahead of its first prediction. */
interface Work {
  readonly artifact: RunnableArtifact;
  readonly inputs: readonly Tensor[] | null;
  readonly rows: number;
}

type WorkReply =
  | { readonly kind: 'inferred'; readonly reply: InferenceReply }
  | { readonly kind: 'loaded'; readonly reply: WarmReply };

type WorkTicket = Ticket<Work, WorkReply>;

/** A job whose worker died is tried on another once; its model may be what killed the first. */
const MAX_ATTEMPTS = 2;
const STOPPING_RETRY_AFTER_MS = 1_000;
/** Loading ahead takes its turn as if it were one more caller. */
const WARM_FAIRNESS_KEY = 'souk:warm';

export class InferenceEngine {
  readonly #options: ResolvedOptions;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #isolation: Isolation;
  readonly #slots: WorkerSlots;
  readonly #admission: Admission<Work, WorkReply>;
  readonly #quarantine: Quarantine;
  readonly #counters: Counters = createCounters();
  #state: 'new' | 'running' | 'stopping' | 'stopped' = 'new';
  #inFlight = 0;
  #onIdle: (() => void) | null = null;

  constructor(options: EngineOptions) {
    const resolved = resolveOptions(options);
    this.#options = resolved;
    this.#clock = resolved.clock;
    this.#logger = resolved.logger;
    this.#quarantine = createQuarantine(resolved.quarantine);
    this.#admission = createAdmission<Work, WorkReply>({
      ...resolved.queue,
      clock: resolved.clock,
      workers: resolved.workers,
    });
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
        this.#dispatch();
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
      if (this.#isStopped()) return;
      await this.#slots.start();
    } catch (error) {
      this.#state = 'stopped';
      throw error;
    }
  }

  /** Runs one job. The inputs stay the caller's: they are copied on their way to the worker. */
  async infer(job: InferenceJob): Promise<Result<InferenceReply, InferenceRefusal>> {
    const { artifact, inputs, rows, fairnessKey, timeoutMs, signal } = job;
    const result = await this.#submit({ artifact, inputs, rows }, fairnessKey, timeoutMs, signal);
    if (!result.ok) return result;
    if (result.value.kind !== 'inferred') throw new Error('A worker answered a prediction with a load.');
    return ok(result.value.reply);
  }

  /** Loads a model into a worker ahead of its first prediction. Waits its turn like a prediction. */
  async warm(artifact: RunnableArtifact): Promise<Result<WarmReply, InferenceRefusal>> {
    const { loadTimeoutMs } = this.#options.limits;
    const result = await this.#submit(
      { artifact, inputs: null, rows: 0 },
      WARM_FAIRNESS_KEY,
      loadTimeoutMs,
      undefined,
    );
    if (!result.ok) return result;
    if (result.value.kind !== 'loaded') throw new Error('A worker answered a load with a prediction.');
    return ok(result.value.reply);
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
      state: this.#state,
      workers: this.#slots.slots.map(workerStatsOf),
      queued: this.#admission.queued,
      queues: [],
      inFlight: this.#inFlight,
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
    this.#admission.refuseAll(stopping(STOPPING_RETRY_AFTER_MS));
    await this.#slots.stop(Math.max(0, graceMs - (this.#clock.monotonicMs() - startedAtMs)));
    this.#state = 'stopped';
  }

  async #submit(
    work: Work,
    fairnessKey: string,
    timeoutMs: number,
    signal: AbortSignal | undefined,
  ): Promise<Result<WorkReply, InferenceRefusal>> {
    const result = await this.#admit(work, fairnessKey, timeoutMs, signal);
    this.#counters.recordResult(result);
    return result;
  }

  #admit(
    work: Work,
    fairnessKey: string,
    timeoutMs: number,
    signal: AbortSignal | undefined,
  ): Result<WorkReply, InferenceRefusal> | Promise<Result<WorkReply, InferenceRefusal>> {
    if (this.#state !== 'running') return refuse(stopping(STOPPING_RETRY_AFTER_MS));
    const obstacle = this.#findObstacle(work.artifact);
    if (obstacle !== null) return refuse(obstacle);
    const bytes = (work.inputs ?? []).reduce((sum, { data }) => sum + data.byteLength, 0);
    const admitted = this.#admission.submit({
      work,
      fairnessKey,
      bytes,
      timeoutMs,
      ...(signal === undefined ? {} : { signal }),
    });
    if (!admitted.ok) return admitted;
    this.#counters.recordAdmission();
    this.#dispatch();
    return admitted.value.result;
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

  /** Gives waiting work to idle workers until one of the two runs out. */
  #dispatch(): void {
    for (;;) {
      const snapshots = this.#slots.snapshots();
      if (!snapshots.some(({ idle }) => idle)) return;
      const ticket = this.#admission.take(
        ({ work }) => chooseWorker(work.artifact, snapshots).kind === 'run',
      );
      if (ticket === null) return;
      // Its timer has not fired yet, but a worker's time would be wasted.
      const isLate = ticket.deadlineAtMs <= this.#clock.monotonicMs();
      const obstacle = isLate
        ? deadlineExceeded(ticket.timeoutMs, 'queued')
        : this.#findObstacle(ticket.work.artifact);
      if (obstacle !== null) {
        ticket.settle(refuse(obstacle));
        continue;
      }
      const placement = chooseWorker(ticket.work.artifact, snapshots);
      const handle = placement.kind === 'run' ? (this.#slots.slots[placement.slot]?.handle ?? null) : null;
      if (placement.kind !== 'run' || handle === null)
        throw new Error('A worker vanished while it was chosen.');
      void this.#runOn(placement.slot, handle, ticket);
    }
  }

  async #runOn(slot: number, handle: WorkerHandle, ticket: WorkTicket): Promise<void> {
    this.#inFlight += 1;
    ticket.attempts += 1;
    const startedAtMs = this.#clock.monotonicMs();
    const { artifact, inputs } = ticket.work;
    const outcome = await handle.run({
      artifact,
      // Copied, not given: a job whose worker dies is sent again, and the inputs are the caller's.
      inputs: inputs?.map(({ data, ...rest }) => ({ ...rest, data: copiedBuffer(data) })) ?? null,
      deadlineAtMs: ticket.deadlineAtMs,
    });
    this.#inFlight -= 1;
    this.#finish(ticket, outcome, { slot, handle, startedAtMs });
    this.#dispatch();
    if (this.#isIdle()) this.#onIdle?.();
  }

  #finish(
    ticket: WorkTicket,
    outcome: TaskOutcome,
    run: { readonly slot: number; readonly handle: WorkerHandle; readonly startedAtMs: number },
  ): void {
    const { artifact } = ticket.work;
    const worker = run.handle.name;
    const { runtime } = artifact;
    if (outcome.kind === 'inferred' || outcome.kind === 'loaded' || outcome.kind === 'refused') {
      this.#slots.recordAnswer(run.slot);
      this.#admission.observeServiceMs(this.#clock.monotonicMs() - run.startedAtMs);
    }
    switch (outcome.kind) {
      case 'inferred': {
        const { loadMs, computeMs } = outcome;
        const outputs = outcome.outputs.map((output) => ({ ...output, data: new Uint8Array(output.data) }));
        const timings = { queueMs: run.startedAtMs - ticket.admittedAtMs, batchMs: 0, loadMs, computeMs };
        const reply = { outputs, timings, runtime, worker, batchSize: 1, batchRows: ticket.work.rows };
        ticket.settle(ok({ kind: 'inferred', reply }));
        return;
      }
      case 'loaded': {
        const { bytes, loadMs } = outcome;
        ticket.settle(ok({ kind: 'loaded', reply: { bytes, loadMs, runtime, worker } }));
        return;
      }
      case 'refused':
        if (outcome.fatal) this.#recordCrash(artifact, 'its engine was damaged', worker);
        ticket.settle(refuse(outcome.refusal));
        return;
      case 'overran':
        this.#counters.recordOverrun();
        this.#logger.warn(
          { worker, digest: artifact.digest, phase: outcome.phase },
          'a model overstayed its time',
        );
        // A run's deadline has usually answered by its own timer; a load's limit may come first.
        ticket.settle(
          refuse(
            outcome.phase === 'loading'
              ? loadFailed('Loading the model took too long and was given up.')
              : deadlineExceeded(ticket.timeoutMs, 'running'),
          ),
        );
        return;
      case 'lost':
        this.#retryOrRefuse(ticket, outcome.reason, worker);
        return;
    }
  }

  #retryOrRefuse(ticket: WorkTicket, reason: string, worker: string): void {
    if (this.#state === 'running') this.#recordCrash(ticket.work.artifact, reason, worker);
    if (ticket.isSettled) return;
    if (this.#state !== 'running' || ticket.attempts >= MAX_ATTEMPTS) {
      ticket.settle(refuse(workerLost(reason)));
      return;
    }
    this.#counters.recordRetry();
    this.#admission.putBack(ticket);
  }

  #recordCrash({ digest }: RunnableArtifact, reason: string, worker: string): void {
    this.#counters.recordCrash();
    this.#quarantine.recordCrash(digest, reason, this.#clock.monotonicMs());
    this.#logger.error({ worker, digest, reason }, 'a worker crashed with a model in flight');
  }

  #isStopped(): boolean {
    return this.#state === 'stopped';
  }

  #isIdle(): boolean {
    return this.#inFlight === 0 && this.#admission.queued === 0;
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

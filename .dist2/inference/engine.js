import { refuse } from "../lib/result.js";
import { createAdmission } from "./admission.js";
import { createCostModel } from "./cost-model.js";
import { Dispatcher } from "./dispatcher.js";
import { quarantined, runtimeUnavailable, stopping } from "./errors.js";
import { resolveOptions } from "./engine-options.js";
import { applyNativeEnvironment } from "./native-environment.js";
import { createCounters, workerStatsOf } from "./pool-stats.js";
import { createQuarantine } from "./quarantine.js";
import { threadChannels } from "./thread-channel.js";
import { WorkerSlots } from "./worker-slots.js";
const STOPPING_RETRY_AFTER_MS = 1e3;
class InferenceEngine {
  #options;
  #clock;
  #slots;
  #admission;
  #dispatcher;
  #quarantine;
  #counters = createCounters();
  #state = "new";
  #onIdle = null;
  constructor(options) {
    const resolved = resolveOptions(options);
    this.#options = resolved;
    this.#clock = resolved.clock;
    this.#quarantine = createQuarantine(resolved.quarantine);
    this.#slots = new WorkerSlots({
      workers: resolved.workers,
      maxStuck: resolved.maxStuckThreads,
      memoryBudgetBytesPerWorker: resolved.memoryBudgetBytesPerWorker,
      open: threadChannels({
        entry: resolved.workerEntry,
        settings: { runtimes: resolved.runtimes, memoryBudgetBytes: resolved.memoryBudgetBytesPerWorker },
        maxHeapBytes: resolved.maxHeapBytesPerWorker,
        logger: resolved.logger
      }),
      limits: resolved.limits,
      clock: resolved.clock,
      logger: resolved.logger,
      onReady: () => {
        this.#dispatcher.wake();
      },
      onEvicted: (models) => {
        this.#counters.recordEvictions(models);
      }
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
      }
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
      isRunning: () => this.#state === "running",
      findObstacle: (artifact) => this.#findObstacle(artifact),
      onProgress: () => {
        if (this.#isIdle()) this.#onIdle?.();
      }
    });
  }
  /**
   * Starts the workers; settles when they take work.
   * @throws Error with one sentence when no worker can start
   */
  async start() {
    if (this.#state !== "new") throw new Error(`The inference engine is ${this.#state}; it starts once.`);
    applyNativeEnvironment(this.#options.nativeEnvironment, this.#options.environment);
    this.#state = "running";
    try {
      await this.#slots.start();
    } catch (error) {
      this.#state = "stopped";
      throw error;
    }
  }
  /** Runs one job. The inputs stay the caller's: they are copied on their way to the worker. */
  infer(job) {
    const obstacle = this.#state === "running" ? this.#findObstacle(job.artifact) : stoppingNow();
    if (obstacle !== null) return this.#refuse(obstacle);
    const admitted = this.#admission.submit(job);
    if (!admitted.ok) return this.#refuse(admitted.error);
    this.#counters.recordAdmission();
    this.#dispatcher.wake();
    return admitted.value.result;
  }
  /**
   * Brings a model into memory ahead of its first prediction, in an idle moment.
   * @param signature with it, the model also runs once on zeros: engines build much on the first run
   */
  warm(artifact, signature = null) {
    const obstacle = this.#state === "running" ? this.#findObstacle(artifact) : stoppingNow();
    if (obstacle !== null) return Promise.resolve(refuse(obstacle));
    const warmed = this.#dispatcher.lane.warm(artifact, signature);
    this.#dispatcher.wake();
    return warmed;
  }
  /** Unloads a model everywhere; settles when no worker holds it. Predictions under way finish first. */
  async evict(digest) {
    await this.#slots.evict(digest);
  }
  stats() {
    const nowMs = this.#clock.monotonicMs();
    return {
      isolation: "thread",
      scheduling: this.#options.scheduling,
      maxBatchRows: this.#options.maxBatchRows,
      state: this.#state,
      workers: this.#slots.slots.map((slot) => workerStatsOf(slot, nowMs)),
      queued: this.#admission.queue.length,
      queues: this.#admission.stats(nowMs),
      inFlight: this.#dispatcher.inFlight,
      stuckThreads: this.#slots.stuck,
      quarantinedModels: this.#quarantine.count(nowMs),
      memoryBudgetBytesPerWorker: this.#options.memoryBudgetBytesPerWorker,
      counters: this.#counters.read()
    };
  }
  /** What the engines in each worker hold. Each worker answers after the task in its hands. */
  memory() {
    return this.#slots.memory();
  }
  /** Takes no new work, lets what is admitted finish for `graceMs`, refuses the rest, and ends the workers. */
  async stop({ graceMs }) {
    if (this.#state !== "running") {
      this.#state = "stopped";
      return;
    }
    this.#state = "stopping";
    const startedAtMs = this.#clock.monotonicMs();
    await this.#drain(graceMs);
    this.#admission.refuseAll(stoppingNow());
    this.#dispatcher.lane.refuseAll(stoppingNow());
    await this.#slots.stop(Math.max(0, graceMs - (this.#clock.monotonicMs() - startedAtMs)));
    this.#state = "stopped";
  }
  #refuse(refusal) {
    const result = refuse(refusal);
    this.#counters.recordResult(result);
    return Promise.resolve(result);
  }
  /** Why the model cannot run now, however long it waits; `null` when nothing stands in its way. */
  #findObstacle({ digest, runtime }) {
    if (!this.#options.runtimes.includes(runtime)) {
      return runtimeUnavailable(runtime, "it is switched off by the operator.");
    }
    const unavailable = this.#slots.findUnavailability(runtime);
    if (unavailable !== null) return runtimeUnavailable(runtime, unavailable);
    const nowMs = this.#clock.monotonicMs();
    const found = this.#quarantine.find(digest, nowMs);
    if (found === null) return null;
    return quarantined(found.crashes, this.#clock.now().getTime() + (found.untilMs - nowMs), found.reason);
  }
  #isIdle() {
    return this.#dispatcher.inFlight === 0 && this.#admission.queue.length === 0;
  }
  async #drain(graceMs) {
    if (this.#isIdle()) return;
    let timer;
    await new Promise((resolve) => {
      this.#onIdle = resolve;
      timer = setTimeout(resolve, graceMs);
    });
    clearTimeout(timer);
  }
}
function stoppingNow() {
  return stopping(STOPPING_RETRY_AFTER_MS);
}
export {
  InferenceEngine
};
//# sourceMappingURL=engine.js.map

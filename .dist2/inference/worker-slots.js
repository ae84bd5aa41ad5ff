import { WorkerHandle } from "./worker-handle.js";
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5e3;
const LAST_WAIT_MS = 2e3;
class WorkerSlots {
  #deps;
  #slots;
  #views;
  /** Given up, not yet ended. */
  #leaving = /* @__PURE__ */ new Set();
  #isStopping = false;
  constructor(deps) {
    this.#deps = deps;
    this.#slots = Array.from({ length: deps.workers }, (_, index) => ({
      index,
      view: this.#viewOf(index),
      handle: null,
      generation: 0,
      failures: 0,
      timer: null,
      isWaitingForThread: false
    }));
    this.#views = this.#slots.map(({ view }) => view);
  }
  /**
   * Opens all workers; settles when each is ready or has failed once.
   * @throws Error with one sentence when none became ready; nothing is left running then
   */
  async start() {
    const outcomes = await Promise.all(this.#slots.map((slot) => this.#open(slot)));
    if (outcomes.some((outcome) => outcome === null)) return;
    await this.stop(0);
    throw new Error(`No inference worker can start: ${outcomes[0] ?? "there are none"}`);
  }
  get slots() {
    return this.#slots;
  }
  /** Threads that were given up and have not ended. */
  get stuck() {
    return this.#leaving.size;
  }
  /** The same objects for the whole life of the pool; they show the present. */
  get views() {
    return this.#views;
  }
  /** Why no worker can use the engine, or `null` while one can or it is not known yet. */
  findUnavailability(runtime) {
    let reason = null;
    for (const { handle } of this.#slots) {
      const readiness = handle?.runtimes.find((entry) => entry.runtime === runtime);
      if (readiness === void 0 || readiness.available) return null;
      reason = readiness.reason;
    }
    return reason;
  }
  /** A task was answered: this place works. */
  recordAnswer(slotIndex) {
    const slot = this.#slots[slotIndex];
    if (slot !== void 0) slot.failures = 0;
  }
  async evict(digest) {
    await Promise.all(this.#slots.map(async ({ handle }) => handle?.evict(digest)));
  }
  async memory() {
    const handles = this.#slots.flatMap(({ handle }) => handle === null ? [] : [handle]);
    return Promise.all(
      handles.map(async (handle) => ({ worker: handle.name, engines: await handle.memory() }))
    );
  }
  /** Ends all workers. Settles when all have ended, or when only native calls hold threads back. */
  async stop(graceMs) {
    this.#isStopping = true;
    for (const slot of this.#slots) if (slot.timer !== null) clearTimeout(slot.timer);
    const handles = [
      ...this.#leaving,
      ...this.#slots.flatMap(({ handle }) => handle === null ? [] : [handle])
    ];
    let timer;
    const lastWait = new Promise((resolve) => {
      timer = setTimeout(resolve, graceMs + LAST_WAIT_MS);
    });
    await Promise.race([Promise.all(handles.map((handle) => handle.stop(graceMs))), lastWait]);
    clearTimeout(timer);
  }
  /** Opens the next worker of a place. Resolves to why it failed, or `null`. */
  async #open(slot) {
    slot.timer = null;
    slot.isWaitingForThread = false;
    slot.generation += 1;
    const handle = new WorkerHandle({
      name: `worker-${slot.index}.${slot.generation}`,
      open: this.#deps.open,
      limits: this.#deps.limits,
      clock: this.#deps.clock,
      onEvicted: this.#deps.onEvicted,
      onDown: (before, reason) => {
        this.#replace(slot, handle, before, reason);
      }
    });
    slot.handle = handle;
    const outcome = await handle.start();
    if (!outcome.ok) return outcome.reason;
    this.#deps.logger.info({ worker: handle.name, runtimes: outcome.runtimes }, "inference worker is ready");
    this.#deps.onReady();
    return null;
  }
  #replace(slot, handle, before, reason) {
    if (this.#isStopping) return;
    this.#deps.logger.warn({ worker: handle.name, before, reason }, "inference worker is replaced");
    slot.handle = null;
    this.#leaving.add(handle);
    void handle.ended.then(() => {
      this.#leaving.delete(handle);
      for (const waiting of this.#slots) if (waiting.isWaitingForThread) this.#plan(waiting);
    });
    if (before !== "busy") slot.failures += 1;
    this.#plan(slot);
  }
  #viewOf(index) {
    const handle = () => this.#slots[index]?.handle ?? null;
    const budgetBytes = this.#deps.memoryBudgetBytesPerWorker;
    return Object.freeze({
      slot: index,
      get handle() {
        return handle();
      },
      get places() {
        return handle()?.places ?? 0;
      },
      get idle() {
        return handle()?.idle ?? false;
      },
      get freeBytes() {
        return budgetBytes - (handle()?.residentBytes ?? 0);
      },
      canRun: (runtime) => handle()?.canRun(runtime) ?? false,
      holds: (version) => handle()?.holds(version) ?? false
    });
  }
  #plan(slot) {
    if (this.#isStopping) return;
    if (this.#leaving.size > this.#deps.maxStuck) {
      slot.isWaitingForThread = true;
      return;
    }
    slot.isWaitingForThread = false;
    const pauseMs = slot.failures === 0 ? 0 : Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (slot.failures - 1));
    slot.timer = setTimeout(() => void this.#open(slot), pauseMs);
  }
}
export {
  WorkerSlots
};
//# sourceMappingURL=worker-slots.js.map

import { versionKeyOf } from "./version-key.js";
const DEPTH = 1;
class WorkerHandle {
  name;
  /** Resolves when the worker has left, however it left. */
  ended;
  #state = { kind: "starting" };
  #residents = [];
  #residentKeys = /* @__PURE__ */ new Set();
  #residentBytes = 0;
  /** By version key. */
  #usedAtMs = /* @__PURE__ */ new Map();
  #usableRuntimes = /* @__PURE__ */ new Set();
  #runtimes = [];
  /** The first is in progress. */
  #tasks = [];
  #isReserved = false;
  /** Digests that are being unloaded by request. */
  #unloading = /* @__PURE__ */ new Set();
  #runs = 0;
  #busyMs = 0;
  #nextId = 1;
  #channel = null;
  #brokenReason = null;
  #resolveStart = () => void 0;
  #resolveEnded = () => void 0;
  #acknowledgements = /* @__PURE__ */ new Map();
  #deps;
  constructor(deps) {
    this.#deps = deps;
    this.name = deps.name;
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
  }
  get state() {
    return this.#state;
  }
  get residents() {
    return this.#residents;
  }
  get runtimes() {
    return this.#runtimes;
  }
  get residentBytes() {
    return this.#residentBytes;
  }
  /** Runs that it answered, and the time that its tasks took. */
  get runs() {
    return this.#runs;
  }
  get busyMs() {
    return this.#busyMs;
  }
  get idle() {
    return this.#state.kind === "ready" && !this.#isReserved;
  }
  /** Runs that it can be given now. */
  get places() {
    if (this.#isReserved) return 0;
    if (this.#state.kind === "ready") return DEPTH;
    if (this.#state.kind !== "busy" || this.#state.phase === "loading") return 0;
    return DEPTH - this.#tasks.length;
  }
  /** When a run last used the model here, or it was loaded; on the monotonic clock. */
  usedAtMs(version) {
    return this.#usedAtMs.get(version) ?? null;
  }
  holds(version) {
    return this.#residentKeys.has(version);
  }
  canRun(runtime) {
    return this.#usableRuntimes.has(runtime);
  }
  /** Keeps an idle worker for a load and the run that warms it: nothing else is given to it meanwhile. */
  reserve() {
    this.#isReserved = true;
  }
  unreserve() {
    this.#isReserved = false;
  }
  /** Starts the worker; settles when it is ready, has died, or took too long. */
  start() {
    const started = new Promise((resolve) => {
      this.#resolveStart = resolve;
    });
    const { startTimeoutMs } = this.#deps.limits;
    const timer = setTimeout(() => {
      if (this.#state.kind === "starting") this.retire(`it was not ready within ${startTimeoutMs} ms`);
    }, startTimeoutMs);
    this.#channel = this.#deps.open(this.name, {
      onMessage: (message) => {
        this.#receive(message);
      },
      onError: (reason) => {
        this.#brokenReason = reason;
        this.retire(reason);
      },
      onExit: (code) => {
        this.#leave(this.#brokenReason ?? `it ended with code ${code}`);
      }
    });
    return started.finally(() => {
      clearTimeout(timer);
    });
  }
  /** Runs one task. The inputs' buffers are transferred. Only when it has a place. */
  run(task) {
    const isFree = this.#state.kind === "ready" || this.#state.kind === "busy" && this.#tasks.length < DEPTH;
    if (!isFree) throw new Error(`Worker ${this.name} is ${this.#state.kind}, not ready.`);
    const id = this.#nextId++;
    const { artifact, inputs } = task;
    return new Promise((resolve) => {
      const remainingMs = task.deadlineAtMs - this.#deps.clock.monotonicMs();
      this.#tasks.push({ id, task, resolve, beganAtMs: 0, timer: null });
      if (this.#tasks.length === 1) this.#begin();
      if (inputs === null) {
        this.#post({ type: "load", id, artifact });
      } else {
        const transfer = inputs.map(({ data }) => data);
        this.#post({ type: "infer", id, artifact, inputs, remainingMs }, transfer);
      }
    });
  }
  /** Unloads a model; settles when it is gone from this worker, or the worker is. */
  async evict(digest) {
    this.#unloading.add(digest);
    await this.#acknowledged((id) => ({ type: "evict", id, digest }));
    this.#unloading.delete(digest);
  }
  /** What its engines hold, after the task in progress; empty when the worker is not usable. */
  async memory() {
    const reply = await this.#acknowledged((id) => ({ type: "stats", id }));
    return reply?.type === "stats" ? reply.memory : [];
  }
  /** Gives the worker up: its task ends as lost or overran, and the thread ends as soon as it can. */
  retire(reason, outcome = { kind: "lost", reason, hadBegun: true }) {
    if (this.#state.kind === "gone") return;
    const before = this.#state.kind;
    this.#state = { kind: "stopping", reason };
    this.#finish(outcome);
    this.#loseTheRest(reason);
    this.#release(reason);
    this.#channel?.terminate();
    if (before !== "stopping") this.#deps.onDown(before, reason);
  }
  /** Lets an idle worker leave politely; ends it when it does not within `graceMs`. */
  async stop(graceMs) {
    const reason = "the pool is stopping";
    if (this.#state.kind !== "ready") {
      this.retire(reason);
      return this.ended;
    }
    this.#state = { kind: "stopping", reason };
    const timer = setTimeout(() => this.#channel?.terminate(), graceMs);
    this.#post({ type: "stop", id: this.#nextId++ });
    await this.ended;
    clearTimeout(timer);
  }
  #post(request, transfer) {
    this.#channel?.post(request, transfer);
  }
  /** The reply, or `null` when the worker went before it could give one. */
  #acknowledged(request) {
    if (this.#state.kind !== "ready" && this.#state.kind !== "busy") return Promise.resolve(null);
    const id = this.#nextId++;
    return new Promise((resolve) => {
      this.#acknowledgements.set(id, resolve);
      this.#post(request(id));
    });
  }
  #receive(message) {
    if (this.#state.kind === "stopping" || this.#state.kind === "gone") return;
    switch (message.type) {
      case "ready":
        this.#becomeReady(message.runtimes);
        return;
      case "residents":
        this.#countEvictions(message.models);
        this.#setResidents(message.models);
        return;
      case "loading":
      case "computing":
        this.#enter(message.id, message.type);
        return;
      case "inferred":
        this.#answer(message.id, {
          kind: "inferred",
          outputs: message.outputs,
          loadMs: message.loadMs,
          computeMs: message.computeMs
        });
        return;
      case "loaded":
        this.#answer(message.id, { kind: "loaded", bytes: message.bytes, loadMs: message.loadMs });
        return;
      case "refused":
        this.#answer(message.id, { kind: "refused", refusal: message.refusal, fatal: message.fatal });
        return;
      case "evicted":
      case "stats":
      case "stopped":
        this.#acknowledgements.get(message.id)?.(message);
        this.#acknowledgements.delete(message.id);
        return;
    }
  }
  #becomeReady(runtimes) {
    this.#runtimes = runtimes;
    this.#usableRuntimes = new Set(
      runtimes.filter(({ available }) => available).map(({ runtime }) => runtime)
    );
    if (!runtimes.some(({ available }) => available)) {
      const reasons = runtimes.map(({ reason }) => reason ?? "").join(" ");
      this.retire(`no engine can be used: ${reasons}`);
      return;
    }
    this.#state = { kind: "ready" };
    this.#resolveStart({ ok: true, runtimes });
  }
  #enter(id, phase) {
    const [current] = this.#tasks;
    if (current?.id !== id) return;
    if (current.timer !== null) clearTimeout(current.timer);
    const remainingMs = phase === "loading" ? this.#deps.limits.loadTimeoutMs : current.task.deadlineAtMs - this.#deps.clock.monotonicMs();
    current.timer = this.#overrunTimer(remainingMs, phase);
    this.#state = { kind: "busy", digest: current.task.artifact.digest, phase };
  }
  #overrunTimer(remainingMs, phase) {
    const graceMs = phase === "computing" ? this.#deps.limits.overrunGraceMs : 0;
    const waitMs = Math.min(Math.max(0, remainingMs) + graceMs, 2 ** 31 - 1);
    return setTimeout(() => {
      this.retire(`it was still ${phase} after its time was up`, { kind: "overran", phase });
    }, waitMs);
  }
  #answer(id, outcome) {
    if (this.#tasks[0]?.id !== id) return;
    if (outcome.kind === "refused" && outcome.fatal) {
      this.retire("its engine is damaged", outcome);
      return;
    }
    this.#finish(outcome);
    if (this.#tasks.length > 0) this.#begin();
    else this.#state = { kind: "ready" };
  }
  /** The first task is now in the worker's hands. */
  #begin() {
    const [current] = this.#tasks;
    if (current === void 0) return;
    const { task } = current;
    current.beganAtMs = this.#deps.clock.monotonicMs();
    current.timer = this.#overrunTimer(task.deadlineAtMs - current.beganAtMs, "computing");
    this.#state = { kind: "busy", digest: task.artifact.digest, phase: "computing" };
  }
  #finish(outcome) {
    const current = this.#tasks.shift();
    if (current === void 0) return;
    if (current.timer !== null) clearTimeout(current.timer);
    this.#busyMs += this.#deps.clock.monotonicMs() - current.beganAtMs;
    if (outcome.kind === "inferred") {
      this.#runs += 1;
      const version = versionKeyOf(current.task.artifact);
      if (this.#usedAtMs.has(version)) this.#usedAtMs.set(version, this.#deps.clock.monotonicMs());
    }
    current.resolve(outcome);
  }
  #loseTheRest(reason) {
    for (const { resolve } of this.#tasks.splice(0)) resolve({ kind: "lost", reason, hadBegun: false });
  }
  #countEvictions(models) {
    const remaining = new Set(models.map(versionKeyOf));
    const evicted = this.#residents.filter(
      (model) => !remaining.has(versionKeyOf(model)) && !this.#unloading.has(model.digest)
    );
    if (evicted.length > 0) this.#deps.onEvicted?.(evicted.length);
  }
  #setResidents(models) {
    this.#residents = models;
    this.#residentKeys = new Set(models.map(versionKeyOf));
    const nowMs = this.#deps.clock.monotonicMs();
    for (const key of this.#usedAtMs.keys()) if (!this.#residentKeys.has(key)) this.#usedAtMs.delete(key);
    for (const key of this.#residentKeys) if (!this.#usedAtMs.has(key)) this.#usedAtMs.set(key, nowMs);
    this.#residentBytes = models.reduce((sum, { bytes }) => sum + bytes, 0);
  }
  #leave(reason) {
    const before = this.#state.kind;
    this.#state = { kind: "gone", reason };
    this.#setResidents([]);
    this.#finish({ kind: "lost", reason, hadBegun: true });
    this.#loseTheRest(reason);
    this.#release(reason);
    this.#resolveEnded();
    if (before !== "stopping" && before !== "gone") this.#deps.onDown(before, reason);
  }
  /** Whoever waits for this worker waits no longer. */
  #release(reason) {
    this.#resolveStart({ ok: false, reason });
    for (const acknowledge of this.#acknowledgements.values()) acknowledge(null);
    this.#acknowledgements.clear();
  }
}
export {
  WorkerHandle
};
//# sourceMappingURL=worker-handle.js.map

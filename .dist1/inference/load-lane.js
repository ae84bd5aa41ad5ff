import { ok, refuse } from "../lib/result.js";
import { loadFailed, overloaded } from "./errors.js";
import { chooseLoader, isResident } from "./scheduler.js";
import { versionKeyOf } from "./version-key.js";
import { warmInputs } from "./warm-inputs.js";
const MAX_WANTS = 256;
const WANTS_FULL_RETRY_MS = 1e3;
const WANT_OVERDUE_MS = 1e3;
const TRIAL_TIMEOUT_MS = 1e4;
const LOOK_EVERY_MS = 50;
const COPY_AGAIN_AFTER_MS = 3e4;
const MIN_HOLDERS = 2;
class LoadLane {
  #deps;
  #wants = [];
  #copiedAtMs = /* @__PURE__ */ new Map();
  #loading = null;
  #nextLookAtMs = 0;
  constructor(deps) {
    this.#deps = deps;
  }
  get isFree() {
    return this.#loading === null;
  }
  /** Loads ahead of the first prediction; settles when the model is in memory or cannot be. */
  warm(artifact, signature) {
    const version = versionKeyOf(artifact);
    const holder = this.#deps.views.find((view) => view.holds(version))?.handle ?? null;
    if (holder !== null && this.#loading !== version)
      return Promise.resolve(ok(replyOf(holder, artifact, 0)));
    if (this.#wants.length >= MAX_WANTS) {
      return Promise.resolve(refuse(overloaded(WANTS_FULL_RETRY_MS, "queue")));
    }
    return new Promise((resolve) => {
      const want = {
        request: { version, artifact, signature, fairnessKey: null },
        sinceMs: this.#deps.clock.monotonicMs(),
        timer: setTimeout(() => {
          this.#give(want, refuse(loadFailed("No worker was free to load the model in time.")));
        }, this.#deps.loadTimeoutMs),
        resolve
      };
      this.#wants.push(want);
    });
  }
  /** The worker for a model that none has; `null` while the lane is taken, some worker has it, or none is idle. */
  findPlace(version, runtime) {
    if (this.#loading !== null || isResident(version, this.#deps.views)) return null;
    return this.#choose(version, runtime);
  }
  load(request, view) {
    const { handle } = view;
    if (handle === null) throw new Error("A worker vanished while it was chosen.");
    this.#loading = request.version;
    handle.reserve();
    void this.#run(request, view.slot, handle);
  }
  /** What was asked for ahead may wait for an idle moment, but not for ever. */
  startOverdue() {
    const [oldest] = this.#wants;
    if (oldest === void 0 || this.#loading !== null) return;
    if (this.#deps.clock.monotonicMs() - oldest.sinceMs >= WANT_OVERDUE_MS) this.#startWanted();
  }
  /** Workers are idle and nothing that waits can use them. */
  useIdleMoment() {
    if (this.#loading !== null) return;
    if (this.#startWanted()) return;
    const nowMs = this.#deps.clock.monotonicMs();
    if (nowMs < this.#nextLookAtMs) return;
    this.#nextLookAtMs = nowMs + LOOK_EVERY_MS;
    this.#copyBusyModel(nowMs);
  }
  refuseAll(refusal) {
    for (const want of [...this.#wants]) this.#give(want, refuse(refusal));
  }
  #startWanted() {
    for (const want of [...this.#wants]) {
      const { request } = want;
      const { version, artifact } = request;
      const obstacle = this.#deps.findObstacle(artifact);
      const holder = this.#deps.views.find((view) => view.holds(version))?.handle ?? null;
      if (obstacle !== null) this.#give(want, refuse(obstacle));
      else if (holder !== null) this.#give(want, ok(replyOf(holder, artifact, 0)));
      else {
        const view = this.#choose(version, artifact.runtime);
        if (view === null) continue;
        this.load(request, view);
        return true;
      }
    }
    return false;
  }
  #copyBusyModel(nowMs) {
    const { views, uses } = this.#deps;
    if (!views.some(({ idle }) => idle)) return;
    for (const { version, artifact, signature } of uses.hot(nowMs)) {
      const holders = views.filter((view2) => view2.holds(version));
      const [holder] = holders;
      if (holder === void 0 || holders.length >= MIN_HOLDERS) continue;
      if (nowMs - (this.#copiedAtMs.get(version) ?? -Infinity) < COPY_AGAIN_AFTER_MS) continue;
      if (this.#deps.findObstacle(artifact) !== null) continue;
      const bytes = bytesOf(holder.handle, version);
      const roomy = views.filter((view2) => view2.freeBytes >= bytes);
      const view = chooseLoader(version, artifact.runtime, roomy, (candidate) => this.#missedBy(candidate));
      if (view === null) continue;
      this.#copiedAtMs.delete(version);
      this.#copiedAtMs.set(version, nowMs);
      const oldest = this.#copiedAtMs.keys().next();
      if (this.#copiedAtMs.size > MAX_WANTS && oldest.done !== true) this.#copiedAtMs.delete(oldest.value);
      this.load({ version, artifact, signature, fairnessKey: null }, view);
      return;
    }
  }
  #choose(version, runtime) {
    return chooseLoader(version, runtime, this.#deps.views, (view) => this.#missedBy(view));
  }
  /** Models in use that only this worker has. */
  #missedBy(view) {
    const { uses, views, clock } = this.#deps;
    return uses.active(clock.monotonicMs()).filter(
      (version) => view.holds(version) && views.every((other) => other === view || !other.holds(version))
    ).length;
  }
  async #run(request, slot, handle) {
    const { clock, loadTimeoutMs, onEnd } = this.#deps;
    const { artifact, signature, version } = request;
    const startedAtMs = clock.monotonicMs();
    const deadlineAtMs = startedAtMs + loadTimeoutMs;
    const outcome = await handle.run({ artifact, inputs: null, deadlineAtMs });
    const endedAtMs = clock.monotonicMs();
    const inputs = signature === null ? null : warmInputs(signature);
    const trial = outcome.kind === "loaded" && inputs !== null && handle.state.kind === "ready" ? await handle.run({ artifact, inputs, deadlineAtMs: endedAtMs + TRIAL_TIMEOUT_MS }) : null;
    handle.unreserve();
    this.#loading = null;
    for (const want of this.#wants.filter((each) => each.request.version === version)) {
      this.#give(want, warmResult(outcome, handle, artifact));
    }
    onEnd({ request, worker: handle.name, slot, startedAtMs, endedAtMs, outcome, trial });
  }
  #give(want, result) {
    const at = this.#wants.indexOf(want);
    if (at < 0) return;
    this.#wants.splice(at, 1);
    clearTimeout(want.timer);
    want.resolve(result);
  }
}
function warmResult(outcome, handle, artifact) {
  switch (outcome.kind) {
    case "loaded":
      return ok({ ...replyOf(handle, artifact, outcome.loadMs), bytes: outcome.bytes });
    case "refused":
      return refuse(outcome.refusal);
    case "overran":
      return refuse(loadFailed(LOAD_TOO_LONG));
    case "lost":
      return refuse({
        code: "WORKER_LOST",
        message: `The worker that loaded the model was lost: ${outcome.reason}.`
      });
    case "inferred":
      throw new Error("A worker answered a load with a prediction.");
  }
}
const LOAD_TOO_LONG = "Loading the model took too long and was given up.";
function replyOf(handle, artifact, loadMs) {
  const bytes = bytesOf(handle, versionKeyOf(artifact));
  return { bytes, loadMs, runtime: artifact.runtime, worker: handle.name };
}
function bytesOf(handle, version) {
  return handle?.residents.find((model) => versionKeyOf(model) === version)?.bytes ?? 0;
}
export {
  LOAD_TOO_LONG,
  LoadLane
};
//# sourceMappingURL=load-lane.js.map

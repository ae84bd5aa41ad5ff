/**
 * Models enter memory through here, one at a time in the whole pool, so that a load never takes more than one worker
 * from the runs, and no model is loaded twice because two asked. Three kinds, in this order of urgency: what a
 * waiting request needs (by its turn), what was asked for ahead (`warm`), and copies of busy models on a second
 * worker, made in idle moments, so that a later load or a crash on the one does not stop them.
 */
import type { Clock } from '../lib/clock.js';
import { ok, refuse, type Result } from '../lib/result.js';
import type { Signature } from '../lib/tensor.js';
import { loadFailed, overloaded } from './errors.js';
import type { ModelUses } from './model-uses.js';
import { chooseLoader } from './scheduler.js';
import type { InferenceRefusal, RunnableArtifact, RuntimeName, WarmReply } from './types.js';
import { versionKeyOf } from './version-key.js';
import { warmInputs } from './warm-inputs.js';
import type { TaskOutcome, WorkerHandle } from './worker-handle.js';
import type { SlotView } from './worker-slots.js';

export interface LoadRequest {
  readonly version: string;
  readonly artifact: RunnableArtifact;
  /** With it, the model runs once on zeros, so that no caller pays for what an engine builds on the first run. */
  readonly signature: Signature | null;
  /** Who pays for the worker's time; `null`: nobody. */
  readonly fairnessKey: string | null;
}

export interface LoadEnd {
  readonly request: LoadRequest;
  readonly worker: string;
  readonly slot: number;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  readonly outcome: TaskOutcome;
  /** Of the run on zeros; `null` when there was none. */
  readonly trial: TaskOutcome | null;
}

export interface LoadLaneDeps {
  readonly clock: Clock;
  readonly views: readonly SlotView[];
  readonly uses: ModelUses;
  readonly loadTimeoutMs: number;
  readonly findObstacle: (artifact: RunnableArtifact) => InferenceRefusal | null;
  /** After each load, however it ended; the lane and the worker are free again. */
  readonly onEnd: (end: LoadEnd) => void;
}

interface Want {
  readonly request: LoadRequest;
  readonly sinceMs: number;
  readonly timer: NodeJS.Timeout;
  readonly resolve: (result: Result<WarmReply, InferenceRefusal>) => void;
}

const MAX_WANTS = 256;
const WANTS_FULL_RETRY_MS = 1_000;
const WANT_OVERDUE_MS = 1_000;
const TRIAL_TIMEOUT_MS = 10_000;
/** How often idle moments are used to look for something to copy. */
const LOOK_EVERY_MS = 50;
/** A copy that failed, or was evicted again, is not tried again sooner. */
const COPY_AGAIN_AFTER_MS = 30_000;
const MIN_HOLDERS = 2;

export class LoadLane {
  readonly #deps: LoadLaneDeps;
  readonly #wants: Want[] = [];
  readonly #copiedAtMs = new Map<string, number>();
  #loading: string | null = null;
  #nextLookAtMs = 0;

  constructor(deps: LoadLaneDeps) {
    this.#deps = deps;
  }

  get isFree(): boolean {
    return this.#loading === null;
  }

  /** Loads ahead of the first prediction; settles when the model is in memory or cannot be. */
  warm(
    artifact: RunnableArtifact,
    signature: Signature | null,
  ): Promise<Result<WarmReply, InferenceRefusal>> {
    const version = versionKeyOf(artifact);
    const holder = this.#deps.views.find((view) => view.holds(version))?.handle ?? null;
    if (holder !== null && this.#loading !== version)
      return Promise.resolve(ok(replyOf(holder, artifact, 0)));
    if (this.#wants.length >= MAX_WANTS) {
      return Promise.resolve(refuse(overloaded(WANTS_FULL_RETRY_MS, 'queue')));
    }
    return new Promise((resolve) => {
      const want: Want = {
        request: { version, artifact, signature, fairnessKey: null },
        sinceMs: this.#deps.clock.monotonicMs(),
        timer: setTimeout(() => {
          this.#give(want, refuse(loadFailed('No worker was free to load the model in time.')));
        }, this.#deps.loadTimeoutMs),
        resolve,
      };
      this.#wants.push(want);
    });
  }

  /**
   * The idle worker for a model that a request waits for; `null` while the lane is taken. A model that some worker has
   * is loaded again only for a request that has waited long, because those who have it are held up, and only where it
   * fits without evicting.
   */
  findPlace(version: string, runtime: RuntimeName, hasWaitedLong: boolean): SlotView | null {
    if (this.#loading !== null) return null;
    const { views } = this.#deps;
    const holder = views.find((view) => view.holds(version));
    if (holder === undefined) return this.#choose(version, runtime, views);
    if (!hasWaitedLong) return null;
    const bytes = bytesOf(holder.handle, version);
    return this.#choose(
      version,
      runtime,
      views.filter((view) => view.freeBytes >= bytes),
    );
  }

  load(request: LoadRequest, view: SlotView): void {
    const { handle } = view;
    if (handle === null) throw new Error('A worker vanished while it was chosen.');
    this.#loading = request.version;
    handle.reserve();
    void this.#run(request, view.slot, handle);
  }

  /** What was asked for ahead may wait for an idle moment, but not for ever. */
  startOverdue(): void {
    const [oldest] = this.#wants;
    if (oldest === undefined || this.#loading !== null) return;
    if (this.#deps.clock.monotonicMs() - oldest.sinceMs >= WANT_OVERDUE_MS) this.#startWanted();
  }

  /** Workers are idle and nothing that waits can use them. */
  useIdleMoment(): void {
    if (this.#loading !== null) return;
    if (this.#startWanted()) return;
    const nowMs = this.#deps.clock.monotonicMs();
    if (nowMs < this.#nextLookAtMs) return;
    this.#nextLookAtMs = nowMs + LOOK_EVERY_MS;
    this.#copyBusyModel(nowMs);
  }

  refuseAll(refusal: InferenceRefusal): void {
    for (const want of [...this.#wants]) this.#give(want, refuse(refusal));
  }

  #startWanted(): boolean {
    for (const want of [...this.#wants]) {
      const { request } = want;
      const { version, artifact } = request;
      const obstacle = this.#deps.findObstacle(artifact);
      const holder = this.#deps.views.find((view) => view.holds(version))?.handle ?? null;
      if (obstacle !== null) this.#give(want, refuse(obstacle));
      else if (holder !== null) this.#give(want, ok(replyOf(holder, artifact, 0)));
      else {
        const view = this.#choose(version, artifact.runtime, this.#deps.views);
        if (view === null) continue;
        this.load(request, view);
        return true;
      }
    }
    return false;
  }

  #copyBusyModel(nowMs: number): void {
    const { views, uses } = this.#deps;
    if (!views.some(({ idle }) => idle)) return;
    for (const { version, artifact, signature } of uses.hot(nowMs)) {
      const holders = views.filter((view) => view.holds(version));
      const [holder] = holders;
      if (holder === undefined || holders.length >= MIN_HOLDERS) continue;
      if (nowMs - (this.#copiedAtMs.get(version) ?? -Infinity) < COPY_AGAIN_AFTER_MS) continue;
      if (this.#deps.findObstacle(artifact) !== null) continue;
      const bytes = bytesOf(holder.handle, version);
      const roomy = views.filter((view) => view.freeBytes >= bytes);
      const view = this.#choose(version, artifact.runtime, roomy);
      if (view === null) continue;
      this.#copiedAtMs.delete(version);
      this.#copiedAtMs.set(version, nowMs);
      const oldest = this.#copiedAtMs.keys().next();
      if (this.#copiedAtMs.size > MAX_WANTS && oldest.done !== true) this.#copiedAtMs.delete(oldest.value);
      this.load({ version, artifact, signature, fairnessKey: null }, view);
      return;
    }
  }

  #choose(version: string, runtime: RuntimeName, among: readonly SlotView[]): SlotView | null {
    return chooseLoader(version, runtime, among, (view) => this.#missedBy(view));
  }

  /** Models in use that only this worker has. */
  #missedBy(view: SlotView): number {
    const { uses, views, clock } = this.#deps;
    return uses
      .active(clock.monotonicMs())
      .filter(
        (version) => view.holds(version) && views.every((other) => other === view || !other.holds(version)),
      ).length;
  }

  async #run(request: LoadRequest, slot: number, handle: WorkerHandle): Promise<void> {
    const { clock, loadTimeoutMs, onEnd } = this.#deps;
    const { artifact, signature, version } = request;
    const startedAtMs = clock.monotonicMs();
    const deadlineAtMs = startedAtMs + loadTimeoutMs;
    const outcome = await handle.run({ artifact, inputs: null, deadlineAtMs });
    const endedAtMs = clock.monotonicMs();
    const inputs = signature === null ? null : warmInputs(signature);
    const trial =
      outcome.kind === 'loaded' && inputs !== null && handle.state.kind === 'ready'
        ? await handle.run({ artifact, inputs, deadlineAtMs: endedAtMs + TRIAL_TIMEOUT_MS })
        : null;
    handle.unreserve();
    this.#loading = null;
    for (const want of this.#wants.filter((each) => each.request.version === version)) {
      this.#give(want, warmResult(outcome, handle, artifact));
    }
    onEnd({ request, worker: handle.name, slot, startedAtMs, endedAtMs, outcome, trial });
  }

  #give(want: Want, result: Result<WarmReply, InferenceRefusal>): void {
    const at = this.#wants.indexOf(want);
    if (at < 0) return;
    this.#wants.splice(at, 1);
    clearTimeout(want.timer);
    want.resolve(result);
  }
}

function warmResult(
  outcome: TaskOutcome,
  handle: WorkerHandle,
  artifact: RunnableArtifact,
): Result<WarmReply, InferenceRefusal> {
  switch (outcome.kind) {
    case 'loaded':
      return ok({ ...replyOf(handle, artifact, outcome.loadMs), bytes: outcome.bytes });
    case 'refused':
      return refuse(outcome.refusal);
    case 'overran':
      return refuse(loadFailed(LOAD_TOO_LONG));
    case 'lost':
      return refuse({
        code: 'WORKER_LOST',
        message: `The worker that loaded the model was lost: ${outcome.reason}.`,
      });
    case 'inferred':
      throw new Error('A worker answered a load with a prediction.');
  }
}

export const LOAD_TOO_LONG = 'Loading the model took too long and was given up.';

function replyOf(handle: WorkerHandle, artifact: RunnableArtifact, loadMs: number): WarmReply {
  const bytes = bytesOf(handle, versionKeyOf(artifact));
  return { bytes, loadMs, runtime: artifact.runtime, worker: handle.name };
}

function bytesOf(handle: WorkerHandle | null, version: string): number {
  return handle?.residents.find((model) => versionKeyOf(model) === version)?.bytes ?? 0;
}

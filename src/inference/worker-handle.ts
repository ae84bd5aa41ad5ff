/**
 * One worker seen from outside: a state machine around its channel.
 *
 *   starting -> ready <-> busy -> stopping -> gone        (any state may go to stopping or gone)
 *
 * The worker runs one task at a time; a second run may be posted ahead, so that it need not wait for the way there
 * and back. The handle promises that every task gets exactly one outcome, and that `ended` resolves once the worker
 * has left. A worker that overstays is retired: its task ends at once, what was posted ahead is lost without having
 * begun, and the thread is left to end when its native call returns.
 */
import type { Clock } from '../lib/clock.js';
import type {
  ResidentModel,
  RuntimeReadiness,
  WireRefusal,
  WireTensor,
  RuntimeMemory,
  WorkerMessage,
  WorkerReply,
  WorkerRequest,
} from './messages.js';
import { ResidentModels } from './resident-models.js';
import type { RunnableArtifact, RuntimeName } from './types.js';
import type { OpenWorkerChannel, WorkerChannel } from './worker-channel.js';
import { versionKeyOf } from './version-key.js';

export type WorkerState =
  | { readonly kind: 'starting' }
  | { readonly kind: 'ready' }
  | { readonly kind: 'busy'; readonly digest: string; readonly phase: 'loading' | 'computing' }
  | { readonly kind: 'stopping'; readonly reason: string }
  | { readonly kind: 'gone'; readonly reason: string };

/** Work for the worker; `inputs` is absent when the model is only to be loaded. */
export interface WorkerTask {
  readonly artifact: RunnableArtifact;
  readonly inputs: readonly WireTensor[] | null;
  /** On the monotonic clock. */
  readonly deadlineAtMs: number;
}

export type TaskOutcome =
  | {
      readonly kind: 'inferred';
      readonly outputs: readonly WireTensor[];
      readonly loadMs: number;
      readonly computeMs: number;
    }
  | { readonly kind: 'loaded'; readonly bytes: number; readonly loadMs: number }
  | { readonly kind: 'refused'; readonly refusal: WireRefusal; readonly fatal: boolean }
  /** Still running long after its deadline; the worker has been retired. */
  | { readonly kind: 'overran'; readonly phase: 'loading' | 'computing' }
  /** The worker died. `hadBegun`: with this task in its hands, so the task may be why. */
  | { readonly kind: 'lost'; readonly reason: string; readonly hadBegun: boolean };

export interface WorkerLimits {
  readonly startTimeoutMs: number;
  /** A load may take this long, whatever the deadline of the job that needed it. */
  readonly loadTimeoutMs: number;
  /** How long a run may overstay its deadline before the worker is given up. */
  readonly overrunGraceMs: number;
}

export interface WorkerHandleDeps {
  readonly name: string;
  readonly open: OpenWorkerChannel;
  readonly limits: WorkerLimits;
  readonly clock: Clock;
  /** Models left its memory to make room for another. */
  readonly onEvicted?: (models: number) => void;
  /** Called once when the worker becomes unusable, unless `stop` asked for it. It may still be ending. */
  readonly onDown: (before: WorkerState['kind'], reason: string) => void;
}

export type StartOutcome =
  | { readonly ok: true; readonly runtimes: readonly RuntimeReadiness[] }
  | { readonly ok: false; readonly reason: string };

interface CurrentTask {
  readonly id: number;
  readonly task: WorkerTask;
  readonly resolve: (outcome: TaskOutcome) => void;
  beganAtMs: number;
  timer: NodeJS.Timeout | null;
}

/** Runs in a worker's hands: one that it computes, one posted ahead. */
const DEPTH = 2;

export class WorkerHandle {
  readonly name: string;
  /** Resolves when the worker has left, however it left. */
  readonly ended: Promise<void>;
  #state: WorkerState = { kind: 'starting' };
  readonly #residents: ResidentModels;
  #usableRuntimes: ReadonlySet<RuntimeName> = new Set();
  #runtimes: readonly RuntimeReadiness[] = [];
  /** The first is in progress. */
  readonly #tasks: CurrentTask[] = [];
  #isReserved = false;
  #runs = 0;
  #busyMs = 0;
  #nextId = 1;
  #channel: WorkerChannel | null = null;
  #brokenReason: string | null = null;
  #resolveStart: (outcome: StartOutcome) => void = () => undefined;
  #resolveEnded: () => void = () => undefined;
  readonly #acknowledgements = new Map<number, (reply: WorkerReply | null) => void>();
  readonly #deps: WorkerHandleDeps;

  constructor(deps: WorkerHandleDeps) {
    this.#deps = deps;
    this.name = deps.name;
    this.#residents = new ResidentModels((models) => deps.onEvicted?.(models));
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
  }

  get state(): WorkerState {
    return this.#state;
  }

  get residents(): readonly ResidentModel[] {
    return this.#residents.models;
  }

  get runtimes(): readonly RuntimeReadiness[] {
    return this.#runtimes;
  }

  get residentBytes(): number {
    return this.#residents.bytes;
  }

  /** Runs that it answered, and the time that its tasks took. */
  get work(): { readonly runs: number; readonly busyMs: number } {
    return { runs: this.#runs, busyMs: this.#busyMs };
  }

  get idle(): boolean {
    return this.#state.kind === 'ready' && !this.#isReserved;
  }

  /** Runs that it can be given now. */
  get places(): number {
    if (this.#isReserved) return 0;
    if (this.#state.kind === 'ready') return DEPTH;
    if (this.#state.kind !== 'busy' || this.#state.phase === 'loading') return 0;
    return DEPTH - this.#tasks.length;
  }

  /** When a run last used the model here, or it was loaded; on the monotonic clock. */
  usedAtMs(version: string): number | null {
    return this.#residents.usedAtMs(version);
  }

  holds(version: string): boolean {
    return this.#residents.has(version);
  }

  canRun(runtime: RuntimeName): boolean {
    return this.#usableRuntimes.has(runtime);
  }

  /** Keeps an idle worker for a load and the run that warms it: nothing else is given to it meanwhile. */
  reserve(): void {
    this.#isReserved = true;
  }

  unreserve(): void {
    this.#isReserved = false;
  }

  /** Starts the worker; settles when it is ready, has died, or took too long. */
  start(): Promise<StartOutcome> {
    const started = new Promise<StartOutcome>((resolve) => {
      this.#resolveStart = resolve;
    });
    const { startTimeoutMs } = this.#deps.limits;
    const timer = setTimeout(() => {
      if (this.#state.kind === 'starting') this.retire(`it was not ready within ${startTimeoutMs} ms`);
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
      },
    });
    return started.finally(() => {
      clearTimeout(timer);
    });
  }

  /** Runs one task. The inputs' buffers are transferred. Only when it has a place. */
  run(task: WorkerTask): Promise<TaskOutcome> {
    const isFree =
      this.#state.kind === 'ready' || (this.#state.kind === 'busy' && this.#tasks.length < DEPTH);
    if (!isFree) throw new Error(`Worker ${this.name} is ${this.#state.kind}, not ready.`);
    const id = this.#nextId++;
    const { artifact, inputs } = task;
    return new Promise((resolve) => {
      const remainingMs = task.deadlineAtMs - this.#deps.clock.monotonicMs();
      this.#tasks.push({ id, task, resolve, beganAtMs: 0, timer: null });
      if (this.#tasks.length === 1) this.#begin();
      if (inputs === null) {
        this.#post({ type: 'load', id, artifact });
      } else {
        const transfer = inputs.map(({ data }) => data);
        this.#post({ type: 'infer', id, artifact, inputs, remainingMs }, transfer);
      }
    });
  }

  /** Unloads a model; settles when it is gone from this worker, or the worker is. */
  async evict(digest: string): Promise<void> {
    await this.#residents.unloading(digest, () =>
      this.#acknowledged((id) => ({ type: 'evict', id, digest })),
    );
  }

  /** What its engines hold, after the task in progress; empty when the worker is not usable. */
  async memory(): Promise<readonly RuntimeMemory[]> {
    const reply = await this.#acknowledged((id) => ({ type: 'stats', id }));
    return reply?.type === 'stats' ? reply.memory : [];
  }

  /** Gives the worker up: its task ends as lost or overran, and the thread ends as soon as it can. */
  retire(reason: string, outcome: TaskOutcome = { kind: 'lost', reason, hadBegun: true }): void {
    if (this.#state.kind === 'gone') return;
    const before = this.#state.kind;
    this.#state = { kind: 'stopping', reason };
    this.#finish(outcome);
    this.#loseTheRest(reason);
    this.#release(reason);
    this.#channel?.terminate();
    if (before !== 'stopping') this.#deps.onDown(before, reason);
  }

  /** Lets an idle worker leave politely; ends it when it does not within `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    const reason = 'the pool is stopping';
    if (this.#state.kind !== 'ready') {
      this.retire(reason);
      return this.ended;
    }
    this.#state = { kind: 'stopping', reason };
    const timer = setTimeout(() => this.#channel?.terminate(), graceMs);
    this.#post({ type: 'stop', id: this.#nextId++ });
    await this.ended;
    clearTimeout(timer);
  }

  #post(request: WorkerRequest, transfer?: readonly ArrayBuffer[]): void {
    this.#channel?.post(request, transfer);
  }

  /** The reply, or `null` when the worker went before it could give one. */
  #acknowledged(request: (id: number) => WorkerRequest): Promise<WorkerReply | null> {
    if (this.#state.kind !== 'ready' && this.#state.kind !== 'busy') return Promise.resolve(null);
    const id = this.#nextId++;
    return new Promise((resolve) => {
      this.#acknowledgements.set(id, resolve);
      this.#post(request(id));
    });
  }

  #receive(message: WorkerMessage): void {
    // A retired worker's late answers are nobody's.
    if (this.#state.kind === 'stopping' || this.#state.kind === 'gone') return;
    switch (message.type) {
      case 'ready':
        this.#becomeReady(message.runtimes);
        return;
      case 'residents':
        this.#residents.announce(message.models, this.#deps.clock.monotonicMs());
        return;
      case 'loading':
      case 'computing':
        this.#enter(message.id, message.type);
        return;
      case 'inferred':
        this.#answer(message.id, {
          kind: 'inferred',
          outputs: message.outputs,
          loadMs: message.loadMs,
          computeMs: message.computeMs,
        });
        return;
      case 'loaded':
        this.#answer(message.id, { kind: 'loaded', bytes: message.bytes, loadMs: message.loadMs });
        return;
      case 'refused':
        this.#answer(message.id, { kind: 'refused', refusal: message.refusal, fatal: message.fatal });
        return;
      case 'evicted':
      case 'stats':
      case 'stopped':
        this.#acknowledgements.get(message.id)?.(message);
        this.#acknowledgements.delete(message.id);
        return;
    }
  }

  #becomeReady(runtimes: readonly RuntimeReadiness[]): void {
    this.#runtimes = runtimes;
    this.#usableRuntimes = new Set(
      runtimes.filter(({ available }) => available).map(({ runtime }) => runtime),
    );
    if (!runtimes.some(({ available }) => available)) {
      const reasons = runtimes.map(({ reason }) => reason ?? '').join(' ');
      this.retire(`no engine can be used: ${reasons}`);
      return;
    }
    this.#state = { kind: 'ready' };
    this.#resolveStart({ ok: true, runtimes });
  }

  #enter(id: number, phase: 'loading' | 'computing'): void {
    const [current] = this.#tasks;
    if (current?.id !== id) return;
    if (current.timer !== null) clearTimeout(current.timer);
    const remainingMs =
      phase === 'loading'
        ? this.#deps.limits.loadTimeoutMs
        : current.task.deadlineAtMs - this.#deps.clock.monotonicMs();
    current.timer = this.#overrunTimer(remainingMs, phase);
    this.#state = { kind: 'busy', digest: current.task.artifact.digest, phase };
  }

  #overrunTimer(remainingMs: number, phase: 'loading' | 'computing'): NodeJS.Timeout {
    const graceMs = phase === 'computing' ? this.#deps.limits.overrunGraceMs : 0;
    const waitMs = Math.min(Math.max(0, remainingMs) + graceMs, 2 ** 31 - 1);
    return setTimeout(() => {
      this.retire(`it was still ${phase} after its time was up`, { kind: 'overran', phase });
    }, waitMs);
  }

  #answer(id: number, outcome: TaskOutcome): void {
    if (this.#tasks[0]?.id !== id) return;
    if (outcome.kind === 'refused' && outcome.fatal) {
      this.retire('its engine is damaged', outcome);
      return;
    }
    this.#finish(outcome);
    if (this.#tasks.length > 0) this.#begin();
    else this.#state = { kind: 'ready' };
  }

  /** The first task is now in the worker's hands. */
  #begin(): void {
    const [current] = this.#tasks;
    if (current === undefined) return;
    const { task } = current;
    current.beganAtMs = this.#deps.clock.monotonicMs();
    current.timer = this.#overrunTimer(task.deadlineAtMs - current.beganAtMs, 'computing');
    this.#state = { kind: 'busy', digest: task.artifact.digest, phase: 'computing' };
  }

  #finish(outcome: TaskOutcome): void {
    const current = this.#tasks.shift();
    if (current === undefined) return;
    if (current.timer !== null) clearTimeout(current.timer);
    this.#busyMs += this.#deps.clock.monotonicMs() - current.beganAtMs;
    if (outcome.kind === 'inferred') {
      this.#runs += 1;
      this.#residents.markUsed(versionKeyOf(current.task.artifact), this.#deps.clock.monotonicMs());
    }
    current.resolve(outcome);
  }

  #loseTheRest(reason: string): void {
    for (const { resolve } of this.#tasks.splice(0)) resolve({ kind: 'lost', reason, hadBegun: false });
  }

  #leave(reason: string): void {
    const before = this.#state.kind;
    this.#state = { kind: 'gone', reason };
    this.#residents.clear();
    this.#finish({ kind: 'lost', reason, hadBegun: true });
    this.#loseTheRest(reason);
    this.#release(reason);
    this.#resolveEnded();
    if (before !== 'stopping' && before !== 'gone') this.#deps.onDown(before, reason);
  }

  /** Whoever waits for this worker waits no longer. */
  #release(reason: string): void {
    this.#resolveStart({ ok: false, reason });
    for (const acknowledge of this.#acknowledgements.values()) acknowledge(null);
    this.#acknowledgements.clear();
  }
}

/**
 * Gives what waits to workers. Work-conserving: an idle worker takes at once whatever waits for one version, up to
 * the rows that its measured cost allows; company gathers while workers are busy, and for the rest of the turn of the
 * event loop in which a request arrives, so that requests that came in one poll of the sockets go together.
 */
import type { Clock } from '../lib/clock.js';
import type { Logger } from '../lib/logger.js';
import { refuse } from '../lib/result.js';
import type { Admission } from './admission.js';
import { fillBatch, joinInputs } from './batcher.js';
import type { CostModel } from './cost-model.js';
import { deadlineExceeded, loadFailed, workerLost } from './errors.js';
import { LOAD_TOO_LONG, LoadLane, type LoadEnd } from './load-lane.js';
import { createModelUses } from './model-uses.js';
import type { Counters } from './pool-stats.js';
import type { Quarantine } from './quarantine.js';
import { answerBatch } from './answer-batch.js';
import { chooseRunner } from './scheduler.js';
import type { Ticket } from './ticket.js';
import type { InferenceRefusal, RunnableArtifact } from './types.js';
import type { TaskOutcome, WorkerHandle } from './worker-handle.js';
import type { SlotView, WorkerSlots } from './worker-slots.js';

export interface DispatcherDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly slots: WorkerSlots;
  readonly admission: Admission;
  readonly costs: CostModel;
  readonly quarantine: Quarantine;
  readonly counters: Counters;
  readonly maxBatchRows: number;
  readonly loadTimeoutMs: number;
  /** False while the pool stops: what is lost then is not tried again. */
  readonly isRunning: () => boolean;
  /** Why the model cannot run now, however long it waits. */
  readonly findObstacle: (artifact: RunnableArtifact) => InferenceRefusal | null;
  /** After each run and each load. */
  readonly onProgress: () => void;
}

interface Run {
  readonly batch: readonly Ticket[];
  readonly version: string;
  readonly rows: number;
  readonly slot: number;
  readonly handle: WorkerHandle;
  readonly pickedAtMs: number;
  /** Since when only company was waited for; `pickedAtMs` when nobody waited for any. */
  readonly gatheredFromMs: number;
  readonly expectedMs: number;
}

/** A request whose worker died is tried on another once; its model may be what killed the first. */
const MAX_ATTEMPTS = 2;
/** A joined run that takes this long, and as many times what it should, has a row in it that never ends. */
const LEAST_JOINED_LIMIT_MS = 2_000;
const JOINED_LIMIT_RUNS = 100;
/**
 * From this on, the way to a worker and back is a small part of a run, so joining saves little, while a worker that takes
 * all that waits leaves nothing for the next one that is free: each then takes its part.
 */
const LONG_RUN_MS = 20;
/** After this, a request gets a second copy of its model on an idle worker. */
const LONG_WAIT_MS = 250;
/** More would hold memory and the worker for too long. */
const MAX_BATCH_BYTES = 64 * 2 ** 20;
/**
 * Only runs as short as the way to the worker are posted ahead: of a longer one the way is a small part, and it would
 * take the place of whoever comes next.
 */
const AHEAD_RUN_MS = 1;

export class Dispatcher {
  readonly lane: LoadLane;
  readonly #deps: DispatcherDeps;
  readonly #uses = createModelUses();
  /** Expected compute time in each worker's hands. */
  readonly #inHandsMs: number[];
  #inFlight = 0;
  #wakeAskedAtMs: number | null = null;
  #lookAgain: NodeJS.Timeout | null = null;

  constructor(deps: DispatcherDeps) {
    this.#deps = deps;
    this.#inHandsMs = deps.slots.views.map(() => 0);
    this.lane = new LoadLane({
      clock: deps.clock,
      views: deps.slots.views,
      uses: this.#uses,
      loadTimeoutMs: deps.loadTimeoutMs,
      findObstacle: deps.findObstacle,
      onEnd: (end) => {
        this.#endLoad(end);
      },
    });
  }

  /** Runs that workers have. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Looks for work at the end of this turn of the event loop. */
  wake(): void {
    if (this.#wakeAskedAtMs !== null) return;
    this.#wakeAskedAtMs = this.#deps.clock.monotonicMs();
    setImmediate(() => {
      const askedAtMs = this.#wakeAskedAtMs;
      this.#wakeAskedAtMs = null;
      this.dispatch(askedAtMs);
    });
  }

  /** @param gatheredFromMs since when this was put off so that requests could gather; `null`: it was not */
  dispatch(gatheredFromMs: number | null = null): void {
    const { admission, slots, clock, findObstacle } = this.#deps;
    const { queue } = admission;
    this.lane.startOverdue();
    while (queue.length > 0 && slots.views.some(({ places }) => places > 0)) {
      const ticket = queue.next((waiting) => this.#findPlace(waiting) !== null);
      if (ticket === null) break;
      const nowMs = clock.monotonicMs();
      // Its timer has not fired yet, but a worker's time would be wasted.
      const obstacle =
        ticket.deadlineAtMs <= nowMs
          ? deadlineExceeded(ticket.job.timeoutMs, 'queued')
          : findObstacle(ticket.job.artifact);
      const place = obstacle === null ? this.#findPlace(ticket) : null;
      if (obstacle !== null) ticket.settle(refuse(obstacle));
      else if (place === null) throw new Error('A worker vanished while it was chosen.');
      else if (place.kind === 'load') this.#load(ticket, place.view);
      else this.#run(this.#gather(ticket, place.view, nowMs, gatheredFromMs));
    }
    this.lane.useIdleMoment();
    this.#lookAgainLater();
  }

  /** Work waits for workers that are held up while others are idle: nothing may happen that would wake us. */
  #lookAgainLater(): void {
    const { admission, slots } = this.#deps;
    if (this.#lookAgain !== null || admission.queue.length === 0) return;
    if (!slots.views.some(({ idle }) => idle)) return;
    this.#lookAgain = setTimeout(() => {
      this.#lookAgain = null;
      this.dispatch();
    }, LONG_WAIT_MS);
    this.#lookAgain.unref();
  }

  #findPlace(ticket: Ticket): { readonly kind: 'run' | 'load'; readonly view: SlotView } | null {
    const { slots, costs, clock } = this.#deps;
    const { version } = ticket;
    const runner = chooseRunner(
      version,
      slots.views,
      ({ slot }) =>
        (this.#inHandsMs[slot] ?? 0) <= AHEAD_RUN_MS &&
        costs.estimateMs(ticket.program, ticket.rows) <= AHEAD_RUN_MS,
    );
    if (runner !== null) return { kind: 'run', view: runner };
    // Waiting for a load does not count: that is over.
    const hasWaitedLong = clock.monotonicMs() - ticket.admittedAtMs - ticket.loadMs >= LONG_WAIT_MS;
    const loader = this.lane.findPlace(version, ticket.job.artifact.runtime, hasWaitedLong);
    return loader === null ? null : { kind: 'load', view: loader };
  }

  /** Takes the first request and its company out of the queue. */
  #gather(first: Ticket, view: SlotView, nowMs: number, gatheredFromMs: number | null): Run {
    const { admission, costs, maxBatchRows } = this.#deps;
    const { queue } = admission;
    const { version, program } = first;
    const msPerRow = costs.msPerRow(program);
    queue.take(first, msPerRow * first.rows);
    const maxRows = Math.min(costs.maxRows(program, maxBatchRows), this.#shareOf(first));
    const rowsWithCrowd = (own: number) => costs.rowsWithCompany(program, own);
    const batch = fillBatch(queue, first, { maxRows, maxBytes: MAX_BATCH_BYTES, msPerRow, rowsWithCrowd });
    let rows = 0;
    for (const ticket of batch) rows += ticket.rows;
    const expectedMs = costs.estimateMs(program, rows);
    for (const ticket of batch) {
      admission.observeWait(ticket, nowMs);
      ticket.chargedMs = msPerRow * ticket.rows;
      this.#chargeShare(ticket, (expectedMs * ticket.rows) / rows);
    }
    const { job } = first;
    this.#uses.record({ version, artifact: job.artifact, signature: job.signature }, batch.length, nowMs);
    if (view.handle === null) throw new Error('A worker vanished while it was chosen.');
    return {
      batch,
      version,
      rows,
      slot: view.slot,
      handle: view.handle,
      pickedAtMs: nowMs,
      gatheredFromMs: gatheredFromMs ?? nowMs,
      expectedMs,
    };
  }

  /** Rows that a run may take so that each worker with the model gets as much of what waits for it. */
  #shareOf(first: Ticket): number {
    const { admission, slots, costs } = this.#deps;
    const { version, program } = first;
    if (!first.joins || costs.estimateMs(program, 1) < LONG_RUN_MS) return Infinity;
    let { rows } = first;
    // Other signatures of the version cost something else, and join no run of this one.
    for (const ticket of admission.queue.entries()) if (ticket.program === program) rows += ticket.rows;
    const workers = slots.views.filter((view) => view.holds(version)).length;
    return Math.ceil(rows / Math.max(1, workers));
  }

  /** What the key has paid for the request becomes this. */
  #chargeShare(ticket: Ticket, ms: number): void {
    this.#deps.admission.queue.charge(ticket.fairnessKey, ms - ticket.chargedMs);
    ticket.chargedMs = ms;
  }

  #run(run: Run): void {
    const { batch, handle, slot, expectedMs } = run;
    const [first] = batch;
    if (first === undefined) return;
    let deadlineAtMs = 0;
    for (const ticket of batch) deadlineAtMs = Math.max(deadlineAtMs, ticket.deadlineAtMs);
    // One row that never ends must not hold the others until their deadlines.
    if (batch.length > 1) deadlineAtMs = Math.min(deadlineAtMs, run.pickedAtMs + joinedLimitMs(expectedMs));
    const inputs = joinInputs(batch.map(({ job }) => job));
    this.#inFlight += 1;
    this.#inHandsMs[slot] = (this.#inHandsMs[slot] ?? 0) + expectedMs;
    void handle.run({ artifact: first.job.artifact, inputs, deadlineAtMs }).then((outcome) => {
      this.#inFlight -= 1;
      this.#inHandsMs[slot] = handle.idle ? 0 : Math.max(0, (this.#inHandsMs[slot] ?? 0) - expectedMs);
      this.#finish(run, first, outcome);
      this.dispatch();
      this.#deps.onProgress();
    });
  }

  #finish(run: Run, first: Ticket, outcome: TaskOutcome): void {
    const { slots, costs, counters, logger } = this.#deps;
    const { batch, version, rows, handle } = run;
    const { artifact } = first.job;
    const worker = handle.name;
    if (outcome.kind === 'inferred' || outcome.kind === 'refused') slots.recordAnswer(run.slot);
    switch (outcome.kind) {
      case 'inferred':
        costs.observe(first.program, rows, outcome.computeMs);
        for (const ticket of batch) this.#chargeShare(ticket, (outcome.computeMs * ticket.rows) / rows);
        counters.recordRun(batch.length);
        if (!answerBatch(run, outcome, worker)) {
          logger.info(
            { digest: artifact.digest },
            'a model does not answer row by row; it runs alone from now on',
          );
          this.#deps.admission.forbidJoining(version);
          this.#separate(batch);
        }
        return;
      case 'refused':
        if (outcome.fatal) this.#recordCrash(version, artifact, 'its engine was damaged', worker);
        // One bad row must fail only its own request.
        if (batch.length > 1 && outcome.refusal.code === 'RUNTIME_FAILED') this.#separate(batch);
        else for (const ticket of batch) this.#fail(ticket, outcome.refusal);
        return;
      case 'overran':
        this.#recordOverrun(artifact, worker, outcome.phase);
        for (const ticket of batch) {
          // A run's deadline has usually answered by its own timer; a load's limit may come first.
          if (outcome.phase === 'loading') ticket.settle(refuse(loadFailed(LOAD_TOO_LONG)));
          else this.#retryOr(ticket, batch.length > 1, deadlineExceeded(ticket.job.timeoutMs, 'running'));
        }
        return;
      case 'lost':
        if (!outcome.hadBegun && this.#deps.isRunning()) {
          for (const ticket of batch) this.#deps.admission.putBack(ticket);
          return;
        }
        if (this.#deps.isRunning()) this.#recordCrash(version, artifact, outcome.reason, worker);
        for (const ticket of batch) this.#retryOr(ticket, true, workerLost(outcome.reason));
        return;
      case 'loaded':
        throw new Error('A worker answered a prediction with a load.');
    }
  }

  /** Each runs again, alone. */
  #separate(batch: readonly Ticket[]): void {
    for (const ticket of batch) {
      ticket.separate();
      this.#deps.admission.putBack(ticket);
    }
  }

  /** It failed, and nobody shared the run. */
  #fail(ticket: Ticket, refusal: InferenceRefusal): void {
    if (ticket.wasJoined) this.#deps.admission.suspect(ticket);
    ticket.settle(refuse(refusal));
  }

  #retryOr(ticket: Ticket, mayRetry: boolean, refusal: InferenceRefusal): void {
    ticket.attempts += 1;
    if (ticket.isSettled || !mayRetry || !this.#deps.isRunning() || ticket.attempts >= MAX_ATTEMPTS) {
      this.#fail(ticket, refusal);
      return;
    }
    this.#deps.counters.recordRetry();
    // Alone, so that of those who shared the run only the one that killed the worker does it again.
    this.#separate([ticket]);
  }

  #recordCrash(version: string, artifact: RunnableArtifact, reason: string, worker: string): void {
    const { counters, quarantine, logger, clock, findObstacle } = this.#deps;
    const { digest } = artifact;
    counters.recordCrash();
    quarantine.recordCrash(digest, reason, clock.monotonicMs());
    logger.error({ worker, digest, reason }, 'a worker crashed with a model in flight');
    const obstacle = findObstacle(artifact);
    if (obstacle !== null) for (const ticket of this.#waitingFor(version)) ticket.settle(refuse(obstacle));
  }

  #recordOverrun({ digest }: RunnableArtifact, worker: string, phase: string): void {
    this.#deps.counters.recordOverrun();
    this.#deps.logger.warn({ worker, digest, phase }, 'a model overstayed its time');
  }

  #waitingFor(version: string): Ticket[] {
    return [...this.#deps.admission.queue.entries()].filter((ticket) => ticket.version === version);
  }

  #load(ticket: Ticket, view: SlotView): void {
    const { version, fairnessKey, job } = ticket;
    // No run on zeros: the request itself is the first run, and waits for nothing else.
    this.lane.load({ version, artifact: job.artifact, signature: null, fairnessKey }, view);
  }

  #endLoad({ request, worker, slot, startedAtMs, endedAtMs, outcome, trial }: LoadEnd): void {
    const { admission, slots, counters } = this.#deps;
    const { version, artifact, fairnessKey } = request;
    const waiting = this.#waitingFor(version);
    // One that was admitted after the end, and before the end was heard of, waited for none of it.
    for (const ticket of waiting) {
      ticket.loadMs += Math.max(0, endedAtMs - Math.max(startedAtMs, ticket.admittedAtMs));
    }
    if (fairnessKey !== null) admission.queue.charge(fairnessKey, endedAtMs - startedAtMs);
    if (outcome.kind === 'loaded' || outcome.kind === 'refused') slots.recordAnswer(slot);
    switch (outcome.kind) {
      case 'loaded':
        counters.recordLoad();
        break;
      case 'refused':
        if (outcome.fatal) this.#recordCrash(version, artifact, 'its engine was damaged', worker);
        for (const ticket of waiting) ticket.settle(refuse(outcome.refusal));
        break;
      case 'overran':
        this.#recordOverrun(artifact, worker, 'loading');
        for (const ticket of waiting) ticket.settle(refuse(loadFailed(LOAD_TOO_LONG)));
        break;
      case 'lost':
        if (this.#deps.isRunning()) this.#recordCrash(version, artifact, outcome.reason, worker);
        this.#countAttempt(waiting, outcome.reason);
        break;
      case 'inferred':
        throw new Error('A worker answered a load with a prediction.');
    }
    if (trial?.kind === 'lost') this.#recordCrash(version, artifact, trial.reason, worker);
    if (trial?.kind === 'overran') this.#recordOverrun(artifact, worker, 'computing');
    if (trial?.kind === 'refused' && trial.fatal) {
      this.#recordCrash(version, artifact, 'its engine was damaged', worker);
    }
    this.dispatch();
    this.#deps.onProgress();
  }

  /** A worker died while it loaded their model: they wait on, for the second try, or have had it. */
  #countAttempt(waiting: readonly Ticket[], reason: string): void {
    for (const ticket of waiting) {
      if (ticket.isSettled) continue;
      ticket.attempts += 1;
      if (!this.#deps.isRunning() || ticket.attempts >= MAX_ATTEMPTS)
        ticket.settle(refuse(workerLost(reason)));
      else this.#deps.counters.recordRetry();
    }
  }
}

/** How long a joined run may take before its worker is given up and each request is run alone. */
function joinedLimitMs(expectedMs: number): number {
  return Math.max(LEAST_JOINED_LIMIT_MS, JOINED_LIMIT_RUNS * expectedMs);
}

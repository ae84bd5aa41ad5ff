import { refuse } from "../lib/result.js";
import { fillBatch, joinInputs } from "./batcher.js";
import { deadlineExceeded, loadFailed, workerLost } from "./errors.js";
import { LOAD_TOO_LONG, LoadLane } from "./load-lane.js";
import { createModelUses } from "./model-uses.js";
import { answerBatch } from "./answer-batch.js";
import { chooseRunner } from "./scheduler.js";
const MAX_ATTEMPTS = 2;
const MAX_BATCH_BYTES = 64 * 2 ** 20;
const AHEAD_RUN_MS = 3;
class Dispatcher {
  lane;
  #deps;
  #uses = createModelUses();
  /** Expected compute time in each worker's hands. */
  #inHandsMs;
  #inFlight = 0;
  #wakeAskedAtMs = null;
  constructor(deps) {
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
      }
    });
  }
  /** Runs that workers have. */
  get inFlight() {
    return this.#inFlight;
  }
  /** Looks for work at the end of this turn of the event loop. */
  wake() {
    if (this.#wakeAskedAtMs !== null) return;
    this.#wakeAskedAtMs = this.#deps.clock.monotonicMs();
    setImmediate(() => {
      const askedAtMs = this.#wakeAskedAtMs;
      this.#wakeAskedAtMs = null;
      this.dispatch(askedAtMs);
    });
  }
  /** @param gatheredFromMs since when this was put off so that requests could gather; `null`: it was not */
  dispatch(gatheredFromMs = null) {
    const { admission, slots, clock, findObstacle } = this.#deps;
    const { queue } = admission;
    this.lane.startOverdue();
    while (queue.length > 0 && slots.views.some(({ places }) => places > 0)) {
      const ticket = queue.next((waiting) => this.#findPlace(waiting) !== null);
      if (ticket === null) break;
      const nowMs = clock.monotonicMs();
      const obstacle = ticket.deadlineAtMs <= nowMs ? deadlineExceeded(ticket.job.timeoutMs, "queued") : findObstacle(ticket.job.artifact);
      const place = obstacle === null ? this.#findPlace(ticket) : null;
      if (obstacle !== null) ticket.settle(refuse(obstacle));
      else if (place === null) throw new Error("A worker vanished while it was chosen.");
      else if (place.kind === "load") this.#load(ticket, place.view);
      else this.#run(this.#gather(ticket, place.view, nowMs, gatheredFromMs));
    }
    this.lane.useIdleMoment();
  }
  #findPlace(ticket) {
    const { slots, costs } = this.#deps;
    const { version } = ticket;
    const runner = chooseRunner(
      version,
      slots.views,
      ({ slot }) => (this.#inHandsMs[slot] ?? 0) <= AHEAD_RUN_MS && costs.estimateMs(version, ticket.rows) <= AHEAD_RUN_MS
    );
    if (runner !== null) return { kind: "run", view: runner };
    const loader = this.lane.findPlace(version, ticket.job.artifact.runtime);
    return loader === null ? null : { kind: "load", view: loader };
  }
  /** Takes the first request and its company out of the queue. */
  #gather(first, view, nowMs, gatheredFromMs) {
    const { admission, costs, maxBatchRows } = this.#deps;
    const { queue } = admission;
    const { version } = first;
    const msPerRow = costs.msPerRow(version);
    queue.take(first, msPerRow * first.rows);
    const maxRows = costs.maxRows(version, maxBatchRows);
    const batch = fillBatch(queue, first, { maxRows, maxBytes: MAX_BATCH_BYTES, msPerRow });
    let rows = 0;
    for (const ticket of batch) rows += ticket.rows;
    const expectedMs = costs.estimateMs(version, rows);
    for (const ticket of batch) {
      admission.observeWait(ticket, nowMs);
      ticket.chargedMs = msPerRow * ticket.rows;
      this.#chargeShare(ticket, expectedMs * ticket.rows / rows);
    }
    const { job } = first;
    this.#uses.record({ version, artifact: job.artifact, signature: job.signature }, batch.length, nowMs);
    if (view.handle === null) throw new Error("A worker vanished while it was chosen.");
    return {
      batch,
      version,
      rows,
      slot: view.slot,
      handle: view.handle,
      pickedAtMs: nowMs,
      gatheredFromMs: gatheredFromMs ?? nowMs,
      expectedMs
    };
  }
  /** What the key has paid for the request becomes this. */
  #chargeShare(ticket, ms) {
    this.#deps.admission.queue.charge(ticket.fairnessKey, ms - ticket.chargedMs);
    ticket.chargedMs = ms;
  }
  #run(run) {
    const { batch, handle, slot, expectedMs } = run;
    const [first] = batch;
    if (first === void 0) return;
    let deadlineAtMs = 0;
    for (const ticket of batch) deadlineAtMs = Math.max(deadlineAtMs, ticket.deadlineAtMs);
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
  #finish(run, first, outcome) {
    const { slots, costs, counters, logger } = this.#deps;
    const { batch, version, rows, handle } = run;
    const { artifact } = first.job;
    const worker = handle.name;
    if (outcome.kind === "inferred" || outcome.kind === "refused") slots.recordAnswer(run.slot);
    switch (outcome.kind) {
      case "inferred":
        costs.observe(version, rows, outcome.computeMs);
        for (const ticket of batch) this.#chargeShare(ticket, outcome.computeMs * ticket.rows / rows);
        counters.recordRun(batch.length);
        if (!answerBatch(run, outcome, worker)) {
          logger.info(
            { digest: artifact.digest },
            "a model does not answer row by row; it runs alone from now on"
          );
          this.#deps.admission.forbidJoining(version);
          this.#separate(batch);
        }
        return;
      case "refused":
        if (outcome.fatal) this.#recordCrash(version, artifact, "its engine was damaged", worker);
        if (batch.length > 1 && outcome.refusal.code === "RUNTIME_FAILED") this.#separate(batch);
        else for (const ticket of batch) ticket.settle(refuse(outcome.refusal));
        return;
      case "overran":
        this.#recordOverrun(artifact, worker, outcome.phase);
        for (const ticket of batch) {
          ticket.settle(
            refuse(
              outcome.phase === "loading" ? loadFailed(LOAD_TOO_LONG) : deadlineExceeded(ticket.job.timeoutMs, "running")
            )
          );
        }
        return;
      case "lost":
        if (!outcome.hadBegun && this.#deps.isRunning()) {
          for (const ticket of batch) this.#deps.admission.putBack(ticket);
          return;
        }
        if (this.#deps.isRunning()) this.#recordCrash(version, artifact, outcome.reason, worker);
        for (const ticket of batch) this.#retryOrRefuse(ticket, outcome.reason);
        return;
      case "loaded":
        throw new Error("A worker answered a prediction with a load.");
    }
  }
  /** Each runs again, alone. */
  #separate(batch) {
    for (const ticket of batch) {
      ticket.separate();
      this.#deps.admission.putBack(ticket);
    }
  }
  #retryOrRefuse(ticket, reason) {
    if (ticket.isSettled) return;
    ticket.attempts += 1;
    if (!this.#deps.isRunning() || ticket.attempts >= MAX_ATTEMPTS) {
      ticket.settle(refuse(workerLost(reason)));
      return;
    }
    this.#deps.counters.recordRetry();
    this.#separate([ticket]);
  }
  #recordCrash(version, artifact, reason, worker) {
    const { counters, quarantine, logger, clock, findObstacle } = this.#deps;
    const { digest } = artifact;
    counters.recordCrash();
    quarantine.recordCrash(digest, reason, clock.monotonicMs());
    logger.error({ worker, digest, reason }, "a worker crashed with a model in flight");
    const obstacle = findObstacle(artifact);
    if (obstacle !== null) for (const ticket of this.#waitingFor(version)) ticket.settle(refuse(obstacle));
  }
  #recordOverrun({ digest }, worker, phase) {
    this.#deps.counters.recordOverrun();
    this.#deps.logger.warn({ worker, digest, phase }, "a model overstayed its time");
  }
  #waitingFor(version) {
    return [...this.#deps.admission.queue.entries()].filter((ticket) => ticket.version === version);
  }
  #load(ticket, view) {
    const { version, fairnessKey, job } = ticket;
    this.lane.load({ version, artifact: job.artifact, signature: null, fairnessKey }, view);
  }
  #endLoad({ request, worker, slot, startedAtMs, endedAtMs, outcome, trial }) {
    const { admission, slots, counters } = this.#deps;
    const { version, artifact, fairnessKey } = request;
    const waiting = this.#waitingFor(version);
    for (const ticket of waiting) ticket.loadMs += endedAtMs - Math.max(startedAtMs, ticket.admittedAtMs);
    if (fairnessKey !== null) admission.queue.charge(fairnessKey, endedAtMs - startedAtMs);
    if (outcome.kind === "loaded" || outcome.kind === "refused") slots.recordAnswer(slot);
    switch (outcome.kind) {
      case "loaded":
        counters.recordLoad();
        break;
      case "refused":
        if (outcome.fatal) this.#recordCrash(version, artifact, "its engine was damaged", worker);
        for (const ticket of waiting) ticket.settle(refuse(outcome.refusal));
        break;
      case "overran":
        this.#recordOverrun(artifact, worker, "loading");
        for (const ticket of waiting) ticket.settle(refuse(loadFailed(LOAD_TOO_LONG)));
        break;
      case "lost":
        if (this.#deps.isRunning()) this.#recordCrash(version, artifact, outcome.reason, worker);
        this.#countAttempt(waiting, outcome.reason);
        break;
      case "inferred":
        throw new Error("A worker answered a load with a prediction.");
    }
    if (trial?.kind === "lost") this.#recordCrash(version, artifact, trial.reason, worker);
    if (trial?.kind === "overran") this.#recordOverrun(artifact, worker, "computing");
    if (trial?.kind === "refused" && trial.fatal) {
      this.#recordCrash(version, artifact, "its engine was damaged", worker);
    }
    this.dispatch();
    this.#deps.onProgress();
  }
  /** A worker died while it loaded their model: they wait on, for the second try, or have had it. */
  #countAttempt(waiting, reason) {
    for (const ticket of waiting) {
      if (ticket.isSettled) continue;
      ticket.attempts += 1;
      if (!this.#deps.isRunning() || ticket.attempts >= MAX_ATTEMPTS)
        ticket.settle(refuse(workerLost(reason)));
      else this.#deps.counters.recordRetry();
    }
  }
}
export {
  Dispatcher
};
//# sourceMappingURL=dispatcher.js.map

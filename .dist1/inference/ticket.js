import { refuse } from "../lib/result.js";
import { cancelled } from "./errors.js";
class Ticket {
  job;
  version;
  bytes;
  workMs;
  admittedAtMs;
  deadlineAtMs;
  result;
  heapIndex = -1;
  group;
  joins;
  /** Workers lost while running it or loading its model. */
  attempts = 0;
  /** Time in which it waited for its model to be loaded. */
  loadMs = 0;
  /** What its key has been charged for it so far. */
  chargedMs = 0;
  /** How long it was expected to wait, before the expectation was corrected. */
  expectedWaitMs = 0;
  #isSettled = false;
  #answer;
  #onSettled;
  #onAbort = null;
  constructor(facts, onSettled) {
    this.job = facts.job;
    this.version = facts.version;
    this.group = facts.group ?? soloGroup(facts.version);
    this.joins = facts.group !== null;
    this.bytes = facts.bytes;
    this.workMs = facts.workMs;
    this.admittedAtMs = facts.nowMs;
    this.deadlineAtMs = facts.nowMs + facts.job.timeoutMs;
    this.#onSettled = onSettled;
    this.result = new Promise((resolve) => {
      this.#answer = resolve;
    });
  }
  get fairnessKey() {
    return this.job.fairnessKey;
  }
  get weight() {
    return this.job.weight;
  }
  get priority() {
    return this.job.priority;
  }
  get rows() {
    return this.job.rows;
  }
  get isSettled() {
    return this.#isSettled;
  }
  /** Settles it when its caller goes. */
  watchCaller() {
    const { signal } = this.job;
    if (signal === void 0) return;
    this.#onAbort = () => {
      this.settle(refuse(cancelled()));
    };
    signal.addEventListener("abort", this.#onAbort, { once: true });
  }
  /** From now on it shares a run with nobody. */
  separate() {
    this.joins = false;
    this.group = soloGroup(this.version);
  }
  settle(result) {
    if (this.#isSettled) return;
    this.#isSettled = true;
    if (this.#onAbort !== null) this.job.signal?.removeEventListener("abort", this.#onAbort);
    this.#onSettled(this, result);
    this.#answer(result);
  }
}
function soloGroup(version) {
  return `${version}|alone`;
}
export {
  Ticket
};
//# sourceMappingURL=ticket.js.map

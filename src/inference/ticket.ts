import { refuse, type Result } from '../lib/result.js';
import { cancelled } from './errors.js';
import type { Joinable } from './batcher.js';
import type { WatchCaller } from './caller-watch.js';
import type { Deadlined } from './deadline-timer.js';
import type { QueuePlace } from './fairness.js';
import type { InferenceJob, InferenceRefusal, InferenceReply } from './types.js';

export type InferenceResult = Result<InferenceReply, InferenceRefusal>;

export interface TicketFacts {
  readonly job: InferenceJob;
  readonly version: string;
  readonly program: string;
  /** `null`: runs alone. */
  readonly group: string | null;
  readonly bytes: number;
  readonly workMs: number;
  readonly nowMs: number;
}

/**
 * An admitted request. It is settled exactly once: by its answer, by its deadline or by its caller's leaving,
 * whichever is first; what comes later changes nothing.
 */
export class Ticket implements Joinable, Deadlined {
  readonly job: InferenceJob;
  readonly version: string;
  /** The version and its signature: signatures of one version may cost nothing or very much. */
  readonly program: string;
  readonly bytes: number;
  readonly workMs: number;
  readonly admittedAtMs: number;
  readonly deadlineAtMs: number;
  readonly result: Promise<InferenceResult>;
  heapIndex = -1;
  place: QueuePlace | null = null;
  group: string;
  joins: boolean;
  /** It shared a run that failed. */
  wasJoined = false;
  /** Workers lost while running it or loading its model. */
  attempts = 0;
  /** Time in which it waited for its model to be loaded. */
  loadMs = 0;
  /** What its key has been charged for it so far. */
  chargedMs = 0;
  /** How long it was expected to wait, before the expectation was corrected. */
  expectedWaitMs = 0;
  #isSettled = false;
  #answer!: (result: InferenceResult) => void;
  readonly #onSettled: (ticket: Ticket, result: InferenceResult) => void;
  #stopWatching: (() => void) | null = null;

  constructor(facts: TicketFacts, onSettled: (ticket: Ticket, result: InferenceResult) => void) {
    this.job = facts.job;
    this.version = facts.version;
    this.program = facts.program;
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

  get fairnessKey(): string {
    return this.job.fairnessKey;
  }
  get weight(): number {
    return this.job.weight;
  }
  get priority(): InferenceJob['priority'] {
    return this.job.priority;
  }
  get rows(): number {
    return this.job.rows;
  }
  get isSettled(): boolean {
    return this.#isSettled;
  }

  /** Settles it when its caller goes. */
  watchCaller(watch: WatchCaller): void {
    const { signal } = this.job;
    if (signal === undefined) return;
    this.#stopWatching = watch(signal, () => {
      this.settle(refuse(cancelled()));
    });
  }

  /** From now on it shares a run with nobody. */
  separate(): void {
    this.wasJoined ||= this.joins;
    this.joins = false;
    this.group = soloGroup(this.version);
  }

  settle(result: InferenceResult): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.#stopWatching?.();
    this.#onSettled(this, result);
    this.#answer(result);
  }
}

/** Requests that run alone wait in one group, but do not join. */
function soloGroup(version: string): string {
  return `${version}|alone`;
}

/**
 * The pool's front door: a place in the bounded queue, or OVERLOADED at once, with the time after which there
 * should be room. A ticket that is settled while it waits gives its place back at once.
 */
import type { Clock } from '../lib/clock.js';
import { ok, refuse, type Result } from '../lib/result.js';
import { joinGroupOf } from './batcher.js';
import { createCallerWatch } from './caller-watch.js';
import type { CostModel } from './cost-model.js';
import { DeadlineTimer } from './deadline-timer.js';
import { cancelled, deadlineExceeded, overloaded } from './errors.js';
import { createFairQueue, type FairQueue, type QueueBounds, type Scheduling } from './fairness.js';
import type { QueueStats } from './pool-stats.js';
import { Ticket, type InferenceResult } from './ticket.js';
import type { InferenceJob, InferenceRefusal } from './types.js';
import { programKeyOf, versionKeyOf } from './version-key.js';

export interface AdmissionDeps {
  readonly clock: Clock;
  readonly bounds: QueueBounds;
  readonly scheduling: Scheduling;
  readonly costs: CostModel;
  /** Workers that share the queue, for the estimate of a refused caller's wait. */
  readonly workers: number;
  /** Requests with as many rows run alone. */
  readonly maxBatchRows: number;
  /** Called once for each admitted ticket, when it has its answer. */
  readonly onSettled: (ticket: Ticket, result: InferenceResult) => void;
}

export interface Admission {
  readonly queue: FairQueue<Ticket>;
  submit(job: InferenceJob): Result<Ticket, InferenceRefusal>;
  /** What any job of the key would be refused with now, whatever is in it; `null` when one may be admitted. Admits nothing. */
  foresee(fairnessKey: string): InferenceRefusal | null;
  /** A request whose worker was lost returns to the head: it has waited already. */
  putBack(ticket: Ticket): void;
  /** A ticket was picked for its first run: how long it waited corrects the next estimates. */
  observeWait(ticket: Ticket, nowMs: number): void;
  /** The request failed alone after it had failed others: for a while its key's requests for the version run alone. */
  suspect(ticket: Ticket): void;
  /** Versions whose answers cannot be cut apart run alone from now on. */
  forbidJoining(version: string): void;
  /** Answers all that wait. */
  refuseAll(refusal: InferenceRefusal): void;
  stats(nowMs: number): QueueStats[];
}

/** Share of the newest measurement in the moving average. */
const SMOOTHING = 0.05;
const LEAST_CORRECTION = 0.2;
const LARGEST_CORRECTION = 20;
/** Shorter expected waits tell nothing about how good the estimate is. */
const TELLING_WAIT_MS = 2;
/** How long whoever spoiled a run shares none. */
const SUSPECT_MS = 60_000;
const MAX_REMEMBERED_VERSIONS = 4_096;

export function createAdmission(deps: AdmissionDeps): Admission {
  const { clock, costs } = deps;
  const queue = createFairQueue<Ticket>(deps.bounds, deps.scheduling);
  const joinless = new Set<string>();
  const watchCaller = createCallerWatch();
  /** Until when a key's requests for a version run alone. */
  const suspects = new Map<string, number>();
  /** Real waits ÷ expected ones: what the estimate leaves out (loads, the way to a worker, the machine's load). */
  let correction = 1;

  const deadlines = new DeadlineTimer<Ticket>(clock, (ticket) => {
    const wasQueued = queue.remove(ticket);
    ticket.settle(refuse(deadlineExceeded(ticket.job.timeoutMs, wasQueued ? 'queued' : 'running')));
  });

  const onSettled = (ticket: Ticket, result: InferenceResult): void => {
    deadlines.remove(ticket);
    queue.remove(ticket);
    deps.onSettled(ticket, result);
  };

  const mayJoin = ({ fairnessKey }: InferenceJob, version: string): boolean => {
    if (joinless.has(version)) return false;
    if (suspects.size === 0) return true;
    const suspect = suspectKey(version, fairnessKey);
    const untilMs = suspects.get(suspect);
    if (untilMs === undefined) return true;
    if (untilMs > clock.monotonicMs()) return false;
    suspects.delete(suspect);
    return true;
  };

  const retryAfterMs = (aheadMs: number): number =>
    Math.max(1, Math.ceil((aheadMs * correction) / deps.workers));

  return Object.freeze({
    queue,

    submit(job: InferenceJob): Result<Ticket, InferenceRefusal> {
      if (job.signal?.aborted === true) return refuse(cancelled());
      if (!(job.timeoutMs > 0)) return refuse(deadlineExceeded(job.timeoutMs, 'queued'));
      const version = versionKeyOf(job.artifact);
      const program = programKeyOf(job.artifact, version);
      let bytes = 0;
      for (const { data } of job.inputs) bytes += data.byteLength;
      const ticket = new Ticket(
        {
          job,
          version,
          program,
          group: mayJoin(job, version) ? joinGroupOf(job, program, deps.maxBatchRows) : null,
          bytes,
          workMs: costs.msPerRow(program) * job.rows,
          nowMs: clock.monotonicMs(),
        },
        onSettled,
      );
      const aheadMs = queue.aheadMs(job.fairnessKey, job.weight);
      const offer = queue.offer(ticket);
      if (!offer.accepted) return refuse(overloaded(retryAfterMs(offer.aheadMs), offer.full));
      ticket.expectedWaitMs = aheadMs / deps.workers;
      ticket.watchCaller(watchCaller);
      deadlines.add(ticket);
      return ok(ticket);
    },

    foresee(fairnessKey: string): InferenceRefusal | null {
      const offer = queue.foresee(fairnessKey);
      return offer.accepted ? null : overloaded(retryAfterMs(offer.aheadMs), offer.full);
    },

    putBack(ticket: Ticket): void {
      if (!ticket.isSettled) queue.putBack(ticket);
    },

    observeWait({ attempts, expectedWaitMs, admittedAtMs }: Ticket, nowMs: number): void {
      if (attempts > 0 || expectedWaitMs < TELLING_WAIT_MS) return;
      const ratio = (nowMs - admittedAtMs) / expectedWaitMs;
      const bounded = Math.min(LARGEST_CORRECTION, Math.max(LEAST_CORRECTION, ratio));
      correction += SMOOTHING * (bounded - correction);
    },

    suspect({ version, fairnessKey }: Ticket): void {
      if (suspects.size >= MAX_REMEMBERED_VERSIONS) suspects.clear();
      suspects.set(suspectKey(version, fairnessKey), clock.monotonicMs() + SUSPECT_MS);
    },

    forbidJoining(version: string): void {
      if (joinless.size >= MAX_REMEMBERED_VERSIONS) joinless.clear();
      joinless.add(version);
    },

    refuseAll(refusal: InferenceRefusal): void {
      for (const ticket of [...queue.entries()]) ticket.settle(refuse(refusal));
    },

    stats(nowMs: number): QueueStats[] {
      const oldest = new Map<string, number>();
      for (const { fairnessKey, admittedAtMs } of queue.entries()) {
        oldest.set(fairnessKey, Math.min(oldest.get(fairnessKey) ?? Infinity, admittedAtMs));
      }
      return queue
        .keys()
        .map((key) => ({ ...key, oldestMs: nowMs - (oldest.get(key.fairnessKey) ?? nowMs) }));
    },
  });
}

function suspectKey(version: string, fairnessKey: string): string {
  return `${version}|${fairnessKey}`;
}

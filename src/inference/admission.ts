/**
 * The pool's front door: a place in the bounded queue, or OVERLOADED at once. Each admitted piece of work is
 * a ticket, which is settled exactly once: by its answer, by its deadline or by its caller's leaving,
 * whichever is first. A ticket that is settled while queued gives its place back at once.
 */
import type { Clock } from '../lib/clock.js';
import { ok, refuse, type Result } from '../lib/result.js';
import { cancelled, deadlineExceeded, overloaded } from './errors.js';
import { createFairQueue, type FairQueueBounds } from './fair-queue.js';
import type { InferenceRefusal } from './types.js';

export interface AdmissionRequest<Work> {
  readonly work: Work;
  readonly fairnessKey: string;
  /** Memory that the work holds while it waits. */
  readonly bytes: number;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

export interface Ticket<Work, Reply> {
  readonly work: Work;
  readonly fairnessKey: string;
  readonly bytes: number;
  readonly timeoutMs: number;
  /** On the monotonic clock. */
  readonly admittedAtMs: number;
  readonly deadlineAtMs: number;
  /** Workers lost while running it. */
  attempts: number;
  readonly isSettled: boolean;
  readonly result: Promise<Result<Reply, InferenceRefusal>>;
  /** The first call counts; later ones (a late answer) change nothing. */
  settle(result: Result<Reply, InferenceRefusal>): void;
}

export interface AdmissionDeps extends FairQueueBounds {
  readonly clock: Clock;
  /** Workers that share the queue, for the estimate of a refused caller's wait. */
  readonly workers: number;
}

export interface Admission<Work, Reply> {
  readonly queued: number;
  submit(request: AdmissionRequest<Work>): Result<Ticket<Work, Reply>, InferenceRefusal>;
  /** The next unsettled ticket by fair turn that passes, removed from the queue. */
  take(isRunnable: (ticket: Ticket<Work, Reply>) => boolean): Ticket<Work, Reply> | null;
  /** A ticket whose worker was lost returns to the head: it has waited already. */
  putBack(ticket: Ticket<Work, Reply>): void;
  /** How long one piece of work held a worker; feeds the estimate. */
  observeServiceMs(serviceMs: number): void;
  /** Answers all that wait. */
  refuseAll(refusal: InferenceRefusal): void;
}

/** Before anything was measured. */
const ASSUMED_SERVICE_MS = 50;
/** Share of the newest measurement in the moving average. */
const SMOOTHING = 0.1;
/** setTimeout fires at once above this. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export function createAdmission<Work, Reply>(deps: AdmissionDeps): Admission<Work, Reply> {
  const queue = createFairQueue<Ticket<Work, Reply>>(deps);
  let meanServiceMs: number | null = null;

  const retryAfterMs = (ahead: number): number =>
    Math.max(1, Math.ceil((ahead * (meanServiceMs ?? ASSUMED_SERVICE_MS)) / deps.workers));

  return Object.freeze({
    get queued() {
      return queue.length;
    },

    submit(request: AdmissionRequest<Work>): Result<Ticket<Work, Reply>, InferenceRefusal> {
      if (request.signal?.aborted === true) return refuse(cancelled());
      if (!(request.timeoutMs > 0)) return refuse(deadlineExceeded(request.timeoutMs, 'queued'));
      const ticket = createTicket<Work, Reply>(request, deps.clock.monotonicMs(), (abandoned) =>
        queue.remove(abandoned),
      );
      const offer = queue.offer(ticket);
      if (offer.accepted) return ok(ticket);
      const refusal = overloaded(retryAfterMs(offer.ahead), offer.full);
      ticket.settle(refuse(refusal));
      return refuse(refusal);
    },

    take: (isRunnable: (ticket: Ticket<Work, Reply>) => boolean) => queue.take(isRunnable),

    putBack(ticket: Ticket<Work, Reply>): void {
      if (!ticket.isSettled) queue.putBack(ticket);
    },

    observeServiceMs(serviceMs: number): void {
      meanServiceMs =
        meanServiceMs === null ? serviceMs : meanServiceMs + SMOOTHING * (serviceMs - meanServiceMs);
    },

    refuseAll(refusal: InferenceRefusal): void {
      for (const ticket of queue.drain()) ticket.settle(refuse(refusal));
    },
  });
}

/** @param leaveQueue takes the ticket out of the queue; true when it was there */
function createTicket<Work, Reply>(
  request: AdmissionRequest<Work>,
  nowMs: number,
  leaveQueue: (ticket: Ticket<Work, Reply>) => boolean,
): Ticket<Work, Reply> {
  const { work, fairnessKey, bytes, timeoutMs, signal } = request;
  let answer: (result: Result<Reply, InferenceRefusal>) => void = () => undefined;
  const result = new Promise<Result<Reply, InferenceRefusal>>((resolve) => {
    answer = resolve;
  });
  let isSettled = false;

  const ticket: Ticket<Work, Reply> = {
    work,
    fairnessKey,
    bytes,
    timeoutMs,
    admittedAtMs: nowMs,
    deadlineAtMs: nowMs + timeoutMs,
    attempts: 0,
    get isSettled() {
      return isSettled;
    },
    result,
    settle(outcome) {
      if (isSettled) return;
      isSettled = true;
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      answer(outcome);
    },
  };

  const onDeadline = (): void => {
    const wasQueued = leaveQueue(ticket);
    ticket.settle(refuse(deadlineExceeded(timeoutMs, wasQueued ? 'queued' : 'running')));
  };
  const onAbort = (): void => {
    leaveQueue(ticket);
    ticket.settle(refuse(cancelled()));
  };
  const timer = setTimeout(onDeadline, Math.min(timeoutMs, MAX_TIMER_MS));
  signal?.addEventListener('abort', onAbort, { once: true });
  return ticket;
}

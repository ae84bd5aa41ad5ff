/**
 * The line to one worker, whatever it is made of. `thread-channel.ts` makes one over a worker thread; a child
 * process needs only another maker, because the messages are the same.
 */
import type { WorkerMessage, WorkerRequest } from './messages.js';

export interface WorkerChannelListeners {
  onMessage(message: WorkerMessage): void;
  /** The worker is broken; it is leaving or must be ended. `reason` ends no sentence. */
  onError(reason: string): void;
  /** It has left; called once, last. */
  onExit(code: number): void;
}

export interface WorkerChannel {
  post(request: WorkerRequest, transfer?: readonly ArrayBuffer[]): void;
  /** Asks it to end now. A thread ends only when a native call in progress returns. */
  terminate(): void;
}

/** Starts a worker. */
export type OpenWorkerChannel = (name: string, listeners: WorkerChannelListeners) => WorkerChannel;

/**
 * Of a worker's JavaScript heap. V8 lets it grow to 48 MB, slowly, over tens of thousands of runs: that looks like a
 * leak and serves nothing, since a run's tensors lie outside the heap and little of the rest survives it.
 */
export const WORKER_YOUNG_GENERATION_MIB = 3;

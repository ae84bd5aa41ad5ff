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

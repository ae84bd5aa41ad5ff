import type { MessagePort } from 'node:worker_threads';
import type { WorkerPort } from './serve.js';

/** A worker thread's own end of the line. */
export function threadPort(parentPort: MessagePort): WorkerPort {
  return {
    post: (message, transfer = []) => {
      parentPort.postMessage(message, [...transfer]);
    },
    onMessage: (listener) => {
      parentPort.on('message', listener);
    },
    close: () => {
      parentPort.close();
    },
  };
}

import { Worker } from 'node:worker_threads';
import type { Logger } from '../lib/logger.js';
import { logLines } from './log-lines.js';
import type { WorkerMessage, WorkerSettings } from './messages.js';
import { createGateMemory, endThroughGate } from './native-gate.js';
import { createThreadLock } from './thread-lock.js';
import { WORKER_YOUNG_GENERATION_MIB, type OpenWorkerChannel } from './worker-channel.js';

export interface ThreadOptions {
  /** The compiled entry file. */
  readonly entry: URL;
  /** Asked for each worker: the machine is examined after the pool was made. */
  readonly settings: () => WorkerSettings;
  /** JavaScript heap only: it does not count tensors, nor any other memory outside the heap. */
  readonly maxHeapBytes: number;
  readonly logger: Logger;
}

const BYTES_PER_MEBIBYTE = 2 ** 20;

/** Opens workers as threads of this process, with an empty environment and their output in our log. */
export function threadChannels(options: ThreadOptions): OpenWorkerChannel {
  const { entry, settings, maxHeapBytes, logger } = options;
  const startLock = createThreadLock();
  return (name, listeners) => {
    const nativeCalls = createGateMemory();
    let stopWaiting = (): void => undefined;
    const worker = new Worker(entry, {
      name,
      workerData: { ...settings(), nativeCalls, startLock },
      // Nothing of ours: no secret of the server is in a worker's environment.
      env: {},
      resourceLimits: {
        maxOldGenerationSizeMb: Math.ceil(maxHeapBytes / BYTES_PER_MEBIBYTE),
        maxYoungGenerationSizeMb: WORKER_YOUNG_GENERATION_MIB,
      },
      stdout: true,
      stderr: true,
    });
    logLines(worker.stdout, (text) => {
      logger.debug({ worker: name, text }, 'worker output');
    });
    logLines(worker.stderr, (text) => {
      logger.warn({ worker: name, text }, 'worker error output');
    });
    worker.on('message', (message: WorkerMessage) => {
      listeners.onMessage(message);
    });
    worker.on('messageerror', () => {
      listeners.onError('a message could not be read');
    });
    worker.on('error', (error: NodeJS.ErrnoException) => {
      logger.error({ worker: name, err: error }, 'worker failed');
      listeners.onError(
        error.code === 'ERR_WORKER_OUT_OF_MEMORY' ? 'it ran out of memory' : 'an unexpected error ended it',
      );
    });
    worker.on('exit', (code) => {
      stopWaiting();
      listeners.onExit(code);
    });
    return {
      post: (request, transfer = []) => {
        worker.postMessage(request, [...transfer]);
      },
      terminate: () => {
        stopWaiting();
        stopWaiting = endThroughGate(nativeCalls, () => void worker.terminate());
      },
    };
  };
}

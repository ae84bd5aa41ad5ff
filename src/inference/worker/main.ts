/** Entry of a worker thread. */
import { parentPort, workerData } from 'node:worker_threads';
import type { WorkerSettings } from '../messages.js';
import { createRuntime } from './runtimes/index.js';
import { serve } from './serve.js';
import { threadPort } from './thread-port.js';

if (parentPort === null)
  throw new Error('This file is the entry of a worker thread; it does not run by itself.');
// The pool that starts this thread writes exactly this.
await serve(threadPort(parentPort), workerData as WorkerSettings, createRuntime);

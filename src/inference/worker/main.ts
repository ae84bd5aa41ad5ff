/** Entry of a worker: a thread, or a child process whose settings are its argument. */
import { parentPort, workerData } from 'node:worker_threads';
import type { WorkerSettings } from '../messages.js';
import { processPort } from './process-port.js';
import { createRuntime } from './runtimes/index.js';
import { serve } from './serve.js';
import { threadPort } from './thread-port.js';
import { yieldCores } from './yield-cores.js';

// First: native threads inherit it.
yieldCores(parentPort === null);

// The pool that starts it writes exactly this.
if (parentPort !== null) await serve(threadPort(parentPort), workerData as WorkerSettings, createRuntime);
else await serve(processPort(), JSON.parse(process.argv[2] ?? '') as WorkerSettings, createRuntime);

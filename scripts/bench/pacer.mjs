// A thread that wakes the load generator when a request is due. A timer of the event loop is late by up to a
// millisecond, which would be counted as the server's; waiting here is exact to some microseconds and costs nothing.
import { parentPort, workerData } from 'node:worker_threads';
import { now } from './monotonic.mjs';

const { startAt, count, intervalMs } = workerData;
// At high rates several requests are due at each waking.
const stepMs = Math.max(intervalMs, 0.5);
const nobody = new Int32Array(new SharedArrayBuffer(4));

for (let dueMs = 0; dueMs < count * intervalMs; dueMs += stepMs) {
  const waitMs = startAt + dueMs - now();
  if (waitMs > 0) Atomics.wait(nobody, 0, 0, waitMs);
  parentPort.postMessage(null);
}
parentPort.close();

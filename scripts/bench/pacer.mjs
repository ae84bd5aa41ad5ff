// A thread that wakes the load generator shortly before a request is due. A timer of the event loop is late by up to a
// millisecond, which would be counted as the server's; waiting here is exact to some tens of microseconds and costs
// nothing. The way from thread to thread takes as long again, so the message leaves that much earlier and the generator
// waits for the instant itself: what is left of its own lateness is in `lateMs`.
import { parentPort, workerData } from 'node:worker_threads';
import { now } from './monotonic.mjs';
import { aheadMs } from './schedule.mjs';

const { startAt, count, intervalMs } = workerData;
// At high rates several requests are due at each waking.
const stepMs = Math.max(intervalMs, 0.5);
const earlyMs = aheadMs(intervalMs);
const nobody = new Int32Array(new SharedArrayBuffer(4));

for (let dueMs = 0; dueMs < count * intervalMs; dueMs += stepMs) {
  const waitMs = startAt + dueMs - earlyMs - now();
  if (waitMs > 0) Atomics.wait(nobody, 0, 0, waitMs);
  parentPort.postMessage(null);
}
parentPort.close();

import { ok, refuse } from "../lib/result.js";
import { joinGroupOf } from "./batcher.js";
import { DeadlineTimer } from "./deadline-timer.js";
import { cancelled, deadlineExceeded, overloaded } from "./errors.js";
import { createFairQueue } from "./fairness.js";
import { Ticket } from "./ticket.js";
import { versionKeyOf } from "./version-key.js";
const SMOOTHING = 0.05;
const LEAST_CORRECTION = 0.2;
const LARGEST_CORRECTION = 20;
const TELLING_WAIT_MS = 2;
const MAX_REMEMBERED_VERSIONS = 4096;
function createAdmission(deps) {
  const { clock, costs } = deps;
  const queue = createFairQueue(deps.bounds, deps.scheduling);
  const joinless = /* @__PURE__ */ new Set();
  let correction = 1;
  const deadlines = new DeadlineTimer(clock, (ticket) => {
    const wasQueued = queue.remove(ticket);
    ticket.settle(refuse(deadlineExceeded(ticket.job.timeoutMs, wasQueued ? "queued" : "running")));
  });
  const onSettled = (ticket, result) => {
    deadlines.remove(ticket);
    queue.remove(ticket);
    deps.onSettled(ticket, result);
  };
  const retryAfterMs = (aheadMs) => Math.max(1, Math.ceil(aheadMs * correction / deps.workers));
  return Object.freeze({
    queue,
    submit(job) {
      if (job.signal?.aborted === true) return refuse(cancelled());
      if (!(job.timeoutMs > 0)) return refuse(deadlineExceeded(job.timeoutMs, "queued"));
      const version = versionKeyOf(job.artifact);
      let bytes = 0;
      for (const { data } of job.inputs) bytes += data.byteLength;
      const ticket = new Ticket(
        {
          job,
          version,
          group: joinless.has(version) ? null : joinGroupOf(job, version, deps.maxBatchRows),
          bytes,
          workMs: costs.msPerRow(version) * job.rows,
          nowMs: clock.monotonicMs()
        },
        onSettled
      );
      const aheadMs = queue.aheadMs(job.fairnessKey, job.weight);
      const offer = queue.offer(ticket);
      if (!offer.accepted) return refuse(overloaded(retryAfterMs(offer.aheadMs), offer.full));
      ticket.expectedWaitMs = aheadMs / deps.workers;
      ticket.watchCaller();
      deadlines.add(ticket);
      return ok(ticket);
    },
    putBack(ticket) {
      if (!ticket.isSettled) queue.putBack(ticket);
    },
    observeWait({ attempts, expectedWaitMs, admittedAtMs }, nowMs) {
      if (attempts > 0 || expectedWaitMs < TELLING_WAIT_MS) return;
      const ratio = (nowMs - admittedAtMs) / expectedWaitMs;
      const bounded = Math.min(LARGEST_CORRECTION, Math.max(LEAST_CORRECTION, ratio));
      correction += SMOOTHING * (bounded - correction);
    },
    forbidJoining(version) {
      if (joinless.size >= MAX_REMEMBERED_VERSIONS) joinless.clear();
      joinless.add(version);
    },
    refuseAll(refusal) {
      for (const ticket of [...queue.entries()]) ticket.settle(refuse(refusal));
    },
    stats(nowMs) {
      const oldest = /* @__PURE__ */ new Map();
      for (const { fairnessKey, admittedAtMs } of queue.entries()) {
        oldest.set(fairnessKey, Math.min(oldest.get(fairnessKey) ?? Infinity, admittedAtMs));
      }
      return queue.keys().map((key) => ({ ...key, oldestMs: nowMs - (oldest.get(key.fairnessKey) ?? nowMs) }));
    }
  });
}
export {
  createAdmission
};
//# sourceMappingURL=admission.js.map

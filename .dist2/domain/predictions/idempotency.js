import { LRUCache } from "lru-cache";
import { ok, refuse } from "../../lib/result.js";
import { idempotencyMismatch } from "./errors.js";
const FIRST_LOOK_MS = 20;
const LONGEST_LOOK_MS = 250;
const MAX_OWED = 1e4;
function createIdempotency(deps) {
  const { store, clock, log } = deps;
  const flights = /* @__PURE__ */ new Map();
  const owed = new LRUCache({ max: MAX_OWED });
  async function lead(request) {
    const { tenantId, key, hash, patience } = request;
    await payBack(tenantId, key);
    for (let lookMs = FIRST_LOOK_MS; ; lookMs = Math.min(lookMs * 2, LONGEST_LOOK_MS)) {
      const now = clock.now();
      const expiresAt = new Date(now.getTime() + patience.timeoutMs + deps.claimMarginMs);
      const answer = await claim(request, now, expiresAt);
      if (answer.state === "CLAIMED") return runClaimed(request, answer.claim);
      if (answer.requestHash !== hash) return refuse([idempotencyMismatch()]);
      if (answer.state === "ANSWERED") return ok(replayOf(answer.prediction));
      await patience.pause(lookMs);
      const over = patience.over();
      if (over !== null) return refuse([over]);
    }
  }
  async function claim({ tenantId, key, hash }, now, expiresAt) {
    try {
      return await store.claim(tenantId, key, hash, now, expiresAt);
    } catch (error) {
      owed.set(`${tenantId} ${key}`, { key, expiresAt });
      throw error;
    }
  }
  async function payBack(tenantId, key) {
    const debt = owed.get(`${tenantId} ${key}`);
    if (debt === void 0) return;
    await store.unclaim(tenantId, debt);
    owed.delete(`${tenantId} ${key}`);
  }
  async function runClaimed({ tenantId, execute }, claim2) {
    let isAnswered = false;
    try {
      const outcome = await execute(claim2);
      isAnswered = outcome.ok;
      return outcome;
    } finally {
      if (!isAnswered) {
        await store.unclaim(tenantId, claim2).catch((error) => {
          owed.set(`${tenantId} ${claim2.key}`, claim2);
          log.warn({ err: error, tenantId }, "The claim on an idempotency key could not be given back.");
        });
      }
    }
  }
  return async function answer(request) {
    const flightKey = `${request.tenantId} ${request.key}`;
    for (; ; ) {
      const flight = flights.get(flightKey);
      if (flight === void 0) {
        const outcome = lead(request).finally(() => flights.delete(flightKey));
        flights.set(flightKey, { hash: request.hash, outcome });
        return outcome;
      }
      if (flight.hash !== request.hash) return refuse([idempotencyMismatch()]);
      const waited = await request.patience.wait(flight.outcome);
      if ("over" in waited) return refuse([waited.over]);
      if (waited.done.ok) return ok(replayOf(waited.done.value));
      if (!isImpatience(waited.done.error)) return waited.done;
    }
  };
}
function isImpatience([refusal]) {
  return refusal.code === "DEADLINE_EXCEEDED" || refusal.code === "PREDICTION_FAILED" && refusal.retryable;
}
function replayOf(prediction) {
  return { ...prediction, receipt: { ...prediction.receipt, charged: 0, replayed: true, remaining: null } };
}
export {
  createIdempotency
};
//# sourceMappingURL=idempotency.js.map

import { LRUCache } from "lru-cache";
import { admitGcra } from "../../lib/gcra.js";
import { ok, refuse } from "../../lib/result.js";
import { tooFast, tooMany } from "./errors.js";
const DEFAULT_MAX_KEYS = 5e4;
const MEAN_WEIGHT = 0.1;
function createAdmission(options) {
  const { clock, maxConcurrentPerTenant } = options;
  const perMinute = options.predictionsPerMinutePerKey;
  const rate = { burst: perMinute, intervalMs: 6e4 / perMinute };
  const arrivals = new LRUCache({ max: options.maxKeys ?? DEFAULT_MAX_KEYS });
  const running = /* @__PURE__ */ new Map();
  return function enter(actor) {
    const nowMs = clock.monotonicMs();
    const mine = running.get(actor.tenantId) ?? { count: 0, meanHeldMs: 0 };
    if (mine.count >= maxConcurrentPerTenant) {
      const retryAfterMs = Math.max(1, Math.ceil(mine.meanHeldMs / maxConcurrentPerTenant));
      return refuse(tooMany(maxConcurrentPerTenant, retryAfterMs));
    }
    const key = actor.kind === "apiKey" ? actor.apiKeyId : `${actor.tenantId} ${actor.userId}`;
    const decision = admitGcra(arrivals.get(key) ?? null, rate, nowMs);
    if (!decision.admitted) return refuse(tooFast(perMinute, Math.ceil(decision.retryAfterMs)));
    arrivals.set(key, decision.tatMs);
    mine.count += 1;
    running.set(actor.tenantId, mine);
    let left = false;
    return ok({
      leave: () => {
        if (left) return;
        left = true;
        mine.count -= 1;
        mine.meanHeldMs += (clock.monotonicMs() - nowMs - mine.meanHeldMs) * MEAN_WEIGHT;
        if (mine.count === 0) running.delete(actor.tenantId);
      }
    });
  };
}
export {
  createAdmission
};
//# sourceMappingURL=admission.js.map

import { isIPv6 } from "node:net";
import { LRUCache } from "lru-cache";
import { admitGcra, refundGcra } from "../../lib/gcra.js";
const ATTEMPT_LIMITS = Object.freeze({
  perEmail: { burst: 10, intervalMs: 3e4 },
  perAddress: { burst: 100, intervalMs: 500 }
});
const MAX_ENTRIES = 5e4;
function createAttemptLimiter(clock, limits = ATTEMPT_LIMITS) {
  const emails = new LRUCache({ max: MAX_ENTRIES });
  const addresses = new LRUCache({ max: MAX_ENTRIES });
  function entriesOf({ email, clientAddress }) {
    const address = { states: addresses, key: networkOf(clientAddress), rate: limits.perAddress };
    return email === void 0 ? [address] : [address, { states: emails, key: email, rate: limits.perEmail }];
  }
  return Object.freeze({
    admit(attempt) {
      const nowMs = clock.monotonicMs();
      const decisions = entriesOf(attempt).map((entry) => ({
        ...entry,
        decision: admitGcra(entry.states.get(entry.key) ?? null, entry.rate, nowMs)
      }));
      const retryAfterMs = Math.max(...decisions.map(({ decision }) => decision.retryAfterMs));
      if (retryAfterMs > 0) return retryAfterMs;
      for (const { states, key, decision } of decisions) states.set(key, decision.tatMs);
      return 0;
    },
    forgive(attempt) {
      for (const { states, key, rate } of entriesOf(attempt)) {
        const tatMs = states.get(key);
        if (tatMs !== void 0) states.set(key, refundGcra(tatMs, rate));
      }
    }
  });
}
function networkOf(clientAddress) {
  if (clientAddress === null) return "unknown";
  const address = clientAddress.split("%")[0];
  if (!isIPv6(address)) return address;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== void 0) return mapped;
  const [head = "", tail] = address.split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === void 0 || tail === "" ? [] : tail.split(":");
  const gap = tail === void 0 ? 0 : Math.max(0, 8 - left.length - right.length);
  const groups = [...left, ...Array(gap).fill("0"), ...right];
  const network = groups.slice(0, 4).map((group) => Number.parseInt(group, 16).toString(16));
  return `${network.join(":")}::/64`;
}
export {
  ATTEMPT_LIMITS,
  createAttemptLimiter,
  networkOf
};
//# sourceMappingURL=attempt-limiter.js.map

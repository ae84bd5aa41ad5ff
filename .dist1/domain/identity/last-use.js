import { updateLastUse } from "./api-key-store.js";
const MAX_PENDING = 16;
function createLastUse(database, clock) {
  const pending = /* @__PURE__ */ new Map();
  let failures = 0;
  async function write(tenantId, apiKeyId) {
    try {
      await database.sql({ tenantId }, (query) => updateLastUse(query, tenantId, apiKeyId, clock.now()));
    } catch {
      failures++;
    } finally {
      pending.delete(apiKeyId);
    }
  }
  return Object.freeze({
    note(tenantId, apiKeyId) {
      if (pending.has(apiKeyId) || pending.size >= MAX_PENDING) return;
      pending.set(apiKeyId, write(tenantId, apiKeyId));
    },
    failures: () => failures,
    async drain() {
      while (pending.size > 0) await Promise.all(pending.values());
    }
  });
}
export {
  createLastUse
};
//# sourceMappingURL=last-use.js.map

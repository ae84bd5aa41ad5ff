function createTurns() {
  const lastOf = /* @__PURE__ */ new Map();
  return async (tenantId, work) => {
    const before = lastOf.get(tenantId) ?? Promise.resolve();
    const mine = before.then(work, work);
    const settled = mine.catch(() => void 0);
    lastOf.set(tenantId, settled);
    try {
      return await mine;
    } finally {
      if (lastOf.get(tenantId) === settled) lastOf.delete(tenantId);
    }
  };
}
export {
  createTurns
};
//# sourceMappingURL=turns.js.map

function createGroupCommit(commit, options) {
  const lines = /* @__PURE__ */ new Map();
  async function commitOne(key, waiting) {
    try {
      const [outcome] = await commit(key, [waiting.item]);
      waiting.resolve(outcome);
    } catch (fault) {
      waiting.reject(fault);
    }
  }
  async function commitGroup(key, group) {
    if (group.length === 1) return commitOne(key, group[0]);
    try {
      const outcomes = await commit(
        key,
        group.map((waiting) => waiting.item)
      );
      group.forEach((waiting, i) => waiting.resolve(outcomes[i]));
    } catch (fault) {
      if (!options.mayRetryAlone(fault)) {
        for (const waiting of group) waiting.reject(fault);
        return;
      }
      for (const waiting of group) await commitOne(key, waiting);
    }
  }
  async function work(key, line) {
    while (line.length > 0) await commitGroup(key, line.splice(0, options.maxItems));
    lines.delete(key);
  }
  return Object.freeze({
    submit: (key, item) => new Promise((resolve, reject) => {
      const waiting = { item, resolve, reject };
      const line = lines.get(key);
      if (line !== void 0) {
        line.push(waiting);
        return;
      }
      const fresh = [waiting];
      lines.set(key, fresh);
      void work(key, fresh);
    })
  });
}
export {
  createGroupCommit
};
//# sourceMappingURL=group-commit.js.map

function createQuarantine(rule) {
  const records = /* @__PURE__ */ new Map();
  const forgetExpired = (nowMs) => {
    for (const [digest, record] of records) {
      if (record.untilMs !== null && record.untilMs <= nowMs) records.delete(digest);
      else if (record.untilMs === null) {
        record.crashesAtMs = record.crashesAtMs.filter((atMs) => atMs > nowMs - rule.windowMs);
        if (record.crashesAtMs.length === 0) records.delete(digest);
      }
    }
  };
  return Object.freeze({
    recordCrash(digest, reason, nowMs) {
      forgetExpired(nowMs);
      const record = records.get(digest) ?? { crashesAtMs: [], reason, untilMs: null };
      record.crashesAtMs.push(nowMs);
      record.reason = reason;
      if (record.crashesAtMs.length >= rule.crashes) record.untilMs = nowMs + rule.quarantineMs;
      records.set(digest, record);
    },
    find(digest, nowMs) {
      forgetExpired(nowMs);
      const record = records.get(digest);
      if (record === void 0 || record.untilMs === null) return null;
      return { crashes: record.crashesAtMs.length, untilMs: record.untilMs, reason: record.reason };
    },
    count(nowMs) {
      forgetExpired(nowMs);
      return [...records.values()].filter((record) => record.untilMs !== null).length;
    }
  });
}
export {
  createQuarantine
};
//# sourceMappingURL=quarantine.js.map

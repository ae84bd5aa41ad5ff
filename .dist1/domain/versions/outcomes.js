const POLL_MS = 500;
function createOutcomes({ log, endedAcrossTenants }) {
  const waiting = /* @__PURE__ */ new Map();
  let isPolling = false;
  function announce(publicationId) {
    for (const wake of [...waiting.get(publicationId) ?? []]) wake();
  }
  function pollLater() {
    if (isPolling || waiting.size === 0) return;
    isPolling = true;
    setTimeout(() => {
      endedAcrossTenants([...waiting.keys()]).then((ended) => ended.forEach(announce)).catch((error) => {
        log.warn({ err: error }, "the outcomes of publications could not be read; trying again");
      }).finally(() => {
        isPolling = false;
        pollLater();
      });
    }, POLL_MS).unref();
  }
  return Object.freeze({
    announce,
    wait(publicationId, waitMs, signal) {
      if (waitMs <= 0 || signal?.aborted === true) return Promise.resolve();
      return new Promise((resolve) => {
        const mine = waiting.get(publicationId) ?? /* @__PURE__ */ new Set();
        const wake = () => {
          clearTimeout(timer);
          signal?.removeEventListener("abort", wake);
          mine.delete(wake);
          if (mine.size === 0 && waiting.get(publicationId) === mine) waiting.delete(publicationId);
          resolve();
        };
        const timer = setTimeout(wake, waitMs);
        signal?.addEventListener("abort", wake, { once: true });
        waiting.set(publicationId, mine.add(wake));
        pollLater();
      });
    }
  });
}
export {
  createOutcomes
};
//# sourceMappingURL=outcomes.js.map

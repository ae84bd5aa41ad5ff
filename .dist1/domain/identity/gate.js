function createGate({ concurrency, maxWaiting, maxWaitMs }) {
  let running = 0;
  const waiting = /* @__PURE__ */ new Set();
  function enter() {
    if (running < concurrency) {
      running++;
      return true;
    }
    if (waiting.size >= maxWaiting) return false;
    return new Promise((resolve) => {
      const timer = setTimeout(() => settle(false), maxWaitMs);
      function settle(admitted) {
        clearTimeout(timer);
        waiting.delete(settle);
        resolve(admitted);
      }
      waiting.add(settle);
    });
  }
  function leave() {
    const [next] = waiting;
    if (next === void 0) running--;
    else next(true);
  }
  return Object.freeze({
    async run(work) {
      if (!await enter()) return null;
      try {
        return { value: await work() };
      } finally {
        leave();
      }
    }
  });
}
export {
  createGate
};
//# sourceMappingURL=gate.js.map

const DEFAULT_BODY_TIMES = Object.freeze({
  idleMs: 3e4,
  graceMs: 6e4,
  minBytesPerSecond: 1024
});
function readBody(request, times, onFirstRead) {
  const slow = new AbortController();
  let waitingSinceMs = null;
  let waitedMs = 0;
  let bytes = 0;
  const watch = setInterval(
    () => {
      const pauseMs = waitingSinceMs === null ? 0 : performance.now() - waitingSinceMs;
      const totalMs = waitedMs + pauseMs;
      const isDripping = totalMs > times.graceMs && bytes / totalMs * 1e3 < times.minBytesPerSecond;
      if (pauseMs > times.idleMs || isDripping) slow.abort();
    },
    Math.min(1e3, Math.ceil(times.idleMs / 4))
  );
  const iterator = request.iterator({ destroyOnReturn: false });
  async function* chunks() {
    onFirstRead();
    for (; ; ) {
      waitingSinceMs = performance.now();
      const step = await iterator.next();
      waitedMs += performance.now() - waitingSinceMs;
      waitingSinceMs = null;
      if (step.done === true) return;
      bytes += step.value.length;
      yield step.value;
    }
  }
  return Object.freeze({
    chunks: chunks(),
    tooSlow: slow.signal,
    release() {
      clearInterval(watch);
      void iterator.return?.().catch(() => void 0);
    }
  });
}
export {
  DEFAULT_BODY_TIMES,
  readBody
};
//# sourceMappingURL=upload-body.js.map

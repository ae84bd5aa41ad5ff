import { callerGone, deadlineExceeded } from "./errors.js";
function createPatience(clock, timeoutMs, signal) {
  const deadlineMs = clock.monotonicMs() + timeoutMs;
  const remainingMs = () => deadlineMs - clock.monotonicMs();
  const over = () => signal.aborted ? callerGone() : remainingMs() <= 0 ? deadlineExceeded(timeoutMs) : null;
  function alarm(ms) {
    let cancel = () => void 0;
    const rings = new Promise((resolve) => {
      const ring = () => {
        cancel();
        resolve();
      };
      const timer = setTimeout(ring, Math.max(0, ms));
      signal.addEventListener("abort", ring, { once: true });
      cancel = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", ring);
      };
      if (signal.aborted) ring();
    });
    return { rings, cancel: () => cancel() };
  }
  return Object.freeze({
    timeoutMs,
    signal,
    remainingMs,
    over,
    async wait(work) {
      const end = alarm(remainingMs());
      try {
        return await Promise.race([
          work.then((done) => ({ done })),
          end.rings.then(() => ({ over: over() ?? deadlineExceeded(timeoutMs) }))
        ]);
      } finally {
        end.cancel();
      }
    },
    async pause(ms) {
      await alarm(Math.min(ms, remainingMs())).rings;
    }
  });
}
export {
  createPatience
};
//# sourceMappingURL=patience.js.map

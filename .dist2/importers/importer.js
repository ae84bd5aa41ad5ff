import { refuse } from "../lib/result.js";
import { runChild } from "./child-process.js";
import { findSandbox } from "./sandbox.js";
function createImporter(deps = {}) {
  const maxConcurrent = deps.maxConcurrentImports ?? 1;
  const maxQueued = deps.maxQueuedImports ?? 16;
  const waiting = /* @__PURE__ */ new Set();
  const running = /* @__PURE__ */ new Set();
  const stopping = new AbortController();
  let sandbox = null;
  let active = 0;
  function turn(signal) {
    if (active < maxConcurrent) {
      active++;
      return Promise.resolve("go");
    }
    if (waiting.size >= maxQueued) return Promise.resolve("full");
    return new Promise((resolve) => {
      const entry = {
        start: () => {
          signal.removeEventListener("abort", entry.drop);
          waiting.delete(entry);
          resolve("go");
        },
        drop: () => {
          waiting.delete(entry);
          resolve("gone");
        }
      };
      waiting.add(entry);
      signal.addEventListener("abort", entry.drop, { once: true });
    });
  }
  function passTurn() {
    const [next] = waiting;
    if (next === void 0) active--;
    else next.start();
  }
  return Object.freeze({
    async importArtifact(request, onProgress, signal) {
      const ended = AbortSignal.any(signal === void 0 ? [stopping.signal] : [stopping.signal, signal]);
      if (ended.aborted) return refuse(cancelled());
      const outcome = await turn(ended);
      if (outcome === "full") return refuse(queueFull(maxQueued));
      if (outcome === "gone") return refuse(cancelled());
      sandbox ??= findSandbox();
      const run = sandbox.then((found) => runChild(request, found, onProgress, ended));
      running.add(run);
      try {
        return await run;
      } finally {
        running.delete(run);
        passTurn();
      }
    },
    async stop() {
      stopping.abort();
      await Promise.allSettled([...running]);
    }
  });
}
function cancelled() {
  return { code: "IMPORT_CANCELLED", message: "The import was cancelled.", subject: null };
}
function queueFull(maxQueued) {
  return {
    code: "IMPORT_QUEUE_FULL",
    message: `${maxQueued} imports are waiting already; try again in a minute.`,
    subject: null
  };
}
export {
  createImporter
};
//# sourceMappingURL=importer.js.map

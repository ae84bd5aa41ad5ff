import { createRequire } from "node:module";
const PACKAGE_OF = {
  "tfjs-node": "@tensorflow/tfjs-node",
  "tfjs-wasm": "@tensorflow/tfjs-backend-wasm"
};
const LIVE_STATES = /* @__PURE__ */ new Set(["ready", "busy"]);
const PING_WITHIN_MS = 1e3;
const require2 = createRequire(import.meta.url);
function versionOf(packageFile) {
  return require2(packageFile).version;
}
function createServerStatus(config, inference, queueLimit) {
  const version = versionOf("../package.json");
  const engineVersions = new Map(
    config.inference.runtimes.map((name) => [name, versionOf(`${PACKAGE_OF[name]}/package.json`)])
  );
  return Object.freeze({
    version,
    maxUploadBytes: config.maxUploadBytes,
    runtimes: () => {
      const known = inference.stats().workers.flatMap(({ runtimes }) => runtimes);
      return config.inference.runtimes.map((runtime) => {
        const seen = known.filter((readiness) => readiness.runtime === runtime);
        const available = seen.some((readiness) => readiness.available);
        const reason = seen.find((readiness) => readiness.reason !== null)?.reason;
        const detail = available ? engineVersions.get(runtime) : reason;
        return { runtime, available, detail: detail ?? "No worker has reported about it yet." };
      });
    },
    pool: () => {
      const { workers, queued } = inference.stats();
      return {
        queued,
        queueLimit,
        workers: workers.map(({ name, slot, state, residents, residentBytes }) => ({
          name: name ?? `slot-${slot}`,
          state,
          residentModels: residents.length,
          residentBytes
        }))
      };
    }
  });
}
function readinessCheck(deps) {
  return async () => {
    const problems = [];
    if (deps.isStopping()) problems.push("The server is shutting down.");
    if (!await answersInTime(deps.database.ping())) problems.push("The database does not answer.");
    if (!deps.inference.stats().workers.some(({ state }) => LIVE_STATES.has(state))) {
      problems.push("No inference worker is running.");
    }
    return { isReady: problems.length === 0, problems };
  };
}
async function answersInTime(answer) {
  let timer;
  const late = new Promise((resolve) => {
    timer = setTimeout(() => resolve(false), PING_WITHIN_MS);
  });
  const answered = answer.then(
    () => true,
    () => false
  );
  try {
    return await Promise.race([answered, late]);
  } finally {
    clearTimeout(timer);
  }
}
export {
  createServerStatus,
  readinessCheck
};
//# sourceMappingURL=server-status.js.map

import { versionKeyOf } from "./version-key.js";
function createCounters() {
  const refused = {
    OVERLOADED: 0,
    DEADLINE_EXCEEDED: 0,
    CANCELLED: 0,
    WORKER_LOST: 0,
    LOAD_FAILED: 0,
    RUNTIME_FAILED: 0
  };
  const counts = {
    admitted: 0,
    answered: 0,
    crashes: 0,
    retries: 0,
    overruns: 0,
    batches: 0,
    joined: 0,
    loads: 0,
    evictions: 0
  };
  return Object.freeze({
    recordAdmission: () => void (counts.admitted += 1),
    recordResult: (result) => {
      if (result.ok) counts.answered += 1;
      else refused[result.error.code] += 1;
    },
    recordCrash: () => void (counts.crashes += 1),
    recordRetry: () => void (counts.retries += 1),
    recordOverrun: () => void (counts.overruns += 1),
    recordRun: (requests) => {
      counts.batches += 1;
      if (requests > 1) counts.joined += requests;
    },
    recordLoad: () => void (counts.loads += 1),
    recordEvictions: (models) => void (counts.evictions += models),
    read: () => ({ ...counts, refused: { ...refused } })
  });
}
function workerStatsOf(slot, nowMs) {
  const { handle } = slot;
  const residents = handle?.residents ?? [];
  return {
    slot: slot.index,
    name: handle?.name ?? null,
    state: handle?.state.kind ?? "waiting",
    busyWith: handle?.state.kind === "busy" ? handle.state.digest : null,
    residents: residents.map((model) => ({
      ...model,
      idleMs: nowMs - (handle?.usedAtMs(versionKeyOf(model)) ?? nowMs)
    })),
    residentBytes: residents.reduce((sum, { bytes }) => sum + bytes, 0),
    runtimes: handle?.runtimes ?? [],
    replaced: Math.max(0, slot.generation - 1),
    generation: slot.generation,
    runs: handle?.runs ?? 0,
    busyMs: handle?.busyMs ?? 0
  };
}
export {
  createCounters,
  workerStatsOf
};
//# sourceMappingURL=pool-stats.js.map

function chooseRunner(version, workers, mayPostAhead) {
  let ahead = null;
  for (const worker of workers) {
    if (worker.places === 0 || !worker.holds(version)) continue;
    if (worker.idle) return worker;
    if (ahead === null && mayPostAhead(worker)) ahead = worker;
  }
  return ahead;
}
function isResident(version, workers) {
  return workers.some((worker) => worker.holds(version));
}
function chooseLoader(version, runtime, workers, missedBy) {
  let best = null;
  let bestMissed = Infinity;
  for (const worker of workers) {
    if (!worker.idle || !worker.canRun(runtime) || worker.holds(version)) continue;
    const missed = missedBy(worker);
    if (best !== null) {
      if (missed > bestMissed) continue;
      if (missed === bestMissed && worker.freeBytes <= best.freeBytes) continue;
    }
    best = worker;
    bestMissed = missed;
  }
  return best;
}
export {
  chooseLoader,
  chooseRunner,
  isResident
};
//# sourceMappingURL=scheduler.js.map

import { renewLease } from "./publications-store.js";
const DEFAULT_LEASE_TIMES = Object.freeze({ leaseMs: 15e3, progressEveryMs: 250 });
function holdLease(deps, times, publication, owner, onLost) {
  const { id, tenantId } = publication;
  let latest = null;
  let writtenAtMs = deps.clock.monotonicMs();
  let writing = Promise.resolve();
  let isWriting = false;
  const timer = setInterval(() => {
    const isDue = deps.clock.monotonicMs() - writtenAtMs >= times.leaseMs / 4;
    if (isWriting || latest === null && !isDue) return;
    writing = write();
  }, times.progressEveryMs);
  async function write() {
    isWriting = true;
    const progress = latest;
    latest = null;
    try {
      const isHeld = await deps.database.sql(
        { tenantId },
        (query) => renewLease(query, tenantId, id, owner, times.leaseMs, progress)
      );
      writtenAtMs = deps.clock.monotonicMs();
      if (!isHeld) {
        clearInterval(timer);
        onLost();
      }
    } catch (error) {
      deps.log.warn({ err: error, publicationId: id }, "the lease of a publication could not be renewed");
    } finally {
      isWriting = false;
    }
  }
  return Object.freeze({
    report(progress) {
      latest = progress;
    },
    async release() {
      clearInterval(timer);
      await writing;
    }
  });
}
export {
  DEFAULT_LEASE_TIMES,
  holdLease
};
//# sourceMappingURL=lease.js.map

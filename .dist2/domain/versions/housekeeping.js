import { takeExpiredAcrossTenants } from "./uploads-store.js";
const RESUME_EVERY_MS = 5e3;
const SWEEP_UPLOADS_EVERY_MS = 6e4;
const SWEEP_BYTES_EVERY_MS = 36e5;
class Housekeeping {
  #deps;
  #timers = [];
  #inProgress = /* @__PURE__ */ new Set();
  constructor(deps) {
    this.#deps = deps;
  }
  /** Does everything once in the background, and then at its interval. */
  start() {
    this.#repeat(RESUME_EVERY_MS, () => this.#deps.resume());
    this.#repeat(SWEEP_UPLOADS_EVERY_MS, () => this.sweepUploadsAcrossTenants());
    this.#repeat(SWEEP_BYTES_EVERY_MS, () => this.sweepBytesAcrossTenants());
  }
  async stop() {
    for (const timer of this.#timers.splice(0)) clearInterval(timer);
    await Promise.all(this.#inProgress);
  }
  /** Throws expired uploads away, and their bytes unless somebody else refers to them. */
  async sweepUploadsAcrossTenants() {
    const { database, clock, digests } = this.#deps;
    for (; ; ) {
      const expired = await database.sql(
        { acrossTenants: true },
        (query) => takeExpiredAcrossTenants(query, clock.now())
      );
      for (const digest of new Set(expired)) await digests.releaseAcrossTenants(digest);
      if (expired.length === 0) return;
    }
  }
  async sweepBytesAcrossTenants() {
    await this.#deps.artifacts.sweepTemporary();
    await this.#deps.digests.sweepAcrossTenants();
  }
  #repeat(everyMs, work) {
    let isBusy = false;
    const run = () => {
      if (isBusy) return;
      isBusy = true;
      const round = Promise.resolve().then(work).catch((error) => {
        this.#deps.log.error(
          { err: error },
          "housekeeping of versions failed; it is tried again at its interval"
        );
      }).finally(() => {
        isBusy = false;
        this.#inProgress.delete(round);
      });
      this.#inProgress.add(round);
    };
    this.#timers.push(setInterval(run, everyMs));
    run();
  }
}
export {
  Housekeeping
};
//# sourceMappingURL=housekeeping.js.map

import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { hasBatchDimension } from "../../lib/tensor.js";
import { importRefused } from "./errors.js";
import { holdLease } from "./lease.js";
import { isAboutTheFile, MAX_ATTEMPTS } from "./publication.js";
import * as store from "./publications-store.js";
const RETRY_MS = 1e3;
class PublicationRunner {
  #deps;
  #running = /* @__PURE__ */ new Map();
  #filling = Promise.resolve();
  #isFilling = false;
  #wantsMore = false;
  #isStopped = true;
  #retry = null;
  constructor(deps) {
    this.#deps = deps;
  }
  /** Removes work directories of dead processes, and takes up what waits. */
  async start() {
    await mkdir(this.#deps.workDirectory, { recursive: true, mode: 448 });
    await this.#sweepWorkDirectoriesAcrossTenants();
    this.#isStopped = false;
    this.wake();
  }
  /** Stops running imports; their publications are free for the next process at once. */
  async stop() {
    this.#isStopped = true;
    if (this.#retry !== null) clearTimeout(this.#retry);
    await this.#filling;
    for (const { stop } of this.#running.values()) stop.abort();
    await Promise.all([...this.#running.values()].map(({ done }) => done));
  }
  /** Says that there may be something to run. Cheap, and may be called at any time. */
  wake() {
    this.#wantsMore = true;
    if (this.#isFilling || this.#isStopped) return;
    this.#isFilling = true;
    this.#filling = this.#fillAcrossTenants().finally(() => {
      this.#isFilling = false;
    });
  }
  async #fillAcrossTenants() {
    const { database, limits, lease, owner, log } = this.#deps;
    try {
      while (this.#wantsMore && !this.#isStopped) {
        this.#wantsMore = false;
        while (this.#running.size < limits.maxConcurrentImports && !this.#isStopped) {
          const claimed = await database.sql(
            { acrossTenants: true },
            (query) => store.claimNextAcrossTenants(query, owner, lease.leaseMs)
          );
          if (claimed === null) break;
          this.#begin(claimed);
        }
      }
    } catch (error) {
      log.error({ err: error }, "publications could not be claimed; trying again");
      this.#wakeLater();
    }
  }
  #begin(publication) {
    const stop = new AbortController();
    const done = this.#run(publication, stop).catch((error) => {
      this.#deps.log.error(
        { err: error, publicationId: publication.id },
        "a publication failed; it will be retried"
      );
    }).finally(() => {
      this.#running.delete(publication.id);
      this.#deps.outcomes.announce(publication.id);
      this.wake();
    });
    this.#running.set(publication.id, { stop, done });
  }
  async #run(publication, stop) {
    const { ends, owner } = this.#deps;
    await this.#removeWorkDirectories((id) => id === publication.id);
    if (publication.attempts > MAX_ATTEMPTS) {
      const message = `The import was begun ${MAX_ATTEMPTS} times and never came to an end.`;
      return ends.refuse(publication, owner, importRefused("IMPORT_CRASHED", { message, subject: null }));
    }
    const work = await mkdtemp(join(this.#deps.workDirectory, `${publication.id}-`));
    try {
      await this.#import(publication, work, stop);
    } catch (error) {
      await this.#putBack(publication, { refundAttempts: 0, restMs: RETRY_MS }).catch(() => void 0);
      this.#wakeLater();
      throw error;
    } finally {
      await rm(work, { recursive: true, force: true });
    }
  }
  async #import(publication, workDirectory, stop) {
    const { artifacts, importArtifact, runtimes, limits, ends, owner } = this.#deps;
    const lease = holdLease(this.#deps, this.#deps.lease, publication, owner, () => stop.abort());
    try {
      const imported = await importArtifact(
        {
          artifactPath: artifacts.localPath(publication.digest),
          workDirectory,
          runtimes,
          timeoutMs: limits.importTimeoutMs,
          maxMemoryBytes: limits.importMaxMemoryBytes
        },
        lease.report,
        stop.signal
      );
      if (imported.ok) {
        const version = await ends.succeed(publication, owner, imported.value);
        if (version !== null) this.#warm(version);
      } else if (stop.signal.aborted) {
        await this.#putBack(publication, { refundAttempts: 1, restMs: 0 });
      } else if (isAboutTheFile(imported.error.code)) {
        await ends.refuse(publication, owner, importRefused(imported.error.code, imported.error));
      } else {
        await this.#putBack(publication, { refundAttempts: 1, restMs: RETRY_MS });
        this.#wakeLater();
      }
    } finally {
      await lease.release();
    }
  }
  /** Back into the queue, if it is still ours. */
  async #putBack({ id, tenantId }, how) {
    const { database, owner } = this.#deps;
    await database.sql({ tenantId }, (query) => store.requeue(query, tenantId, id, owner, how));
  }
  #warm(version) {
    const { artifacts, warm, log } = this.#deps;
    const artifact = {
      digest: version.packDigest,
      path: artifacts.localPath(version.packDigest),
      runtime: version.runtime,
      batchable: hasBatchDimension(version.signature)
    };
    Promise.resolve().then(() => warm(artifact)).catch((error) => {
      log.warn(
        { err: error, versionId: version.id },
        "a new version could not be warmed; its first prediction loads it"
      );
    });
  }
  #wakeLater() {
    if (this.#isStopped) return;
    if (this.#retry !== null) clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.wake(), RETRY_MS + 50);
  }
  async #sweepWorkDirectoriesAcrossTenants() {
    const { database, workDirectory } = this.#deps;
    const names = (await readdir(workDirectory)).filter((name) => name.startsWith("pub_"));
    if (names.length === 0) return;
    const running = new Set(
      await database.sql(
        { acrossTenants: true },
        (query) => store.runningAcrossTenants(query, names.map(idOf))
      )
    );
    await this.#removeWorkDirectories((id) => !running.has(id));
  }
  async #removeWorkDirectories(isDead) {
    const { workDirectory } = this.#deps;
    for (const name of await readdir(workDirectory)) {
      if (!name.startsWith("pub_") || !isDead(idOf(name))) continue;
      await rm(join(workDirectory, name), { recursive: true, force: true });
    }
  }
}
function idOf(workDirectoryName) {
  return workDirectoryName.slice(0, workDirectoryName.indexOf("-"));
}
export {
  PublicationRunner
};
//# sourceMappingURL=publication-runner.js.map

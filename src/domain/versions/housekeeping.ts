/** What has to be looked at from time to time: expired uploads, publications of dead processes, orphaned bytes. */
import { isDatabaseUnavailable, type Transactions } from '../../database/index.js';
import type { Clock } from '../../lib/clock.js';
import type { Logger } from '../../lib/logger.js';
import type { ArtifactStore, PartialFiles } from '../../storage/index.js';
import type { DigestKeeper } from './digests.js';
import * as transfers from './transfers-store.js';
import { takeExpiredAcrossTenants } from './uploads-store.js';

export interface HousekeepingDeps {
  readonly database: Transactions;
  readonly clock: Clock;
  readonly log: Logger;
  readonly artifacts: ArtifactStore;
  readonly partials: PartialFiles;
  readonly digests: DigestKeeper;
  /** Takes up publications whose process has died. */
  readonly resume: () => void;
}

// How long the publications of a server that died wait for another one. The statement is answered from a small index.
const RESUME_EVERY_MS = 2_000;
const SWEEP_UPLOADS_EVERY_MS = 60_000;
const SWEEP_BYTES_EVERY_MS = 3_600_000;
const FILES_BATCH = 500;

export class Housekeeping {
  readonly #deps: HousekeepingDeps;
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #inProgress = new Set<Promise<void>>();

  constructor(deps: HousekeepingDeps) {
    this.#deps = deps;
  }

  /** Does everything once in the background, and then at its interval. */
  start(): void {
    this.#repeat(RESUME_EVERY_MS, () => this.#deps.resume());
    this.#repeat(SWEEP_UPLOADS_EVERY_MS, () => this.sweepUploadsAcrossTenants());
    this.#repeat(SWEEP_BYTES_EVERY_MS, () => this.sweepBytesAcrossTenants());
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers.splice(0)) clearInterval(timer);
    await Promise.all(this.#inProgress);
  }

  /** Throws expired uploads away, and their bytes unless somebody else refers to them. */
  async sweepUploadsAcrossTenants(): Promise<void> {
    const { database, clock, digests } = this.#deps;
    await this.#sweepTransfersAcrossTenants();
    for (;;) {
      const expired = await database.sql({ acrossTenants: true }, (query) =>
        takeExpiredAcrossTenants(query, clock.now()),
      );
      for (const digest of new Set(expired)) await digests.releaseAcrossTenants(digest);
      if (expired.length === 0) return;
    }
  }

  async sweepBytesAcrossTenants(): Promise<void> {
    await this.#deps.artifacts.sweepTemporary();
    await this.#sweepPartialFilesAcrossTenants();
    await this.#deps.digests.sweepAcrossTenants();
  }

  async #sweepTransfersAcrossTenants(): Promise<void> {
    const { database, clock, partials } = this.#deps;
    for (;;) {
      const expired = await database.sql({ acrossTenants: true }, (query) =>
        transfers.takeExpiredAcrossTenants(query, clock.now()),
      );
      for (const id of expired) await partials.remove(id);
      if (expired.length === 0) return;
    }
  }

  /** A row is there before its file and goes before it, so a file without one is a leftover of a crash. */
  async #sweepPartialFilesAcrossTenants(): Promise<void> {
    const { database, partials } = this.#deps;
    const ids = await partials.ids();
    for (let at = 0; at < ids.length; at += FILES_BATCH) {
      const unused = await database.sql({ acrossTenants: true }, (query) =>
        transfers.withoutUseAcrossTenants(query, ids.slice(at, at + FILES_BATCH)),
      );
      for (const id of unused) await partials.remove(id);
    }
  }

  #repeat(everyMs: number, work: () => Promise<void> | void): void {
    let isBusy = false;
    const run = () => {
      if (isBusy) return;
      isBusy = true;
      const round = Promise.resolve()
        .then(work)
        .catch((error: unknown) => {
          // While the database is away or overloaded this is no defect, here as little as in a request.
          const level = isDatabaseUnavailable(error) ? 'warn' : 'error';
          this.#deps.log[level](
            { err: error },
            'housekeeping of versions failed; it is tried again at its interval',
          );
        })
        .finally(() => {
          isBusy = false;
          this.#inProgress.delete(round);
        });
      this.#inProgress.add(round);
    };
    this.#timers.push(setInterval(run, everyMs));
    run();
  }
}

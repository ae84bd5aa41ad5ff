/** What has to be looked at from time to time: expired uploads, publications of dead processes, orphaned bytes. */
import { isDatabaseUnavailable, type Transactions } from '../../database/index.js';
import type { Clock } from '../../lib/clock.js';
import type { Logger } from '../../lib/logger.js';
import { RepeatingTask } from '../../lib/repeating-task.js';
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
  readonly #tasks: RepeatingTask[] = [];

  constructor(deps: HousekeepingDeps) {
    this.#deps = deps;
  }

  /** Does everything once in the background, and then at its interval. */
  start(): void {
    this.#repeat(RESUME_EVERY_MS, 'resume publications', async () => this.#deps.resume());
    this.#repeat(SWEEP_UPLOADS_EVERY_MS, 'sweep uploads', () => this.sweepUploadsAcrossTenants());
    this.#repeat(SWEEP_BYTES_EVERY_MS, 'sweep bytes', () => this.sweepBytesAcrossTenants());
  }

  async stop(): Promise<void> {
    await Promise.all(this.#tasks.splice(0).map((task) => task.stop()));
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

  #repeat(everyMs: number, what: string, work: () => Promise<void>): void {
    const { log } = this.#deps;
    // While the database is away or overloaded a failure is no defect, here as little as in a request.
    const task = new RepeatingTask({ what, work, everyMs, log, mayPass: isDatabaseUnavailable });
    this.#tasks.push(task);
    void task.start();
  }
}

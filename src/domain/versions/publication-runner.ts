/**
 * Runs publications. The queue is the table itself, so that nothing is lost with the process: a publication
 * is run by whoever holds its lease, and only the holder can end it. A process that dies is seen to be dead, or at
 * last stops renewing, and the publication begins anew, here or elsewhere.
 */
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isDatabaseUnavailable, type Presence, type Transactions } from '../../database/index.js';
import type { ImportProgress, ImportRefusal, ImportReport, ImportRequest } from '../../importers/index.js';
import type { RunnableArtifact, RuntimeName } from '../../inference/index.js';
import { ClaimLoop } from '../../lib/claim-loop.js';
import type { Clock } from '../../lib/clock.js';
import { newId } from '../../lib/ids.js';
import type { Logger } from '../../lib/logger.js';
import type { Result } from '../../lib/result.js';
import type { Signature } from '../../lib/tensor.js';
import type { ArtifactStore } from '../../storage/index.js';
import type { PublicationEnds } from './end-publication.js';
import { importRefused } from './errors.js';
import { beginImportRun } from './import-run.js';
import { holdLease, type LeaseTimes } from './lease.js';
import type { Outcomes } from './outcomes.js';
import { isAboutTheFile, MAX_ATTEMPTS, type Publication, type PublicationPhase } from './publication.js';
import * as store from './publications-store.js';
import type { Version } from './version.js';

/** The importers' front door. A fault (it could not even be started) is thrown. */
export type ImportArtifact = (
  request: ImportRequest,
  onProgress: (progress: ImportProgress) => void,
  signal: AbortSignal,
) => Promise<Result<ImportReport, ImportRefusal>>;

export interface ImportLimits {
  /** Imports that this process runs at one time; more wait in the table. */
  readonly maxConcurrentImports: number;
  readonly importTimeoutMs: number;
  readonly importMaxMemoryBytes: number;
}

export interface RunnerDeps {
  readonly database: Transactions;
  readonly clock: Clock;
  readonly log: Logger;
  readonly artifacts: ArtifactStore;
  readonly importArtifact: ImportArtifact;
  /** For each import an empty directory is made in it; on the file system of the store, so that packs move by name. */
  readonly workDirectory: string;
  readonly runtimes: readonly RuntimeName[];
  readonly limits: ImportLimits;
  readonly lease: LeaseTimes;
  /** By which others see that this process lives; without it they wait for the end of its leases. */
  readonly presence: Pick<Presence, 'name' | 'isHeld'> | null;
  readonly ends: PublicationEnds;
  readonly outcomes: Outcomes;
  /** Brings a version into the pool's memory and runs it once. */
  readonly warm: (artifact: RunnableArtifact, signature: Signature) => unknown;
  /** How long a publication waits for its version to be in memory. */
  readonly warmWithinMs: number;
}

type Warmable = Pick<Version, 'packDigest' | 'runtime' | 'batchable' | 'signature'> & {
  readonly path: string;
};

/** A publication, and in whose name this process holds it: another one for each claim. */
interface Held {
  readonly publication: Publication;
  readonly holder: string;
}

/** Of the whole, when the import has ended and what is left is ours to do. */
const WARMING_FRACTION = 0.95;
const STORING_FRACTION = 0.98;
/** How long a publication rests after the importer was full or failed to start. */
const RETRY_MS = 1_000;
/** Its rest is over by the database's clock when this one looks again. */
const RETRY_MARGIN_MS = 50;

export class PublicationRunner {
  readonly #deps: RunnerDeps;
  readonly #loop: ClaimLoop<Held>;

  constructor(deps: RunnerDeps) {
    this.#deps = deps;
    const { limits, log, outcomes } = deps;
    this.#loop = new ClaimLoop({
      maxRunning: limits.maxConcurrentImports,
      claim: () => this.#claimAcrossTenants(),
      idOf: ({ publication }) => publication.id,
      run: (held, stop) => this.#run(held, stop),
      onClaimFault: (fault) => {
        // While the database is away this is no defect, here as little as in a request.
        const level = isDatabaseUnavailable(fault) ? 'warn' : 'error';
        log[level]({ err: fault }, 'publications could not be claimed; trying again');
      },
      onRunFault: (fault, publicationId) =>
        log.error({ err: fault, publicationId }, 'a publication failed; it will be retried'),
      onEnd: outcomes.announce,
      retryMs: RETRY_MS + RETRY_MARGIN_MS,
    });
  }

  /** Removes work directories of dead processes, and takes up what waits. */
  async start(): Promise<void> {
    await mkdir(this.#deps.workDirectory, { recursive: true, mode: 0o700 });
    await this.#sweepWorkDirectoriesAcrossTenants();
    this.#loop.start();
  }

  /** Stops running imports; their publications are free for the next process at once. */
  stop(): Promise<void> {
    return this.#loop.stop();
  }

  /** Says that there may be something to run. Cheap, and may be called at any time. */
  wake(): void {
    this.#loop.wake();
  }

  async #claimAcrossTenants(): Promise<Held | null> {
    const { database, lease, presence } = this.#deps;
    const claim = newId('request');
    const holder = presence?.isHeld() === true ? `${presence.name}/${claim}` : claim;
    const publication = await database.sql({ acrossTenants: true }, (query) =>
      store.claimNextAcrossTenants(query, holder, lease.leaseMs, presence?.name ?? ''),
    );
    return publication === null ? null : { publication, holder };
  }

  async #run(held: Held, stop: AbortController): Promise<void> {
    const { publication, holder } = held;
    // Of an attempt whose process died while it held the lease: the sweep at the start could not know that it was dead.
    await this.#removeWorkDirectories((id) => id === publication.id);
    if (publication.attempts > MAX_ATTEMPTS) {
      const message = `The import was begun ${MAX_ATTEMPTS} times and never came to an end.`;
      const refusal = importRefused('IMPORT_CRASHED', { message, subject: null });
      return this.#deps.ends.refuse(publication, holder, refusal, null);
    }
    const work = await mkdtemp(join(this.#deps.workDirectory, `${publication.id}-`));
    try {
      await this.#import(held, work, stop);
    } catch (error) {
      // Should this fail too, the lease ends by itself.
      await this.#putBack(held, { refundAttempts: 0, restMs: RETRY_MS }).catch(() => undefined);
      throw error;
    } finally {
      await rm(work, { recursive: true, force: true });
    }
  }

  async #import(held: Held, workDirectory: string, stop: AbortController): Promise<void> {
    const { publication, holder } = held;
    const { artifacts, importArtifact, runtimes, limits, ends, clock, database } = this.#deps;
    const { id, tenantId } = publication;
    const lease = holdLease(this.#deps, this.#deps.lease, publication, holder, () => stop.abort());
    const run = beginImportRun(clock);
    const enter = (phase: PublicationPhase, fraction: number) => {
      run.enter(phase);
      lease.report({ phase, fraction });
    };
    try {
      const sample = await database.sql({ tenantId }, (query) => store.findSample(query, tenantId, id));
      const imported = await importArtifact(
        {
          artifactPath: artifacts.localPath(publication.digest),
          workDirectory,
          runtimes,
          ...(sample === null ? {} : { sample }),
          timeoutMs: limits.importTimeoutMs,
          maxMemoryBytes: limits.importMaxMemoryBytes,
        },
        (progress) => {
          run.note(progress);
          lease.report(progress);
        },
        stop.signal,
      );
      // The lease is renewed until the end is written: moving a large pack may take its time.
      if (imported.ok) {
        run.learn(imported.value);
        enter('WARMING', WARMING_FRACTION);
        // Before callers of the newest version can come to it: for them the change is without a load.
        await this.#warm({ ...imported.value, path: imported.value.packPath });
        enter('STORING', STORING_FRACTION);
        const version = await ends.succeed(publication, holder, imported.value, run.report);
        // At once when it is in memory already; otherwise this is the second chance.
        if (version !== null) void this.#warm({ ...version, path: artifacts.localPath(version.packDigest) });
      } else if (stop.signal.aborted) {
        await this.#putBack(held, { refundAttempts: 1, restMs: 0 });
      } else if (isAboutTheFile(imported.error.code)) {
        const refusal = importRefused(imported.error.code, imported.error);
        await ends.refuse(publication, holder, refusal, run.report());
      } else {
        await this.#putBack(held, { refundAttempts: 1, restMs: RETRY_MS });
        this.#loop.wakeLater();
      }
    } finally {
      await lease.release();
    }
  }

  /** Back into the queue, if it is still ours. */
  async #putBack(
    { publication: { id, tenantId }, holder }: Held,
    how: { readonly refundAttempts: number; readonly restMs: number },
  ): Promise<void> {
    const { database } = this.#deps;
    await database.sql({ tenantId }, (query) => store.requeue(query, tenantId, id, holder, how));
  }

  /** Settles when the version is in memory, cannot be, or has taken as long as a publication may wait for it. */
  async #warm(made: Warmable): Promise<void> {
    const { warm, warmWithinMs, log } = this.#deps;
    const { path, runtime, batchable, signature } = made;
    const artifact = { digest: made.packDigest, path, runtime, batchable };
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise((resolve) => {
      timer = setTimeout(resolve, warmWithinMs);
    });
    try {
      await Promise.race([warm(artifact, signature), late]);
    } catch (error) {
      log.warn(
        { err: error, digest: artifact.digest },
        'a new version could not be warmed; its first prediction loads it',
      );
    } finally {
      clearTimeout(timer);
    }
  }

  async #sweepWorkDirectoriesAcrossTenants(): Promise<void> {
    const { database, workDirectory } = this.#deps;
    const names = (await readdir(workDirectory)).filter((name) => name.startsWith('pub_'));
    if (names.length === 0) return;
    const running = new Set(
      await database.sql({ acrossTenants: true }, (query) =>
        store.runningAcrossTenants(query, names.map(idOf)),
      ),
    );
    await this.#removeWorkDirectories((id) => !running.has(id));
  }

  async #removeWorkDirectories(isDead: (publicationId: string) => boolean): Promise<void> {
    const { workDirectory } = this.#deps;
    for (const name of await readdir(workDirectory)) {
      if (!name.startsWith('pub_') || !isDead(idOf(name))) continue;
      await rm(join(workDirectory, name), { recursive: true, force: true });
    }
  }
}

/** Whose work directory this is. */
function idOf(workDirectoryName: string): string {
  return workDirectoryName.slice(0, workDirectoryName.indexOf('-'));
}

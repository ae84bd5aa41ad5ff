/**
 * Who may remove bytes, and when.
 *
 * Invariant: bytes in the store are referred to by an upload, by an unfinished publication, by a version
 * (as its artifact or its pack) or by a dataset, or nobody will miss them. Whoever makes the first reference to a digest
 * and whoever removes its bytes hold the same advisory lock until their transaction ends; so bytes never
 * vanish between the moment they were found or put there and the moment the row that needs them is seen.
 */
import type { SqlQuery, Transactions, Tx } from '../../database/index.js';
import type { ArtifactStore } from '../../storage/index.js';

/** Holds the digest until the transaction ends. */
export async function lockDigest(tx: Tx, digest: string): Promise<void> {
  await tx.$queryRaw`SELECT 1 AS locked FROM pg_advisory_xact_lock(hashtextextended(${lockName(digest)}, 0))`;
}

function lockName(digest: string): string {
  return `artifact ${digest}`;
}

/** True for a digest `d.digest` that no row refers to: one statement, so that a reference on the move is seen. */
const UNREFERENCED = `
  NOT EXISTS (SELECT 1 FROM uploads u WHERE u.digest = d.digest)
  AND NOT EXISTS (SELECT 1 FROM publications p WHERE p.digest = d.digest AND p.status IN ('QUEUED', 'RUNNING'))
  AND NOT EXISTS (SELECT 1 FROM versions v WHERE v.digest = d.digest)
  AND NOT EXISTS (SELECT 1 FROM versions v WHERE v.pack_digest = d.digest)
  AND NOT EXISTS (SELECT 1 FROM datasets s WHERE s.digest = d.digest)`;

async function unreferencedAcrossTenants(query: SqlQuery, digests: readonly string[]): Promise<string[]> {
  const rows = await query<{ digest: string }>(
    `SELECT d.digest FROM unnest($1::text[]) AS d(digest) WHERE ${UNREFERENCED}`,
    [digests],
  );
  return rows.map((row) => row.digest);
}

export interface DigestKeeper {
  /** Removes the bytes, unless any tenant's upload, publication or version refers to them. */
  releaseAcrossTenants(digest: string): Promise<void>;
  /** Removes all bytes that nobody refers to: what a crash left between storing bytes and writing rows. */
  sweepAcrossTenants(): Promise<void>;
}

const SWEEP_BATCH = 500;

export function createDigestKeeper(deps: {
  readonly database: Transactions;
  readonly artifacts: ArtifactStore;
}): DigestKeeper {
  const { database, artifacts } = deps;

  async function releaseAcrossTenants(digest: string): Promise<void> {
    await database.sql({ acrossTenants: true }, async (query) => {
      await query('SELECT 1 AS locked FROM pg_advisory_xact_lock(hashtextextended($1, 0))', [
        lockName(digest),
      ]);
      const [free] = await unreferencedAcrossTenants(query, [digest]);
      if (free === undefined) return;
      await query('DELETE FROM artifacts WHERE digest = $1', [digest]);
      // Before the commit, because the lock ends with it. Should the commit fail, a row without bytes
      // and without references is left: the next upload of the same bytes makes it whole again.
      await artifacts.deleteForever(digest);
    });
  }

  async function releaseUnreferencedAcrossTenants(batch: readonly string[]): Promise<void> {
    if (batch.length === 0) return;
    const free = await database.sql({ acrossTenants: true }, (query) =>
      unreferencedAcrossTenants(query, batch),
    );
    for (const digest of free) await releaseAcrossTenants(digest);
  }

  return Object.freeze({
    releaseAcrossTenants,
    async sweepAcrossTenants() {
      let batch: string[] = [];
      for await (const digest of artifacts.digests()) {
        batch.push(digest);
        if (batch.length < SWEEP_BATCH) continue;
        await releaseUnreferencedAcrossTenants(batch);
        batch = [];
      }
      await releaseUnreferencedAcrossTenants(batch);
    },
  });
}

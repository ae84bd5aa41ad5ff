async function lockDigest(tx, digest) {
  await tx.$queryRaw`SELECT 1 AS locked FROM pg_advisory_xact_lock(hashtextextended(${lockName(digest)}, 0))`;
}
function lockName(digest) {
  return `artifact ${digest}`;
}
const UNREFERENCED = `
  NOT EXISTS (SELECT 1 FROM uploads u WHERE u.digest = d.digest)
  AND NOT EXISTS (SELECT 1 FROM publications p WHERE p.digest = d.digest AND p.status IN ('QUEUED', 'RUNNING'))
  AND NOT EXISTS (SELECT 1 FROM versions v WHERE v.digest = d.digest)
  AND NOT EXISTS (SELECT 1 FROM versions v WHERE v.pack_digest = d.digest)`;
async function unreferencedAcrossTenants(query, digests) {
  const rows = await query(
    `SELECT d.digest FROM unnest($1::text[]) AS d(digest) WHERE ${UNREFERENCED}`,
    [digests]
  );
  return rows.map((row) => row.digest);
}
const SWEEP_BATCH = 500;
function createDigestKeeper(deps) {
  const { database, artifacts } = deps;
  async function releaseAcrossTenants(digest) {
    await database.sql({ acrossTenants: true }, async (query) => {
      await query("SELECT 1 AS locked FROM pg_advisory_xact_lock(hashtextextended($1, 0))", [
        lockName(digest)
      ]);
      const [free] = await unreferencedAcrossTenants(query, [digest]);
      if (free === void 0) return;
      await query("DELETE FROM artifacts WHERE digest = $1", [digest]);
      await artifacts.deleteForever(digest);
    });
  }
  async function releaseUnreferencedAcrossTenants(batch) {
    if (batch.length === 0) return;
    const free = await database.sql(
      { acrossTenants: true },
      (query) => unreferencedAcrossTenants(query, batch)
    );
    for (const digest of free) await releaseAcrossTenants(digest);
  }
  return Object.freeze({
    releaseAcrossTenants,
    async sweepAcrossTenants() {
      let batch = [];
      for await (const digest of artifacts.digests()) {
        batch.push(digest);
        if (batch.length < SWEEP_BATCH) continue;
        await releaseUnreferencedAcrossTenants(batch);
        batch = [];
      }
      await releaseUnreferencedAcrossTenants(batch);
    }
  });
}
export {
  createDigestKeeper,
  lockDigest
};
//# sourceMappingURL=digests.js.map

// What a campaign breaks: one server with the PostgreSQL that it brings, or several on one PostgreSQL that outlives them.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ownDatabaseUrl } from '../publish-crash/database.mjs';
import { postmasterOf, startServer } from './server.mjs';

const START_ATTEMPTS = 4;

/**
 * @param {{servers: number, environment?: Record<string, string>}} options
 * @returns an object: `urls()` of the servers that live, `victim()` (the one that a fault meets; it changes from kill to
 * kill), `killVictim(signal)`, `killPostgres(signal)`, `revive()` (starts what was killed), `databaseUrl()`, `faults()`, `end()`
 */
export async function openWorld({ servers: count, environment = {} }) {
  const dataDirectory = mkdtempSync(join(tmpdir(), 'souk-crash-'));
  const postgres = count === 1 ? null : await startPostgres(dataDirectory);
  const start = () =>
    startServer(
      dataDirectory,
      postgres === null
        ? environment
        : {
            ...environment,
            DATABASE_URL: postgres.connectionString,
            JWT_SECRET: 'a secret of the crash campaign, 32 bytes or more',
          },
    );
  // A server says no when its engine does not start in time: on a machine that does much else, whoever runs it tries again.
  const startAgain = async (attempt = 1) => {
    try {
      return await start();
    } catch (error) {
      if (attempt === START_ATTEMPTS) throw error;
      return startAgain(attempt + 1);
    }
  };
  const servers = [];
  for (let i = 0; i < count; i++) servers.push(await start());
  let turn = 0;
  let dead = null;

  return {
    urls: () => servers.filter((_, i) => i !== dead).map(({ url }) => url),
    allUrls: () => servers.map(({ url }) => url),
    /** Kills one server; with several, each in its turn. Answers its end. */
    async killVictim(signal) {
      dead = turn++ % count;
      return servers[dead].kill(signal);
    },
    killPostgres(signal) {
      process.kill(postmasterOf(dataDirectory), signal);
    },
    /** Starts what was killed, and answers how long it took and which errors it had logged before. */
    async revive() {
      const faults = servers[dead].faults();
      const diedAt = performance.now();
      servers[dead] = await startAgain();
      dead = null;
      return { readyMs: Math.round(performance.now() - diedAt), faults };
    },
    databaseUrl: () => ownDatabaseUrl(dataDirectory),
    faults: () => servers.flatMap((server) => server.faults()),
    async end() {
      await Promise.all(servers.map((server) => server.kill('SIGTERM').catch(() => undefined)));
      await postgres?.stop();
      // As root, the database's files may belong to another account.
      rmSync(dataDirectory, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** A real PostgreSQL that belongs to no server; started again when it is killed. */
async function startPostgres(dataDirectory) {
  const { EmbeddedPostgres } = await import('../../dist/database/index.js');
  const { createLogger } = await import('../../dist/lib/logger.js');
  const postgres = new EmbeddedPostgres({ dataDirectory, logger: createLogger('silent') });
  await postgres.start();
  return postgres;
}

import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Database, EmbeddedPostgres, isDatabaseUnavailable, migrate } from '../../../src/database/index.js';
import { createLogger } from '../../../src/lib/logger.js';
import { removeDataDirectory } from '../../support/global-setup.js';
import { until } from '../../support/until.js';

const logger = createLogger('silent');
const dataDirectory = mkdtempSync(join(tmpdir(), 'souk-outage-'));
const postgres = new EmbeddedPostgres({ dataDirectory, logger });
let database: Database;

const countBySql = () =>
  database.sql({ acrossTenants: true }, (query) =>
    query<{ n: number }>('SELECT count(*)::int AS n FROM tenants', []),
  );
const countByPrisma = () => database.transaction({ acrossTenants: true }, (tx) => tx.tenant.count());

beforeAll(async () => {
  await postgres.start();
  const folder = fileURLToPath(new URL('../../../prisma/migrations', import.meta.url));
  await migrate({ url: postgres.connectionString, folder, logger });
  database = new Database({ url: postgres.connectionString, logger, maxConnections: 4 });
  await database.start();
});

afterAll(async () => {
  await database?.stop();
  await postgres.stop();
  removeDataDirectory(dataDirectory);
});

async function failure(work: () => Promise<unknown>): Promise<unknown> {
  const startedAt = performance.now();
  const error: unknown = await work().then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(performance.now() - startedAt).toBeLessThan(5_000);
  return error;
}

// Recovery after a SIGKILL waits for the disk, which other tests use at the same time.
describe('a Postgres that goes away', { timeout: 90_000 }, () => {
  it('is started again on the same port after SIGKILL, and the pool finds it by itself', async () => {
    await Promise.all([countBySql(), countByPrisma(), countBySql()]);
    const before = postgres.pid;
    const url = postgres.connectionString;
    process.kill(before ?? 0, 'SIGKILL');
    const patience = { timeoutMs: 60_000 };
    await until(() => postgres.pid !== null && postgres.pid !== before, patience);
    await until(async () => (await countByPrisma()) === 0 && (await countBySql()).length === 1, patience);
    expect(postgres.connectionString).toBe(url);
  });

  it('fails every kind of call with an error that says so, also in the middle of a transaction', async () => {
    let inside: () => void = () => undefined;
    const isInside = new Promise<void>((resolve) => (inside = resolve));
    let goOn: () => void = () => undefined;
    const mayGoOn = new Promise<void>((resolve) => (goOn = resolve));
    const open = [
      database.sql({}, async (query) => {
        await query('SELECT 1', []);
        inside();
        await mayGoOn;
        return query('SELECT 2', []);
      }),
      database.transaction({}, async (tx) => {
        await tx.tenant.count();
        await isInside;
        await mayGoOn;
        return tx.tenant.count();
      }),
    ];
    const outcomes = Promise.allSettled(open);
    await isInside;
    await postgres.stop();
    goOn();
    for (const outcome of await outcomes) {
      expect(outcome.status).toBe('rejected');
      if (outcome.status === 'rejected') expect(isDatabaseUnavailable(outcome.reason)).toBe(true);
    }
    expect(isDatabaseUnavailable(await failure(countBySql))).toBe(true);
    expect(isDatabaseUnavailable(await failure(countByPrisma))).toBe(true);
    expect(isDatabaseUnavailable(await failure(() => database.ping()))).toBe(true);
    const other = new Database({ url: postgres.connectionString, logger });
    const refused = await failure(() => other.start());
    expect(String(refused)).toMatch(/The database cannot be used: .*ECONNREFUSED/);
    expect(isDatabaseUnavailable(refused)).toBe(true);
    await other.stop();
  });

  it('does not hang on a server that accepts connections and stays silent', async () => {
    await postgres.start();
    const silent = new Database({
      url: postgres.connectionString,
      logger,
      connectTimeoutMs: 500,
      statementTimeoutMs: 500,
    });
    await silent.start();
    // Stops the postmaster: new connections are accepted by the kernel and never answered.
    process.kill(postgres.pid ?? 0, 'SIGSTOP');
    try {
      const calls = Array.from({ length: 20 }, () =>
        failure(() => silent.transaction({}, (tx) => tx.tenant.count())),
      );
      const errors = (await Promise.all(calls)).filter((error) => error !== null);
      expect(errors.length).toBeGreaterThan(0);
      for (const error of errors) expect(isDatabaseUnavailable(error)).toBe(true);
    } finally {
      process.kill(postgres.pid ?? 0, 'SIGCONT');
      await silent.stop();
    }
  });

  it('closes a connection whose transaction was cut off by the time limit, and rolls back', async () => {
    const slow = new Database({
      url: postgres.connectionString,
      logger,
      statementTimeoutMs: 200,
      maxConnections: 1,
    });
    await slow.start();
    const error = await failure(() => slow.sql({}, (query) => query('SELECT pg_sleep(3)', [])));
    expect(isDatabaseUnavailable(error)).toBe(true);
    expect(await slow.transaction({ acrossTenants: true }, (tx) => tx.tenant.count())).toBe(0);
    await slow.stop();
  });
});

import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { inject } from 'vitest';
import { Database, type DatabaseOptions } from '../../src/database/index.js';
import { createLogger } from '../../src/lib/logger.js';

export interface TestDatabase {
  /** Of the owner, for a server process under test or for statements that the application may not do. */
  readonly url: string;
  /** Started; acts as the application does. */
  readonly database: Database;
  /** Runs one statement as the owner of everything (a superuser: row-level security does not apply). */
  asOwner<Row extends object>(text: string, parameters?: readonly unknown[]): Promise<Row[]>;
  stop(): Promise<void>;
}

/** A migrated, empty database of its own for a test file, a copy of the template: about 50 ms. */
export async function createTestDatabase(options: Partial<DatabaseOptions> = {}): Promise<TestDatabase> {
  const template = new URL(inject('templateUrl'));
  const name = `test_${randomBytes(6).toString('hex')}`;
  await onServer(template, `CREATE DATABASE ${name} TEMPLATE ${template.pathname.slice(1)}`);
  const url = urlOf(template, name);
  const database = new Database({ url, logger: createLogger('error'), maxConnections: 8, ...options });
  await database.start();
  return Object.freeze({
    url,
    database,
    async asOwner<Row extends object>(text: string, parameters: readonly unknown[] = []) {
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      try {
        const { rows } = await client.query<Row>(text, [...parameters]);
        await announced(client, database);
        return rows;
      } finally {
        await client.end();
        // What another process changed is known to this one after its next exchange with the server, at the latest.
        await database.ping().catch(() => undefined);
      }
    },
    async stop() {
      await database.stop();
      await onServer(template, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    },
  });
}

/**
 * Waits until the application has heard of what a statement changed, as it does of all that other processes change: some
 * milliseconds later, which a test should not have to think of. Announcements arrive in order, so one more tells.
 */
async function announced(client: pg.Client, database: Database): Promise<void> {
  const before = database.accessEpoch();
  try {
    // One of its connections listens by then.
    await database.ping();
    await client.query(`SELECT pg_notify('souk_access', $1)`, [randomBytes(8).toString('hex')]);
    const deadline = performance.now() + ANNOUNCED_WITHIN_MS;
    while (database.accessEpoch() === before && performance.now() < deadline) await database.ping();
  } catch {
    // The application is stopped or its server is away: it will read everything anew.
  }
}

const ANNOUNCED_WITHIN_MS = 2_000;

/** The same server, another database. */
export function urlOf(template: URL | string, name: string): string {
  const url = new URL(template);
  url.pathname = `/${name}`;
  return url.href;
}

/** Runs a statement that is about databases, outside any of them. */
export async function onServer(template: URL | string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: urlOf(template, 'postgres') });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

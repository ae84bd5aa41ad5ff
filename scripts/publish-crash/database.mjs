// The server's database seen from outside: rows as they are, and locks that hold the server where it is.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';

/** Of the PostgreSQL that the server keeps in its data directory. */
export function ownDatabaseUrl(dataDirectory) {
  const password = readFileSync(join(dataDirectory, 'postgres.password'), 'utf8').trim();
  const port = readFileSync(join(dataDirectory, 'postgres', 'postmaster.pid'), 'utf8').split('\n')[3];
  return `postgresql://souk:${password}@127.0.0.1:${port}/souk`;
}

/** Connects as the owner of everything. Its connections may be lost with a server that is killed. */
export async function watchDatabase(url) {
  const clients = [];
  async function connect() {
    const client = new pg.Client({ connectionString: url });
    client.on('error', () => undefined);
    await client.connect();
    clients.push(client);
    return client;
  }
  const reader = await connect();
  const rows = async (text, parameters = []) => (await reader.query(text, parameters)).rows;

  return {
    rows,
    async publication(id) {
      const [row] = await rows('SELECT * FROM publications WHERE id = $1', [id]);
      return row ?? null;
    },
    /** Takes locks and keeps them; the server waits at the first statement that needs one. */
    async hold(...statements) {
      const client = await connect();
      await client.query('BEGIN');
      for (const [text, parameters] of statements) await client.query(text, parameters);
      return () => client.query('ROLLBACK').catch(() => undefined);
    },
    /** How many of the server's statements wait for a lock. */
    async waiting() {
      const [row] = await rows(
        "SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name = 'souk' AND wait_event_type = 'Lock'",
      );
      return row.n;
    },
    async end() {
      await Promise.all(clients.map((client) => client.end().catch(() => undefined)));
    },
  };
}

/** The lock that the server takes before it gives bytes their name, or takes it away. */
export function digestLock(digest) {
  return ['SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`artifact ${digest}`]];
}

/** Readers pass, writers wait. */
export function writesTo(table) {
  return [`LOCK TABLE ${table} IN SHARE MODE`, []];
}

export function digestOf(bytes) {
  return createHash('sha256').update(bytes).digest('hex');
}

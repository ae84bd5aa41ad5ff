import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { migrate } from '../../../src/database/index.js';
import { createLogger } from '../../../src/lib/logger.js';
import { onServer, urlOf } from '../../support/postgres.js';

const logger = createLogger('silent');
let folder: string;
let url: string;
let name: string;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'souk-migrations-'));
  cpSync(fileURLToPath(new URL('../../../prisma/migrations', import.meta.url)), folder, { recursive: true });
  name = `migrate_${randomBytes(4).toString('hex')}`;
  await onServer(inject('templateUrl'), `CREATE DATABASE ${name}`);
  url = urlOf(inject('templateUrl'), name);
});

afterEach(async () => {
  await onServer(inject('templateUrl'), `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  rmSync(folder, { recursive: true, force: true });
});

async function query(text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text)).rows;
  } finally {
    await client.end();
  }
}

function addMigration(migration: string, sql: string): void {
  mkdirSync(join(folder, migration));
  writeFileSync(join(folder, migration, 'migration.sql'), sql);
}

describe('migrate', () => {
  it('applies everything once, also when two processes start at the same moment', async () => {
    const both = await Promise.all([migrate({ url, folder, logger }), migrate({ url, folder, logger })]);
    expect(both.map((names) => names.length).sort()).toEqual([0, expect.any(Number)]);
    expect(both.flat().length).toBeGreaterThan(1);
    expect(await migrate({ url, folder, logger })).toEqual([]);
    const rows = await query('SELECT finished_at FROM _prisma_migrations');
    expect(rows).toHaveLength(both.flat().length);
  });

  it('hands a script to Postgres whole: semicolons in strings, comments and bodies do not cut it', async () => {
    addMigration(
      '99990101000000_semicolons',
      `-- one; two
       CREATE TABLE texts (t text DEFAULT 'a;b');
       DO $$ BEGIN INSERT INTO texts DEFAULT VALUES; INSERT INTO texts DEFAULT VALUES; END $$;`,
    );
    await migrate({ url, folder, logger });
    expect(await query('SELECT t FROM texts')).toEqual([{ t: 'a;b' }, { t: 'a;b' }]);
  });

  it('leaves the database as it was when one of them fails, and goes on once it is mended', async () => {
    await migrate({ url, folder, logger });
    addMigration('99990101000000_good', 'CREATE TABLE good (n int);');
    addMigration('99990102000000_bad', 'CREATE TABLE bad (n int); SELECT 1 / 0;');
    await expect(migrate({ url, folder, logger })).rejects.toThrow(
      /could not be migrated .*as it was: division by zero/,
    );
    expect(await query(`SELECT to_regclass('good') AS good`)).toEqual([{ good: null }]);
    writeFileSync(join(folder, '99990102000000_bad', 'migration.sql'), 'CREATE TABLE bad (n int);');
    expect(await migrate({ url, folder, logger })).toEqual(['99990101000000_good', '99990102000000_bad']);
  });

  it('refuses a migration that was changed after it had been applied', async () => {
    addMigration('99990101000000_extra', 'CREATE TABLE extra (n int);');
    await migrate({ url, folder, logger });
    writeFileSync(join(folder, '99990101000000_extra', 'migration.sql'), 'CREATE TABLE extra (n bigint);');
    await expect(migrate({ url, folder, logger })).rejects.toThrow(/99990101000000_extra was changed after/);
  });

  it('refuses a database that a newer Souk has migrated', async () => {
    addMigration('99990101000000_newer', 'CREATE TABLE newer (n int);');
    await migrate({ url, folder, logger });
    rmSync(join(folder, '99990101000000_newer'), { recursive: true });
    await expect(migrate({ url, folder, logger })).rejects.toThrow(/does not \(99990101000000_newer\)/);
  });
});

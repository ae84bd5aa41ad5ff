// `npm run migration:new -- NAME`: writes prisma/migrations/<time>_NAME/migration.sql with what
// prisma/schema.prisma has changed since the newest migration was committed. A tool for developers: the SQL
// is a draft to be read; policies, grants, checks and the move of existing rows are added by hand.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setupOrExit } from './setup.mjs';
import { root } from './setup/paths.mjs';

const SCHEMA = 'prisma/schema.prisma';
const MIGRATIONS = 'prisma/migrations';

const name = process.argv[2] ?? '';
if (!/^[a-z][a-z0-9_]*$/.test(name)) {
  process.stderr.write(
    'Give the migration a name in lower case, e.g. `npm run migration:new -- add_webhooks`.\n',
  );
  process.exit(1);
}

await setupOrExit({ quiet: true });
const git = (...args) => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim();
if (git('status', '--porcelain', '--', MIGRATIONS) !== '') {
  // What an uncommitted migration does would be written a second time.
  process.stderr.write(
    `Commit or remove the changes in ${MIGRATIONS} first: a migration starts from there.\n`,
  );
  process.exit(1);
}
const newest = git('log', '-1', '--format=%H', '--', MIGRATIONS);
const before = git('show', `${newest}:${SCHEMA}`);
const sql = await difference(before, readFileSync(join(root, SCHEMA), 'utf8'));

if (sql === null) process.stdout.write(`${SCHEMA} has not changed since the newest migration.\n`);
else {
  const folder = join(root, MIGRATIONS, `${timeAfterNewest()}_${name}`);
  mkdirSync(folder);
  writeFileSync(join(folder, 'migration.sql'), sql);
  process.stdout.write(`${join(folder, 'migration.sql')}\n`);
}

/** Now, or just after the newest migration: they run in the order of their names, whatever this clock says. */
function timeAfterNewest() {
  const now = new Date().toISOString().replace(/\D/g, '').slice(0, 14);
  const folders = readdirSync(join(root, MIGRATIONS)).filter((folder) => /^\d{14}_/.test(folder));
  const newest = folders.sort().at(-1)?.slice(0, 14) ?? '';
  return now > newest ? now : String(BigInt(newest) + 1n);
}

async function difference(from, to) {
  const { EmbeddedPostgres } = await import('../dist/database/index.js');
  const { loadSchemaEngine, NO_FILTERS } = await import('../dist/database/schema-engine.js');
  const { createLogger } = await import('../dist/lib/logger.js');
  const { default: pg } = await import('pg');
  // Two texts are compared, but the engine wants to be connected to a database for that.
  const dataDirectory = mkdtempSync(join(tmpdir(), 'souk-migration-'));
  const postgres = new EmbeddedPostgres({ dataDirectory, logger: createLogger('error') });
  try {
    await postgres.start();
    const pool = new pg.Pool({ connectionString: postgres.connectionString, max: 1 });
    const engine = await loadSchemaEngine(pool);
    const datamodel = (content) => ({ tag: 'schemaDatamodel', files: [{ path: SCHEMA, content }] });
    const request = {
      from: datamodel(from),
      to: datamodel(to),
      script: true,
      exitCode: null,
      filters: NO_FILTERS,
    };
    const { stdout } = await engine.diff(request);
    engine.free();
    await pool.end();
    return stdout === null || /^\s*(-- This is an empty migration\.)?\s*$/.test(stdout) ? null : stdout;
  } finally {
    await postgres.stop();
    rmSync(dataDirectory, { recursive: true, force: true });
  }
}

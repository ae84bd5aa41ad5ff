// `npm run migration:new -- NAME`: writes prisma/migrations/<time>_NAME/migration.sql with what
// prisma/schema.prisma has changed since the newest migration was committed. A tool for developers: the SQL
// is a draft to be read; policies, grants, checks and the move of existing rows are added by hand.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
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
const newest = git('log', '-1', '--format=%H', '--', MIGRATIONS);
const before = git('show', `${newest}:${SCHEMA}`);
const sql = await difference(before, readFileSync(join(root, SCHEMA), 'utf8'));

if (sql === null) process.stdout.write(`${SCHEMA} has not changed since the newest migration.\n`);
else {
  const time = new Date().toISOString().replace(/\D/g, '').slice(0, 14);
  const folder = join(root, MIGRATIONS, `${time}_${name}`);
  mkdirSync(folder);
  writeFileSync(join(folder, 'migration.sql'), sql);
  process.stdout.write(`${join(folder, 'migration.sql')}\n`);
}

async function difference(from, to) {
  const { loadSchemaEngine, NO_FILTERS } = await import('../dist/database/schema-engine.js');
  const { default: pg } = await import('pg');
  // Two texts are compared, so that the engine never uses its connection.
  const engine = await loadSchemaEngine(new pg.Pool());
  const datamodel = (content) => ({ tag: 'schemaDatamodel', files: [{ path: SCHEMA, content }] });
  const { stdout } = await engine.diff({
    from: datamodel(from),
    to: datamodel(to),
    script: true,
    exitCode: null,
    filters: NO_FILTERS,
  });
  return stdout === null || /^\s*(-- This is an empty migration\.)?\s*$/.test(stdout) ? null : stdout;
}

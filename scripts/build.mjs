// Compiles src/**/*.ts to dist/**/*.js, file by file. Types are checked elsewhere (`npm run check`):
// this must be quick, because every start runs it when a source has changed.
import { build } from 'esbuild';
import { readdirSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const source = join(root, 'src');

const outdir = join(root, 'dist');

const entryPoints = readdirSync(source, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts') && !file.startsWith('dashboard'))
  .map((file) => join(source, file));

await build({
  entryPoints,
  outdir,
  outbase: source,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  sourcemap: true,
  logLevel: 'warning',
});

// What a deleted source left behind. Afterwards, not before: a server that runs from dist keeps its files.
const expected = new Set(
  entryPoints.map((file) => join(outdir, relative(source, file).replace(/\.ts$/, '.js'))),
);
for (const name of readdirSync(outdir, { recursive: true, encoding: 'utf8' })) {
  const file = join(outdir, name);
  // What build-graphiql.mjs makes is not compiled from here.
  if (name.startsWith('graphiql')) continue;
  if (/\.js(\.map)?$/.test(name) && !expected.has(file.replace(/\.map$/, ''))) rmSync(file);
}

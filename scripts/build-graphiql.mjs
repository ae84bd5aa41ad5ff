// Bundles GraphiQL from node_modules into dist/graphiql, with content hashes in the file names, so that the
// server can let browsers keep everything but index.html. Needed once per version: set-up stamps it.
import { build } from 'esbuild';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const source = join(root, 'src/dashboard/graphiql');
const target = join(root, 'dist/graphiql');
const fresh = `${target}.${process.pid}.tmp`;

const common = {
  bundle: true,
  minify: true,
  format: 'esm',
  target: 'es2022',
  platform: 'browser',
  outdir: fresh,
  metafile: true,
  // No source maps: they would only multiply what is served.
  sourcemap: false,
  legalComments: 'none',
  loader: { '.ttf': 'file' },
  define: { 'process.env.NODE_ENV': '"production"' },
  logLevel: 'error',
  nodePaths: [join(root, 'node_modules')],
};

/** The file that an entry became, as a browser asks for it. */
function urlOf(metafile, entry, extension = '.js') {
  const [path] = Object.entries(metafile.outputs).find(
    ([path, { entryPoint }]) => path.endsWith(extension) && entryPoint?.endsWith(entry),
  );
  return `/graphiql/${basename(path)}`;
}

rmSync(fresh, { recursive: true, force: true });
mkdirSync(fresh, { recursive: true });

const workerEntries = {
  editor: 'monaco-editor/esm/vs/editor/editor.worker.js',
  json: 'monaco-editor/esm/vs/language/json/json.worker.js',
  graphql: 'monaco-graphql/esm/graphql.worker.js',
};
const workers = await build({
  ...common,
  entryPoints: Object.values(workerEntries).map((file) => join(root, 'node_modules', file)),
  entryNames: '[name]-[hash]',
});
const workerUrls = Object.fromEntries(
  Object.entries(workerEntries).map(([label, file]) => [label, urlOf(workers.metafile, file)]),
);

const page = await build({
  ...common,
  entryPoints: [join(source, 'page.jsx')],
  entryNames: '[name]-[hash]',
  chunkNames: 'chunk-[hash]',
  assetNames: '[name]-[hash]',
  splitting: true,
  jsx: 'automatic',
  define: { ...common.define, workerUrls: JSON.stringify(workerUrls) },
});
// The page's own style and those of parts that load later (esbuild links none of them by itself).
const styles = Object.keys(page.metafile.outputs)
  .filter((path) => path.endsWith('.css'))
  .map((path) => `<link rel="stylesheet" href="/graphiql/${basename(path)}" />`)
  // The page's own comes last, since it may overrule the parts.
  .sort();
writeFileSync(
  join(fresh, 'index.html'),
  readFileSync(join(source, 'index.html'), 'utf8')
    .replace('{{script}}', urlOf(page.metafile, 'page.jsx'))
    .replace('<!-- styles -->', styles.join('\n    ')),
);

rmSync(target, { recursive: true, force: true });
renameSync(fresh, target);

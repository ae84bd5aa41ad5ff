/**
 * Imports every model in a folder, as its publisher would, and says what became of each:
 *
 *   npm run campaign:public-models -- FOLDER [--runtimes tfjs-node,tfjs-wasm] [--only TEXT] [--minutes N] [--server]
 *
 * What counts as a model: a JSON file with a "modelTopology" and its shards, a folder with a saved_model.pb, and files
 * that end in .keras, .h5 or .onnx. With --server each is published on a real server as anybody does it, and called once.
 * Nothing is kept. Ends with code 1 when a model was not imported.
 */
import { readdirSync, readFileSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { pack } from 'tar-stream';
import { createImporter } from '../dist/importers/index.js';
import { RUNTIMES } from '../dist/inference/index.js';
import { openServer } from './public-models/through-api.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runtimes: { type: 'string' },
    only: { type: 'string' },
    minutes: { type: 'string', default: '60' },
    server: { type: 'boolean', default: false },
  },
});
const [folder] = positionals;
if (folder === undefined) {
  console.error('Name the folder whose models are to be imported.');
  process.exit(2);
}
const MAX_JSON_BYTES = 64 * 2 ** 20;
const IMPORT_WITHIN_MS = 120_000;
const endAtMs = Date.now() + Number(values.minutes) * 60_000;
const runtimes = values.runtimes?.split(',') ?? RUNTIMES;

function* filesBelow(directory) {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) yield* filesBelow(path);
    else if (entry.isFile()) yield path;
  }
}

/** The bytes to upload, or `null` for what is no model. */
async function artifactOf(path) {
  const name = basename(path);
  if (/\.(keras|h5|onnx)$/.test(name)) return readFileSync(path);
  if (name === 'saved_model.pb') {
    const root = dirname(path);
    return archive([...filesBelow(root)].map((file) => [relative(root, file), file]));
  }
  if (!name.endsWith('.json') || statSync(path).size > MAX_JSON_BYTES) return null;
  const text = readFileSync(path, 'utf8');
  if (!text.includes('"modelTopology"')) return null;
  let manifest;
  try {
    manifest = JSON.parse(text).weightsManifest ?? [];
  } catch {
    return null;
  }
  const shards = manifest.flatMap(({ paths }) => paths).map((shard) => [shard, join(dirname(path), shard)]);
  return archive([['model.json', path], ...shards]);
}

async function archive(files) {
  const tar = pack();
  for (const [name, path] of files) tar.entry({ name }, readFileSync(path));
  tar.finalize();
  const chunks = [];
  for await (const chunk of tar) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** The words for one model that became a version. */
function told(version) {
  const { format, runtime, trials, signatures } = version;
  const figures = trials.map((trial) =>
    trial.ok ? `${trial.runtime} ${trial.computeMs} ms` : `${trial.runtime}: ${trial.reason}`,
  );
  const ways = signatures.length > 1 ? ` signatures ${signatures.map(({ name }) => name).join(' ')};` : '';
  return `${format} on ${runtime};${ways} ${figures.join(', ')}`;
}

async function importHere(bytes, directory) {
  const artifactPath = join(directory, 'artifact');
  const workDirectory = mkdtempSync(join(directory, 'work-'));
  writeFileSync(artifactPath, bytes);
  const result = await importer.importArtifact(
    { artifactPath, workDirectory, runtimes, timeoutMs: IMPORT_WITHIN_MS, maxMemoryBytes: 6 * 2 ** 30 },
    () => undefined,
  );
  if (!result.ok) return { refusal: { ...result.error, reason: result.error.code }, version: null };
  return { refusal: null, version: { ...result.value, findings: result.value.notes } };
}

const server = values.server
  ? await openServer({
      INFERENCE_RUNTIMES: runtimes.join(','),
      IMPORT_TIMEOUT_MS: String(IMPORT_WITHIN_MS),
    })
  : null;
const importer = createImporter();
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => void Promise.all([server?.end(), importer.stop()]).then(() => process.exit(130)));
}
let called = 0;
let failed = 0;
let imported = 0;
for (const path of [...filesBelow(folder)].sort()) {
  const name = relative(folder, path);
  if (values.only !== undefined && !name.includes(values.only)) continue;
  if (Date.now() > endAtMs) break;
  const directory = mkdtempSync(join(tmpdir(), 'souk-public-'));
  try {
    const bytes = await artifactOf(path).catch((error) => error);
    if (bytes === null) continue;
    if (bytes instanceof Error) {
      console.log(`- ${name}: incomplete (${bytes.message})`);
      continue;
    }
    const startedAtMs = performance.now();
    const { refusal, version, answer } = await (server === null
      ? importHere(bytes, directory)
      : server.publish(bytes));
    const seconds = ((performance.now() - startedAtMs) / 1000).toFixed(1);
    if (version === null) {
      failed++;
      console.log(`NO ${name} (${seconds} s) ${refusal.reason} ${refusal.subject}: ${refusal.message}`);
      continue;
    }
    imported++;
    console.log(`ok ${name} (${seconds} s) ${told(version)}`);
    for (const note of version.findings) console.log(`     ${note.slice(0, 200)}`);
    if (answer === undefined) continue;
    if (answer.refusal === undefined) called++;
    console.log(`     ${answer.refusal ?? `answered in ${answer.ms} ms`}`);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
await importer.stop();
const faults = server?.faults() ?? [];
await server?.end();
console.log(`${imported} imported, ${failed} not${server === null ? '' : `; ${called} called`}.`);
if (faults.length > 0) console.log(`The server logged an error: ${faults[0]}`);
process.exit(failed + faults.length > 0 ? 1 : 0);

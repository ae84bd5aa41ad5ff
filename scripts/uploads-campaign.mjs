// `npm run campaign:uploads`: sends files with tus-js-client through a gate that cuts the connection at random offsets,
// kills the server in the middle, and compares every digest. One JSON line at the end; exit code 1 when a digest
// differs, an upload fails or a byte is left over.
import { createHash, randomBytes, randomInt } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { PassThrough } from 'node:stream';
import { parseArgs } from 'node:util';
import * as tus from 'tus-js-client';
import { succeed } from './crash/api.mjs';
import { startServer } from './crash/server.mjs';
import { openGate } from './uploads/gate.mjs';

const { values } = parseArgs({
  options: {
    uploads: { type: 'string', default: '200' },
    'max-bytes': { type: 'string', default: '8000000' },
    'at-once': { type: 'string', default: '6' },
    kills: { type: 'string', default: '4' },
  },
});
const uploads = Number(values.uploads);
const maxBytes = Number(values['max-bytes']);
const atOnce = Number(values['at-once']);
const kills = Number(values.kills);
/** Of each ten uploads: how the client sends. */
const WAYS = [
  'plain',
  'plain',
  'chunks',
  'plain',
  'parallel',
  'chunks',
  'deferred',
  'plain',
  'announced',
  'parallel',
];
const MIN_BYTES = 50_000;
const MAX_STARTS = 20;
// Nothing is predicted here.
const SMALL = { INFERENCE_WORKERS: '1', INFERENCE_RUNTIMES: 'tfjs-wasm' };
const RETRY_DELAYS_MS = [0, 50, 100, 200, 400, 800, 1_500, 2_000, 3_000, 3_000, ...Array(12).fill(5_000)];

const dataDirectory = mkdtempSync(join(tmpdir(), 'souk-uploads-'));
const broken = [];
const tally = { cuts: 0, halfOpen: 0, kills: 0, slowestStartMs: 0, bytes: 0, equal: 0, ways: {} };
let server = await startServer(dataDirectory, SMALL);
let portNow = Number(new URL(server.url).port);
const startedAt = performance.now();

const slug = `campaign-${randomBytes(4).toString('hex')}`;
const { session } = await succeed(server.url, null, 'signUp', 'session { accessToken }', {
  email: `${slug}@example.com`,
  password: 'a long enough password',
  name: 'Campaign',
  tenantSlug: slug,
});
const { secret } = await succeed(server.url, session.accessToken, 'createApiKey', 'secret', {
  name: 'campaign',
  scopes: ['VERSION_PUBLISH'],
});
const authorization = `Bearer ${secret}`;

/**
 * Files whose parts were joined a second time because the first answer was cut: two uploads of the same bytes, of which
 * the client knows the second. The first stays until it expires, and its file with it.
 */
const sentAgain = new Set();

/** Sends one file and answers the path of its upload. */
function send(bytes, way, endpoint, sha256) {
  return new Promise((resolve, reject) => {
    let starts = 1;
    const upload = new tus.Upload(way === 'deferred' ? new PassThrough().end(bytes) : bytes, {
      endpoint: `${endpoint}/uploads`,
      headers: { authorization },
      retryDelays: RETRY_DELAYS_MS,
      // Cut, answered and killed over and over: how often is the campaign's doing, not the network's.
      onShouldRetry: (error) => {
        const status = error.originalResponse?.getStatus() ?? 0;
        return status < 400 || status >= 500 || status === 409 || status === 423;
      },
      metadata: { filename: '../../x', ...(way === 'announced' ? { sha256 } : {}) },
      ...(way === 'deferred' ? { uploadLengthDeferred: true, chunkSize: 200_000 } : {}),
      ...(way === 'chunks' ? { chunkSize: randomInt(20_000, 400_000) } : {}),
      ...(way === 'parallel' ? { parallelUploads: randomInt(2, 5) } : {}),
      // The client tries again by itself, but not the request that joins the parts; it then goes on with these.
      onError: (error) => {
        if (way !== 'parallel' || error.originalResponse != null || starts++ === MAX_STARTS) reject(error);
        else {
          sentAgain.add(sha256);
          setTimeout(() => upload.start(), 500);
        }
      },
      onSuccess: () => resolve(new URL(upload.url).pathname),
    });
    upload.start();
  });
}

async function one(index) {
  const way = WAYS[index % WAYS.length];
  const bytes = randomBytes(randomInt(MIN_BYTES, maxBytes));
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const cuts = Array.from({ length: randomInt(1, 4) }, () => ({
    at: randomInt(200, bytes.length),
    how: Math.random() < 0.25 ? 'half-open' : 'reset',
  }));
  const gate = await openGate(() => portNow, cuts);
  try {
    const path = await send(bytes, way, gate.url, sha256);
    const found = await askUntilUp(path, 'GET');
    const { upload } = await found.json();
    if (upload?.sha256 === sha256) tally.equal++;
    else broken.push(`upload ${index} (${way}): ${JSON.stringify(upload)} is not ${sha256}`);
    const ended = await askUntilUp(path, 'DELETE');
    if (ended.status !== 204 && ended.status !== 404)
      broken.push(`upload ${index}: DELETE answered ${ended.status}`);
  } catch (error) {
    broken.push(`upload ${index} (${way}, ${bytes.length} bytes): ${error.message}`);
  } finally {
    tally.cuts += gate.cutsMade();
    tally.halfOpen += cuts.filter(({ how }) => how === 'half-open').length;
    tally.bytes += bytes.length;
    tally.ways[way] = (tally.ways[way] ?? 0) + 1;
    gate.close();
  }
}

/** Straight to the server, past its restarts. */
async function askUntilUp(path, method) {
  for (let attempt = 0; ; attempt++) {
    try {
      return await fetch(`http://127.0.0.1:${portNow}${path}`, {
        method,
        headers: { authorization, 'tus-resumable': '1.0.0' },
      });
    } catch (error) {
      if (attempt === 600) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

let next = 0;
let done = 0;
async function work() {
  while (next < uploads) {
    await one(next++);
    done++;
  }
}

async function kill() {
  for (let round = 1; round <= kills; round++) {
    // Spread over the campaign, in the middle of whatever is under way then.
    const due = Math.floor((uploads * round) / (kills + 1));
    while (done < due) await new Promise((resolve) => setTimeout(resolve, randomInt(5, 40)));
    if (next >= uploads && done >= uploads) return;
    await server.kill('SIGKILL');
    tally.kills++;
    const faults = server.faults();
    if (faults.length > 0) broken.push(`the server logged: ${faults[0]}`);
    server = await startServer(dataDirectory, SMALL);
    portNow = Number(new URL(server.url).port);
    tally.slowestStartMs = Math.max(tally.slowestStartMs, Math.round(server.startMs));
  }
}

function filesUnder(directory) {
  if (!existsSync(directory)) return [];
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

let code = 1;
try {
  await Promise.all([kill(), ...Array.from({ length: atOnce }, work)]);
  const seconds = Number(((performance.now() - startedAt) / 1_000).toFixed(1));
  const faults = server.faults();
  if (faults.length > 0) broken.push(`the server logged: ${faults[0]}`);
  // What a kill leaves half-written is removed by the next start.
  await server.kill('SIGTERM');
  server = await startServer(dataDirectory, SMALL);
  const artifacts = join(dataDirectory, 'artifacts');
  const leftOver = () => filesUnder(artifacts).filter((file) => !sentAgain.has(basename(file)));
  for (let round = 0; round < 300 && leftOver().length > 0; round++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const left = leftOver();
  if (left.length > 0) broken.push(`${left.length} files are left over, such as ${left[0]}`);
  console.log(JSON.stringify({ summary: true, uploads, ...tally, seconds, broken }));
  code = broken.length === 0 && tally.equal === uploads ? 0 : 1;
} catch (error) {
  console.error(error);
} finally {
  await server.kill('SIGTERM');
  rmSync(dataDirectory, { recursive: true, force: true, maxRetries: 5 });
}
process.exit(code);

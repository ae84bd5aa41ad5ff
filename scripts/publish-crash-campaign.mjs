// `npm run campaign:publish`: kills a real server with SIGKILL at each step of a publish and starts it again: the
// version is then READY or REFUSED with a reason, never half there, and no bytes are left without a row. Then 50 parallel
// publishes of one model. One JSON line per step, then a summary; exit code 1 when a rule is broken.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { lastingKey, newTenant, succeed, upload } from './crash/api.mjs';
import { startServer } from './crash/server.mjs';
import { checkBytes, checkVersions, untilEnded } from './publish-crash/checks.mjs';
import { ownDatabaseUrl, watchDatabase } from './publish-crash/database.mjs';
import { denseModel } from './publish-crash/models.mjs';
import { publishInParallel } from './publish-crash/parallel.mjs';
import { STEPS } from './publish-crash/steps.mjs';

const { values } = parseArgs({
  options: {
    steps: { type: 'string', default: [...Object.keys(STEPS), 'three-times'].join(',') },
    // `own`: the PostgreSQL that the server keeps, which dies with it; `outside`: one that goes on.
    databases: { type: 'string', default: 'own,outside' },
    rounds: { type: 'string', default: '1' },
    parallel: { type: 'string', default: '50' },
    // From when the server is back until the publication has ended. Less than a lease, which must not be waited for.
    'within-ms': { type: 'string', default: '14000' },
  },
});
const steps = values.steps.split(',').filter((step) => step !== '');
const databases = values.databases.split(',');
const [rounds, parallel, withinMs] = [values.rounds, values.parallel, values['within-ms']].map(Number);
const unknown = steps.filter((step) => step !== 'three-times' && !Object.hasOwn(STEPS, step));
if (unknown.length > 0 || databases.some((name) => name !== 'own' && name !== 'outside')) {
  console.error(`Steps are ${Object.keys(STEPS).join(', ')} and three-times; databases are own and outside.`);
  process.exit(2);
}

const cleanUps = [];
async function end(code) {
  clearTimeout(deadline);
  for (const cleanUp of cleanUps.splice(0).reverse()) {
    await (async () => cleanUp())().catch((error) => console.error(error));
  }
  process.exit(code);
}
/** Bounded in time: what hangs is a defect too, and leaves nothing behind. */
const deadline = setTimeout(
  () => {
    console.log(JSON.stringify({ summary: true, broken: ['the campaign did not end in time'] }));
    void end(1);
  },
  300_000 + rounds * databases.length * steps.length * 60_000 + parallel * 10_000,
);
process.on('unhandledRejection', (error) => {
  console.error(error);
  void end(1);
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => void end(130));

function temporaryFolder(name) {
  const folder = mkdtempSync(join(tmpdir(), `souk-${name}-`));
  cleanUps.push(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

async function outsideDatabase() {
  const { EmbeddedPostgres } = await import('../dist/database/index.js');
  const { createLogger } = await import('../dist/lib/logger.js');
  const postgres = new EmbeddedPostgres({
    dataDirectory: temporaryFolder('publish-postgres'),
    logger: createLogger('error'),
  });
  await postgres.start();
  cleanUps.push(() => postgres.stop());
  return postgres.connectionString;
}

/** A server that is killed and started again on the same data, with a tenant and a model of one version. */
async function openStage(kind) {
  const dataDirectory = temporaryFolder('publish');
  const url = kind === 'own' ? null : await outsideDatabase();
  const environment = {
    // Workers that are processes can be stopped from outside, and one is enough.
    INFERENCE_ISOLATION: 'process',
    INFERENCE_WORKERS: '1',
    INFERENCE_RUNTIMES: 'tfjs-wasm',
    ...(url === null
      ? {}
      : { DATABASE_URL: url, JWT_SECRET: 'a secret of the campaign, which is long enough for it' }),
  };
  const stage = { kind, dataDirectory };
  async function start() {
    stage.server = await startServer(dataDirectory, environment);
    stage.url = stage.server.url;
    stage.pid = stage.server.pid;
    stage.database = await watchDatabase(url ?? ownDatabaseUrl(dataDirectory));
  }
  cleanUps.push(async () => {
    // One that is just starting would be left behind.
    await stage.starting.catch(() => undefined);
    await stage.server?.kill('SIGTERM');
  });
  stage.starting = start();
  await stage.starting;
  const tenant = await newTenant(stage.url);
  stage.token = await lastingKey(stage.url, tenant.token);
  stage.newModel = async () => {
    const name = `m${Math.random().toString(36).slice(2, 10)}`;
    const { model } = await succeed(stage.url, stage.token, 'createModel', 'model { id }', { name });
    stage.modelId = model.id;
  };
  stage.killAndRestart = async () => {
    await stage.server.kill('SIGKILL');
    await stage.database.end();
    stage.starting = start();
    await stage.starting;
    return performance.now();
  };
  return stage;
}

async function publish(stage, uploadId) {
  const { version } = await succeed(stage.url, stage.token, 'publishVersion', 'version { id number }', {
    modelId: stage.modelId,
    uploadId,
    waitMs: 60_000,
  });
  return version;
}

async function playStep(stage, step) {
  const times = step === 'three-times' ? 3 : 1;
  let reached = null;
  let backAt = 0;
  if (times === 1) {
    reached = await STEPS[step](stage);
    backAt = await stage.killAndRestart();
  } else {
    reached = await STEPS.STARTING(stage);
    backAt = await stage.killAndRestart();
    for (let i = 1; i < times; i++) backAt = await stage.killInTheMiddle(reached.publicationId, i + 1);
    reached = { ...reached, expects: 'REFUSED', hit: `begun ${times} times` };
  }
  const broken = [];
  const facts = {};
  if (reached.publicationId !== undefined) {
    const row = await untilEnded(stage.database, reached.publicationId);
    facts.endedMs = Math.round(performance.now() - backAt);
    facts.readyMs = Math.round(stage.server.startMs);
    facts.attempts = row.attempts;
    const expected = reached.expects === 'READY' ? 'SUCCEEDED' : 'REFUSED';
    if (row.status !== expected) broken.push(`it is ${row.status} (${row.refusal_message}), not ${expected}`);
    if (row.status === 'REFUSED' && !row.refusal_message) broken.push('it is refused without a reason');
    if (facts.endedMs > withinMs) broken.push(`it ended ${facts.endedMs} ms after the server was back`);
  }
  // An upload that was answered is there, and one that was asked for in vain may be asked for again.
  if (reached.expects === 'UPLOAD') await publish(stage, reached.uploadId);
  await untilIdle(stage);
  broken.push(...(await checkBytes(stage)), ...(await checkVersions(stage)));
  // The next one gets the next number.
  const before = await countVersions(stage);
  const next = await publish(stage, await upload(stage.url, stage.token, denseModel()));
  if (next.number !== before + 1) broken.push(`after ${before} versions came number ${next.number}`);
  broken.push(...(await checkVersions(stage)));
  return { database: stage.kind, step, hit: reached.hit ?? step, ...facts, versions: next.number, broken };
}

async function countVersions({ database, modelId }) {
  const [row] = await database.rows('SELECT count(*)::int AS n FROM versions WHERE model_id = $1', [modelId]);
  return row.n;
}

/** Those that ran beside the one that was watched come to their end too. */
async function untilIdle({ database }) {
  const open = await database.rows("SELECT id FROM publications WHERE status IN ('QUEUED', 'RUNNING')");
  for (const { id } of open) await untilEnded(database, id);
}

try {
  const results = [];
  for (const kind of databases) {
    const stage = await openStage(kind);
    const { killInTheMiddle } = await import('./publish-crash/again.mjs');
    stage.killInTheMiddle = (id, attempt) => killInTheMiddle(stage, id, attempt);
    for (let round = 1; round <= rounds; round++) {
      // All that is published of one round goes to one model: the numbers tell.
      await stage.newModel();
      for (const step of steps) {
        const result = await playStep(stage, step).catch((error) => ({
          database: kind,
          step,
          broken: [String(error.stack ?? error)],
        }));
        results.push(result);
        console.log(JSON.stringify(result));
      }
    }
    if (parallel > 0) {
      await stage.newModel();
      const result = await publishInParallel(stage, parallel);
      result.broken.push(...(await checkBytes(stage)), ...(await checkVersions(stage)));
      results.push({ database: kind, step: `${parallel} parallel`, ...result });
      console.log(JSON.stringify(results.at(-1)));
    }
    const faults = stage.server.faults();
    if (faults.length > 0)
      results.push({ step: 'log', broken: [`the server logged an error: ${faults[0]}`] });
    await stage.database.end();
    await stage.server.kill('SIGTERM');
  }
  const broken = results.flatMap(({ database, step, broken: lines }) =>
    lines.map((line) => `${database} ${step}: ${line}`),
  );
  const summary = {
    summary: true,
    kills: results.filter(({ hit }) => hit !== undefined).length,
    largestEndedMs: Math.max(0, ...results.map(({ endedMs }) => endedMs ?? 0)),
    broken,
  };
  console.log(JSON.stringify(summary));
  await end(broken.length === 0 ? 0 : 1);
} catch (error) {
  console.error(error);
  await end(1);
}

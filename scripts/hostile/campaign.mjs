// The campaign itself: one server, one attacker, one honest neighbour; every file in turn, and what it left behind.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ask, newKey, newTenant, sendFile, succeed } from '../crash/api.mjs';
import { startServer } from '../crash/server.mjs';
import { layBait } from './bait.mjs';
import { startProbe } from './probe.mjs';
import { changesBetween, holds, residentBytes, snapshot } from './watch.mjs';

const { HOSTILE_CORPUS, outcomeProblem } = await import('../../test/support/hostile/corpus.ts');

const MAX_VERDICT_MS = 30_000;
const MAX_GROWTH_BYTES = 50 * 2 ** 20;
const REMOVED_WITHIN_MS = 5_000;
/** More before a long campaign: what the server takes while it warms up is not the files' doing. */
const warmUpFor = (files) => (files.length > 20 ? 1_000 : 200);
const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
/** Belong to the server or to the tools around it. */
const OF_ITS_OWN = new Set(['node_modules', '.git', '.cache', '.data']);

const PUBLISH = `mutation ($input: PublishVersionInput!) { publishVersion(input: $input) {
  version { id } publication { id status refusal { reason subject message } }
  errors { code message ... on ImportRefusedError { reason subject } } } }`;

/** Publishes bytes, and answers what became of them with everything that the server said. */
async function publish(url, token, modelId, bytes) {
  const startedAt = performance.now();
  const { status, body } = await sendFile(url, token, bytes);
  const uploadedAt = performance.now();
  const uploadMs = Math.round(uploadedAt - startedAt);
  // What is refused at the door has no import; an empty file is.
  if (status !== 201) {
    const { code, message } = body.error;
    const found = { kind: 'refused', atUpload: true, code, subject: null, message };
    return { answer: body, uploadMs, verdictMs: uploadMs, found };
  }
  const uploadId = body.upload.id;
  const answer = await ask(url, token, PUBLISH, { input: { modelId, uploadId, waitMs: 90_000 } }, 120_000);
  const payload = answer.data?.publishVersion;
  const error = payload?.errors[0];
  return {
    answer,
    uploadMs,
    verdictMs: Math.round(performance.now() - uploadedAt),
    found:
      payload?.version != null
        ? { kind: 'accepted' }
        : {
            kind: 'refused',
            code: error?.reason ?? error?.code ?? 'NO_ANSWER',
            subject: error?.subject ?? null,
            message: error?.message ?? JSON.stringify(answer).slice(0, 300),
          },
  };
}

/**
 * @param {{only?: RegExp, onFile?: (row: object) => void, watchesRepository?: boolean}} options `watchesRepository`: not while other tests run, which plant files in it
 * @returns {Promise<object>} the summary; `broken` is empty when every rule held
 */
export async function runCampaign({ only = /./, onFile = () => undefined, watchesRepository = true }) {
  const files = HOSTILE_CORPUS.filter(({ name }) => only.test(name));
  const dataDirectory = mkdtempSync(join(tmpdir(), 'souk-hostile-'));
  const trap = await layBait();
  const broken = [];
  let server = null;
  const end = () => {
    void server?.kill('SIGTERM').finally(() => {
      rmSync(dataDirectory, { recursive: true, force: true });
      process.exit(130);
    });
  };
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, end);
  try {
    await trap.tryOut();
    server = await startServer(dataDirectory, {});
    const { url } = server;
    const attacker = await newTenant(url);
    const neighbour = await newTenant(url);
    // A session would end before the campaign does.
    const { secret: token } = await succeed(url, attacker.token, 'createApiKey', 'secret', {
      name: 'attacker',
      scopes: ['MODEL_READ', 'MODEL_WRITE', 'VERSION_PUBLISH'],
    });
    const key = await newKey(url, neighbour.token, 1_000_000);
    const { data: info } = await ask(
      url,
      null,
      '{ serverInfo { importWalls { filesHidden processesHidden networkCutOff environmentHidden privilegesDropped } } }',
    );
    const neighbourOf = { url, secret: key.secret, versionId: neighbour.versionId };
    await warmUp(neighbourOf, warmUpFor(files));

    const store = () => snapshot([dataDirectory], new Set([join(dataDirectory, 'postgres')]));
    const outside = () => snapshot([...(watchesRepository ? [root] : []), trap.directory], OF_ITS_OWN);
    // Reading the bait moves no time that counts here; writing it would.
    let stored = store();
    const outsideBefore = outside();
    const restingBytes = residentBytes(server.pid);
    const probe = startProbe(neighbourOf);
    const rows = [];
    let peakBytes = restingBytes;
    for (const file of files) {
      const { model } = await succeed(url, token, 'createModel', 'model { id }', {
        name: `m${rows.length}`,
      });
      const bytes = await file.make(trap.bait);
      const { answer, found, verdictMs, uploadMs } = await publish(url, token, model.id, bytes);
      const row = {
        name: file.name,
        bytes: bytes.length,
        code: found.code ?? 'accepted',
        verdictMs,
        uploadMs,
        broken: [],
      };
      const say = (line) => row.broken.push(line);

      const problem = found.atUpload
        ? refusedAtUpload(file.outcome, found)
        : outcomeProblem(file.outcome, found);
      if (problem !== null) say(problem);
      if (verdictMs > MAX_VERDICT_MS) say(`the verdict took ${verdictMs} ms`);
      for (const what of trap.touched()) say(what);
      if (JSON.stringify(answer).includes(trap.secret)) say('the secret is in the answer');
      let storedNow = store();
      const addedTo = (now) => [...now.keys()].filter((path) => !stored.has(path));
      let added = addedTo(storedNow);
      // The verdict is given first, then the bytes are removed.
      for (let i = 0; found.kind === 'refused' && added.length > 0 && i < REMOVED_WITHIN_MS / 50; i++) {
        await sleep(50);
        storedNow = store();
        added = addedTo(storedNow);
      }
      if (found.kind === 'refused' && added.length > 0) say(`it left ${added.join(', ')}`);
      for (const path of added) if (await holds(path, trap.secret)) say(`the secret is in ${path}`);
      stored = storedNow;
      const nowBytes = residentBytes(server.pid);
      peakBytes = Math.max(peakBytes, nowBytes);
      row.memoryMib = Math.round((nowBytes - restingBytes) / 2 ** 20);
      broken.push(...row.broken.map((line) => `${file.name}: ${line}`));
      rows.push(row);
      onFile(row);
    }
    const neighbourWas = await probe.stop();
    const log = server.log();
    const say = (line) => broken.push(line);
    if (neighbourWas.errors.length > 0)
      say(`the neighbour saw ${neighbourWas.errors.length} errors: ${neighbourWas.errors[0]}`);
    const changed = changesBetween(outsideBefore, outside());
    // The access times of the bait are set by us, which moves its change time.
    const foreign = changed.filter((path) => path !== trap.bait.path);
    if (foreign.length > 0) say(`changed outside: ${foreign.slice(0, 5).join(', ')}`);
    if (log.includes(trap.secret)) say('the secret is in the log');
    if (/[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]/.test(log))
      say('control characters are in the log');
    const faults = server.faults();
    if (faults.length > 0) say(`the server logged errors: ${faults[0]}`);
    const endBytes = await settledBytes(server.pid, restingBytes);
    if (endBytes - restingBytes > MAX_GROWTH_BYTES)
      say(`the server grew by ${Math.round((endBytes - restingBytes) / 2 ** 20)} MiB`);
    const { data: after } = await ask(url, null, '{ serverInfo { version } }');
    if (after?.serverInfo === undefined) say('the server does not answer any more');
    const count = (kind) => rows.filter(({ code }) => (code === 'accepted') === (kind === 'accepted')).length;
    return {
      files: rows.length,
      refused: count('refused'),
      accepted: count('accepted'),
      walls: info.serverInfo.importWalls,
      slowestVerdictMs: Math.max(0, ...rows.map(({ verdictMs }) => verdictMs)),
      neighbour: { ...neighbourWas, errors: neighbourWas.errors.length },
      serverMib: { resting: mib(restingBytes), peak: mib(peakBytes), end: mib(endBytes) },
      broken,
    };
  } finally {
    // The process that was started is the one that answered: had it died, it would not have been started again.
    const ended = await server?.kill('SIGTERM').catch(() => null);
    if (server !== null && ended?.code !== 0) broken.push(`the server ended with ${ended?.code}`);
    for (const signal of ['SIGINT', 'SIGTERM']) process.off(signal, end);
    await trap.remove();
    rmSync(dataDirectory, { recursive: true, force: true, maxRetries: 5 });
  }
}

function refusedAtUpload(outcome, { status, message }) {
  const isExpected = outcome.kind === 'refused' && message.includes(outcome.names);
  return isExpected ? null : `its upload was refused with ${status}: ${message}`;
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const mib = (bytes) => Math.round(bytes / 2 ** 20);

async function warmUp(neighbour, predictions) {
  const { predict } = await import('../crash/api.mjs');
  for (let i = 0; i < predictions; i++) {
    const { outcome, code } = await predict(neighbour.url, neighbour.secret, neighbour.versionId);
    if (outcome !== 'ok') throw new Error(`The neighbour cannot predict: ${code}.`);
  }
}

/** Memory once what was let go has been given back, or after a while. */
async function settledBytes(pid, restingBytes) {
  let bytes = residentBytes(pid);
  for (let i = 0; i < 50 && bytes - restingBytes > MAX_GROWTH_BYTES; i++) {
    await sleep(200);
    bytes = residentBytes(pid);
  }
  return bytes;
}

// Every step of a publish at which the server may die, and how it is brought to just there: by a lock in the database
// that it needs next, or by stopping the processes that work for it. Nothing in the server knows of this.
import { readdirSync, readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { ask, upload } from '../crash/api.mjs';
import { digestLock, digestOf, writesTo } from './database.mjs';
import { denseModel, noModel } from './models.mjs';
import { importChildren, signalAll, workerChildren } from './processes.mjs';

const WITHIN_MS = 30_000;
/** What an import says of itself, in order. */
const PHASES = ['STARTING', 'READING', 'CHECKING', 'CONVERTING', 'TRYING', 'WARMING', 'STORING'];
/** Weights of 8 MB: its phases last long enough to be seen. */
const LARGE_SIDE = 1_400;

export async function until(condition, what, withinMs = WITHIN_MS) {
  const deadline = performance.now() + withinMs;
  while (performance.now() < deadline) {
    const found = await condition();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  throw new Error(`It did not come to this: ${what}`);
}

const PUBLISH = `mutation ($input: PublishVersionInput!) { publishVersion(input: $input) {
  publication { id } errors { code message } } }`;

/** Asks for a publication and does not wait for its end. Answers its id. */
async function begin({ url, token, modelId }, uploadId) {
  const { data } = await ask(url, token, PUBLISH, { input: { modelId, uploadId, waitMs: 0 } });
  return data.publishVersion.publication.id;
}

/** Sends a request whose answer will never come. */
function lost(promise) {
  promise.catch(() => undefined);
}

/** The row as soon as it is in this phase or a later one, with whatever imports stopped where it is. */
async function reachPhase({ database, pid }, id, phase) {
  const row = await until(async () => {
    const found = await database.publication(id);
    return PHASES.indexOf(found.phase) >= PHASES.indexOf(phase) || found.finished_at !== null ? found : null;
  }, phase);
  signalAll(importChildren(pid), 'SIGSTOP');
  return row;
}

/** In a phase of the import itself: some are over in a millisecond, then a later one is what was hit. */
function inPhase(phase) {
  return async (stage) => {
    const uploadId = await upload(stage.url, stage.token, denseModel(LARGE_SIDE));
    const publicationId = await begin(stage, uploadId);
    await reachPhase(stage, publicationId, phase);
    const hit = (await stage.database.publication(publicationId)).phase;
    return { publicationId, expects: 'READY', hit };
  };
}

/** Stops the workers, so that the new version cannot be warmed, and answers its pack's digest. */
async function holdAtWarming(stage, file) {
  const uploadId = await upload(stage.url, stage.token, file);
  signalAll(workerChildren(stage.pid), 'SIGSTOP');
  const publicationId = await begin(stage, uploadId);
  await until(async () => (await stage.database.publication(publicationId)).phase === 'WARMING', 'WARMING');
  const imports = join(stage.dataDirectory, 'imports');
  const work = readdirSync(imports).find((name) => name.startsWith(`${publicationId}-`));
  const packDigest = digestOf(readFileSync(join(imports, work, 'model.pack')));
  return { publicationId, packDigest };
}

/** While it stores the version, at the statement that needs the lock. */
function whileStoring(lockOf) {
  return async (stage) => {
    const { publicationId, packDigest } = await holdAtWarming(stage, denseModel());
    await stage.database.hold(lockOf({ packDigest, modelId: stage.modelId }));
    signalAll(workerChildren(stage.pid), 'SIGCONT');
    await until(async () => (await stage.database.waiting()) > 0, 'waiting for the lock');
    return { publicationId, expects: 'READY', packDigest };
  };
}

/** An upload that never gets an answer, held where it needs the lock. */
function whileReceiving(lockOf) {
  return async (stage) => {
    const bytes = denseModel();
    await stage.database.hold(lockOf(digestOf(bytes)));
    lost(upload(stage.url, stage.token, bytes));
    await until(async () => (await stage.database.waiting()) > 0, 'waiting for the lock');
    return { expects: 'NOTHING', digest: digestOf(bytes) };
  };
}

/** The refusal of a file that is no model, held where it needs the lock. */
function whileRefusing(lockOf, hasEnded) {
  return async (stage) => {
    const bytes = noModel();
    const uploadId = await upload(stage.url, stage.token, bytes);
    const publicationId = await begin(stage, uploadId);
    await reachPhase(stage, publicationId, 'STARTING');
    await stage.database.hold(lockOf(digestOf(bytes)));
    signalAll(importChildren(stage.pid), 'SIGCONT');
    await until(async () => {
      const { finished_at: finishedAt } = await stage.database.publication(publicationId);
      return (await stage.database.waiting()) > 0 && (finishedAt !== null) === hasEnded;
    }, 'waiting for the lock');
    return { publicationId, expects: 'REFUSED', digest: digestOf(bytes) };
  };
}

/** Each brings the server to its step and says what must have become of it in the end. */
export const STEPS = {
  'upload-arriving': async (stage) => {
    const bytes = denseModel(LARGE_SIDE);
    const body = request(`${stage.url}/uploads`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${stage.token}`, 'content-length': bytes.length },
    });
    body.on('error', () => undefined);
    body.write(bytes.subarray(0, bytes.length / 2));
    const folder = join(stage.dataDirectory, 'artifacts', 'tmp');
    await until(() => readdirSync(folder).length > 0, 'a temporary file');
    return { expects: 'NOTHING' };
  },
  'upload-complete-without-name': whileReceiving((digest) => digestLock(digest)),
  'upload-named-without-row': whileReceiving(() => writesTo('uploads')),
  'upload-answered': async (stage) => {
    const uploadId = await upload(stage.url, stage.token, denseModel());
    return { uploadId, expects: 'UPLOAD' };
  },
  'publish-asked': async (stage) => {
    const uploadId = await upload(stage.url, stage.token, denseModel());
    await stage.database.hold(writesTo('publications'));
    lost(begin(stage, uploadId));
    await until(async () => (await stage.database.waiting()) > 0, 'waiting for the lock');
    return { uploadId, expects: 'UPLOAD' };
  },
  queued: async (stage) => {
    // As many as are imported at one time are stopped; the next one waits for its turn.
    for (let i = 0; i < 2; i++) {
      const running = await begin(stage, await upload(stage.url, stage.token, denseModel()));
      await reachPhase(stage, running, 'STARTING');
    }
    const publicationId = await begin(stage, await upload(stage.url, stage.token, denseModel()));
    const { status } = await stage.database.publication(publicationId);
    return { publicationId, expects: 'READY', hit: status };
  },
  STARTING: inPhase('STARTING'),
  READING: inPhase('READING'),
  CHECKING: inPhase('CHECKING'),
  CONVERTING: inPhase('CONVERTING'),
  TRYING: inPhase('TRYING'),
  WARMING: async (stage) => ({ ...(await holdAtWarming(stage, denseModel())), expects: 'READY' }),
  'pack-without-name': whileStoring(({ packDigest }) => digestLock(packDigest)),
  'pack-named-without-number': whileStoring(({ modelId }) => [
    'SELECT 1 FROM models WHERE id = $1 FOR UPDATE',
    [modelId],
  ]),
  'number-without-version': whileStoring(() => writesTo('versions')),
  'version-not-committed': whileStoring(() => writesTo('audit_events')),
  committed: async (stage) => {
    const publicationId = await begin(stage, await upload(stage.url, stage.token, denseModel()));
    await until(
      async () => (await stage.database.publication(publicationId)).finished_at !== null,
      'its end',
    );
    return { publicationId, expects: 'READY' };
  },
  'refusal-not-committed': whileRefusing(() => writesTo('audit_events'), false),
  'refused-with-bytes': whileRefusing((digest) => digestLock(digest), true),
};

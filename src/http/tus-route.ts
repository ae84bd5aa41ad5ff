/**
 * Resumable uploads: tus 1.0 at `/uploads`, by `@tus/server`, with what it leaves out: checksums, joining
 * parts, the statuses that the protocol names, and our form of errors.
 */
import { Server, type Lock, type ServerOptions } from '@tus/server';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { TenantActor } from '../domain/access/index.js';
import { uploadOf, type Transfer, type Transfers } from '../domain/versions/index.js';
import type { Refusal } from '../lib/result.js';
import { digestField } from './body-digest.js';
import { watchCredential } from './credential-watch.js';
import { sendError } from './errors.js';
import { authenticateInTenant, sendRefusal, type Authenticate } from './refusal-reply.js';
import { TusDataStore, TusRefused } from './tus-data-store.js';
import { CHECKSUM_ALGORITHMS, idInUrl, readTusRequest, TUS_VERSION, type TusRequest } from './tus-request.js';
import { readBody, type BodyTimes } from './upload-body.js';

export interface TusDeps {
  readonly authenticate: Authenticate;
  readonly versions: Transfers;
  readonly maxUploadBytes: number;
  readonly bodyTimes: BodyTimes;
  /** Says `100 Continue` to a sender that waits for it. */
  readonly sayContinue: (request: FastifyRequest, reply: FastifyReply) => void;
}

const PATH = '/uploads';
const EXTENSIONS =
  'creation,creation-with-upload,creation-defer-length,checksum,expiration,termination,concatenation';
/** What `@tus/server` is told of the request; what proxies add is not its concern. */
const PASSED_HEADERS = [
  ...['tus-resumable', 'upload-offset', 'upload-length', 'upload-defer-length', 'upload-metadata'],
  ...['content-type', 'content-length'],
];

/** Answers any tus request. `uploadId`: `null` for the collection. */
export async function answerTus(
  deps: TusDeps,
  request: FastifyRequest,
  reply: FastifyReply,
  uploadId: string | null,
): Promise<FastifyReply> {
  void reply.header('tus-resumable', TUS_VERSION);
  const said = readTusRequest(request.method, request.headers);
  if (!said.ok) {
    if (said.error.status === 412) void reply.header('tus-version', TUS_VERSION);
    return sendError(request, reply, said.error);
  }
  const tus = said.value;
  if (tus.method === 'OPTIONS') return answerOptions(deps, reply);
  if ((tus.method === 'POST') !== (uploadId === null)) {
    const message =
      'Uploads are created at /uploads, and continued, looked at or ended at the URL that they got.';
    return sendError(request, reply, { status: 405, code: 'METHOD_NOT_ALLOWED', message });
  }
  const actor = await authenticateInTenant(deps.authenticate, request);
  if (!actor.ok) return sendRefusal(request, reply, actor.error);
  if (tus.concat?.kind === 'final') return joinParts(deps, request, reply, actor.value, tus, tus.concat.urls);
  return passOn(deps, request, reply, actor.value, tus, uploadId);
}

function answerOptions({ maxUploadBytes }: TusDeps, reply: FastifyReply): FastifyReply {
  return reply
    .headers({
      'tus-version': TUS_VERSION,
      'tus-extension': EXTENSIONS,
      'tus-checksum-algorithm': CHECKSUM_ALGORITHMS.join(','),
      'tus-max-size': String(maxUploadBytes),
    })
    .code(204)
    .send();
}

async function joinParts(
  { versions }: TusDeps,
  request: FastifyRequest,
  reply: FastifyReply,
  actor: TenantActor,
  { metadata, sha256 }: TusRequest,
  urls: readonly string[],
): Promise<FastifyReply> {
  if (request.headers['upload-length'] !== undefined) {
    const message = 'Upload-Length is not sent with `Upload-Concat: final`: the parts say it.';
    return sendError(request, reply, { status: 400, code: 'INVALID_INPUT', message });
  }
  const parts = urls.map(idInUrl);
  const joined = await versions.joinTransfers(actor, { parts, metadata, expectedSha256: sha256 });
  if (!joined.ok) return refuseTus(request, reply, joined.error);
  void reply.header('location', `${PATH}/${joined.value.id}`);
  return describe(reply, joined.value).code(201).send();
}

/** Lets `@tus/server` do what the protocol says; only the bytes themselves go past it, straight into the file. */
async function passOn(
  deps: TusDeps,
  request: FastifyRequest,
  reply: FastifyReply,
  actor: TenantActor,
  tus: TusRequest,
  uploadId: string | null,
): Promise<FastifyReply> {
  const { 'content-length': contentLength, 'upload-length': length } = request.headers;
  const body = readBody(request.raw, deps.bodyTimes, () => deps.sayContinue(request, reply));
  const credential = watchCredential(deps.authenticate, request, actor);
  const store = new TusDataStore(deps.versions, {
    actor,
    isPart: tus.concat !== null,
    metadata: tus.metadata,
    sha256: tus.sha256,
    checksum: tus.checksum,
    contentLength: contentLength === undefined ? undefined : Number(contentLength),
    length: length === undefined ? null : Number(length),
    body,
    signal: AbortSignal.any([body.tooSlow, credential.signal]),
  });
  let failure: unknown = null;
  try {
    const server = new Server({ ...optionsFor(deps, store, tus, uploadId), datastore: store });
    server.options.onResponseError = (_request, error) => {
      failure = error;
      return undefined;
    };
    const response = await server.handleWeb(webRequest(request, tus, uploadId));
    if (response.status < 400) return await answer(reply, response, tus, store.latest);
    const refusal = credential.refusal() ?? (body.tooSlow.aborted ? TOO_SLOW : null);
    if (refusal !== null) return sendRefusal(request, reply, refusal);
    if (failure instanceof TusRefused) return refuseTus(request, reply, failure.refusal);
    // Not one of its own refusals, which are plain objects with a status: a fault of ours.
    if (failure instanceof Error && !('status_code' in failure)) throw failure;
    return sendError(request, reply, inOurWords(response.status, (await response.text()).trim()));
  } finally {
    credential.stop();
    body.release();
    await store.unlock();
  }
}

const TOO_SLOW: Refusal = {
  code: 'REQUEST_TIMEOUT',
  message: 'The body arrived too slowly. Ask for the offset (HEAD) and go on from there.',
};

function optionsFor(
  { maxUploadBytes }: TusDeps,
  store: TusDataStore,
  tus: TusRequest,
  uploadId: string | null,
): ServerOptions {
  return {
    path: PATH,
    relativeLocation: true,
    allowedOrigins: [],
    maxSize: maxUploadBytes,
    // Replaced by ours as soon as the upload exists.
    namingFunction: () => 'new',
    getFileIdFromRequest: () => uploadId ?? undefined,
    locker: {
      newLock: (id): Lock => ({
        // Looking and ending settle for themselves with whoever writes.
        lock: () => (tus.method === 'PATCH' ? lockForPatch(store, id) : Promise.resolve()),
        unlock: () => store.unlock(),
      }),
    },
  };
}

async function lockForPatch(store: TusDataStore, id: string): Promise<void> {
  await store.lock(id);
  if (store.latest?.role === 'JOINED') {
    throw new TusRefused({
      code: 'PERMISSION_DENIED',
      message: 'Nothing can be added to what was joined of parts.',
    });
  }
}

function webRequest(request: FastifyRequest, tus: TusRequest, uploadId: string | null): Request {
  const headers = new Headers();
  for (const name of PASSED_HEADERS) {
    const value = request.headers[name];
    if (typeof value === 'string' && value !== '') headers.set(name, value);
  }
  // `@tus/server` needs an absolute URL, but nothing of this one is shown.
  const url = `http://souk.invalid${PATH}${uploadId === null ? '' : `/${uploadId}`}`;
  return new Request(url, { method: tus.method, headers });
}

async function answer(
  reply: FastifyReply,
  response: Response,
  tus: TusRequest,
  transfer: Transfer | null,
): Promise<FastifyReply> {
  for (const [name, value] of response.headers) {
    if (!name.startsWith('access-control-') && name !== 'content-type') void reply.header(name, value);
  }
  if (transfer !== null) describe(reply, transfer);
  if (transfer !== null && tus.method === 'HEAD') {
    if (transfer.metadata !== null) void reply.header('upload-metadata', transfer.metadata);
    const parts = transfer.parts.map((id) => `${PATH}/${id}`).join(' ');
    if (transfer.role === 'JOINED') void reply.header('upload-concat', `final;${parts}`);
    if (transfer.role === 'PART') void reply.header('upload-concat', 'partial');
    if (transfer.finishedAt === null) void reply.header('upload-expires', transfer.expiresAt.toUTCString());
  }
  return reply.code(response.status).send();
}

/** What a finished transfer has become: its id for `publishVersion`, and its digest. */
function describe(reply: FastifyReply, transfer: Transfer): FastifyReply {
  const upload = uploadOf(transfer);
  if (upload !== null) {
    void reply.headers({ 'souk-upload-id': upload.id, 'repr-digest': digestField(upload.digest) });
  }
  return reply;
}

function refuseTus(request: FastifyRequest, reply: FastifyReply, refusal: Refusal): FastifyReply {
  if (refusal.code !== 'CHECKSUM_MISMATCH') return sendRefusal(request, reply, refusal);
  // tus has a status of its own for a piece with a wrong checksum.
  return sendError(request, reply, { ...refusal, status: 460 });
}

const CODES: Readonly<Record<number, string>> = {
  404: 'NOT_FOUND',
  409: 'CONFLICT',
  410: 'GONE',
  413: 'PAYLOAD_TOO_LARGE',
  415: 'UNSUPPORTED_MEDIA_TYPE',
};

/** Refusals of `@tus/server` itself: about headers, offsets and lengths, never about what somebody has. */
function inOurWords(status: number, message: string) {
  const code = CODES[status] ?? 'INVALID_INPUT';
  if (status === 409) {
    return { status, code, message: 'Upload-Offset is not where this upload is; ask for it with HEAD.' };
  }
  return { status, code, message: message.endsWith('.') ? message : `${message}.` };
}

/** `GET /uploads/ID`: the same facts as HEAD's, for people and scripts. */
export async function readUpload(
  { authenticate, versions }: Pick<TusDeps, 'authenticate' | 'versions'>,
  request: FastifyRequest,
  reply: FastifyReply,
  uploadId: string,
): Promise<FastifyReply> {
  const actor = await authenticateInTenant(authenticate, request);
  if (!actor.ok) return sendRefusal(request, reply, actor.error);
  const found = await versions.readTransfer(actor.value, uploadId);
  void reply.header('cache-control', 'no-store');
  if (!found.ok) return sendRefusal(request, reply, found.error);
  const { id, offset, length, digest, expiresAt } = found.value;
  return reply.send({
    upload: {
      id,
      isComplete: digest !== null,
      offset,
      bytes: length,
      sha256: digest,
      expiresAt: expiresAt.toISOString(),
    },
  });
}

/**
 * `PUT` or `POST /uploads`: the raw body, of any content type, streams past every parser into the store.
 * Who asks is checked before the first byte of the body is read. A POST that speaks tus creates a resumable
 * upload, which lives at `/uploads/ID`.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Transfers, VersionsService } from '../domain/versions/index.js';
import { announcedDigest } from './body-digest.js';
import { watchCredential } from './credential-watch.js';
import { authenticateInTenant, sendRefusal, type Authenticate } from './refusal-reply.js';
import { speaksTus } from './tus-request.js';
import { answerTus, readUpload, type TusDeps } from './tus-route.js';
import { DEFAULT_BODY_TIMES, readBody, type BodyTimes } from './upload-body.js';

export interface UploadRouteDeps {
  readonly authenticate: Authenticate;
  readonly versions: Pick<VersionsService, 'receiveUpload'> & Transfers;
  readonly maxUploadBytes: number;
  readonly bodyTimes?: BodyTimes;
}

type SayContinue = (request: IncomingMessage, response: ServerResponse) => void;

const PATH = '/uploads';
/** How long the rest of a refused body is read and thrown away, so that the sender gets to see the reply. */
const LINGER_MS = 3_000;

export async function registerUploadRoute(app: FastifyInstance, deps: UploadRouteDeps): Promise<void> {
  const sayContinue = deferContinue(app.server);
  const tus: TusDeps = {
    authenticate: deps.authenticate,
    versions: deps.versions,
    maxUploadBytes: deps.maxUploadBytes,
    bodyTimes: deps.bodyTimes ?? DEFAULT_BODY_TIMES,
    sayContinue: (request, reply) => sayContinue(request.raw, reply.raw),
  };
  await app.register((scope, _options, done) => {
    // In this scope nobody parses: whatever the content type, the stream is left as it comes.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, _payload, parsed) => parsed(null));
    scope.addHook('onRequest', (request, reply, next) => {
      reply.raw.once('finish', () => lingerThenClose(request.raw));
      next();
    });
    scope.route({
      method: ['PUT', 'POST', 'OPTIONS'],
      url: PATH,
      handler: (request, reply) =>
        request.method === 'OPTIONS' || (request.method === 'POST' && speaksTus(request.headers))
          ? answerTus(tus, request, reply, null)
          : receive(deps, sayContinue, request, reply),
    });
    scope.route<{ Params: { readonly uploadId: string } }>({
      method: ['HEAD', 'PATCH', 'DELETE', 'POST', 'OPTIONS', 'GET'],
      url: `${PATH}/:uploadId`,
      handler: (request, reply) =>
        request.method === 'GET'
          ? readUpload(deps, request, reply, request.params.uploadId)
          : answerTus(tus, request, reply, request.params.uploadId),
    });
    done();
  });
}

async function receive(
  deps: UploadRouteDeps,
  sayContinue: SayContinue,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const actor = await authenticateInTenant(deps.authenticate, request);
  if (!actor.ok) return sendRefusal(request, reply, actor.error);
  const encoding = request.headers['content-encoding'];
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
    const message = 'Compressed request bodies are not read; send the file as it is.';
    return sendRefusal(request, reply, { code: 'UNSUPPORTED_MEDIA_TYPE', message });
  }
  const digest = announcedDigest(request.headers);
  if (!digest.ok) return sendRefusal(request, reply, digest.error);

  const length = request.headers['content-length'];
  const body = readBody(request.raw, deps.bodyTimes ?? DEFAULT_BODY_TIMES, () =>
    sayContinue(request.raw, reply.raw),
  );
  const credential = watchCredential(deps.authenticate, request, actor.value);
  try {
    const received = await deps.versions.receiveUpload(actor.value, body.chunks, {
      expectedSha256: digest.value,
      // Node's parser lets nothing but digits through, and refuses a length beside a chunked body.
      contentLength: length === undefined ? undefined : Number(length),
      signal: AbortSignal.any([body.tooSlow, credential.signal]),
    });
    if (received.ok) {
      const { id, digest: sha256, bytes, expiresAt } = received.value;
      return await reply
        .code(201)
        .send({ upload: { id, sha256, bytes, expiresAt: expiresAt.toISOString() } });
    }
    const revoked = credential.refusal();
    if (revoked !== null) return sendRefusal(request, reply, revoked);
    if (body.tooSlow.aborted) {
      const message = 'The body arrived too slowly. Nothing of it was kept; send it again.';
      return sendRefusal(request, reply, { code: 'REQUEST_TIMEOUT', message });
    }
    return sendRefusal(request, reply, received.error);
  } finally {
    credential.stop();
    body.release();
  }
}

/**
 * Closing at once would reset the connection under a sender that still writes, and the reply would be lost.
 * So a bit of the rest is thrown away first; a sender that goes on regardless is cut.
 */
function lingerThenClose(request: IncomingMessage): void {
  if (request.complete || request.destroyed) return;
  const timer = setTimeout(() => request.socket.destroy(), LINGER_MS);
  request.once('close', () => clearTimeout(timer));
  request.resume();
}

/**
 * Node says `100 Continue` before anybody has looked at the request. With uploads the sender is told only
 * when the body is wanted, so that one without a right to send need not send two gigabytes. The returned
 * function says it, to a request that waits for it.
 */
function deferContinue(server: Server): SayContinue {
  const expecting = new WeakSet<IncomingMessage>();
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    if (isUpload(request)) expecting.add(request);
    else response.writeContinue();
    server.emit('request', request, response);
  });
  return (request, response) => {
    if (expecting.delete(request)) response.writeContinue();
  };
}

function isUpload(request: IncomingMessage): boolean {
  return request.url !== undefined && /^\/uploads(?:[/?]|$)/.test(request.url);
}

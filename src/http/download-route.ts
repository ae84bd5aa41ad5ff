/** `GET` and `HEAD /artifacts/:versionId`: the artifact of a version as it was uploaded. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { ArtifactDownload, VersionsService } from '../domain/versions/index.js';
import { digestField } from './body-digest.js';
import { parseRange } from './byte-range.js';
import { sendError } from './errors.js';
import { authenticateInTenant, sendRefusal, type Authenticate } from './refusal-reply.js';

export interface DownloadRouteDeps {
  readonly authenticate: Authenticate;
  readonly versions: Pick<VersionsService, 'openArtifact'>;
}

interface Params {
  readonly versionId: string;
}

export function registerDownloadRoute(app: FastifyInstance, deps: DownloadRouteDeps): void {
  app.route<{ Params: Params }>({
    method: ['GET', 'HEAD'],
    url: '/artifacts/:versionId',
    handler: async (request, reply) => {
      const actor = await authenticateInTenant(deps.authenticate, request);
      if (!actor.ok) return sendRefusal(request, reply, actor.error);
      const artifact = await deps.versions.openArtifact(actor.value, request.params.versionId);
      if (!artifact.ok) return sendRefusal(request, reply, artifact.error);
      return answer(request, reply, artifact.value);
    },
  });
}

async function answer(request: FastifyRequest, reply: FastifyReply, artifact: ArtifactDownload) {
  const etag = `"${artifact.digest}"`;
  void reply.headers({
    etag,
    'repr-digest': digestField(artifact.digest),
    'accept-ranges': 'bytes',
    // The bytes never change, but whether one may have them does: ask again each time.
    'cache-control': 'private, no-cache',
    vary: 'authorization, souk-tenant',
  });
  if (namesEtag(request.headers['if-none-match'], etag)) return reply.code(304).send();

  // `If-Range` with anything but this very artifact means: the whole, please.
  const ifRange = request.headers['if-range'];
  const range =
    ifRange === undefined || ifRange === etag ? parseRange(request.headers.range, artifact.bytes) : null;
  if (range === 'unsatisfiable') {
    void reply.header('content-range', `bytes */${artifact.bytes}`);
    const message = `The range lies outside of the ${artifact.bytes} bytes of this artifact.`;
    return sendError(request, reply, { status: 416, code: 'INVALID_INPUT', message });
  }
  void reply.headers({
    'content-type': 'application/octet-stream',
    'content-disposition': `attachment; filename="${artifact.fileName}"`,
    'x-content-type-options': 'nosniff',
    'content-length': range === null ? artifact.bytes : range.end - range.start + 1,
  });
  if (range !== null)
    void reply.code(206).header('content-range', `bytes ${range.start}-${range.end}/${artifact.bytes}`);
  if (request.method === 'HEAD') return reply.send();
  const checked = await artifact.check();
  if (!checked.ok) {
    for (const name of NOT_OF_A_REFUSAL) void reply.removeHeader(name);
    return sendRefusal(request, reply, checked.error);
  }
  return reply.send(await artifact.open(range ?? undefined));
}

/** What was said of bytes that are not given out after all. */
const NOT_OF_A_REFUSAL = [
  'etag',
  'repr-digest',
  'accept-ranges',
  'content-length',
  'content-disposition',
  'content-range',
  'content-type',
];

function namesEtag(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  return header.split(',').some((part) => part.trim() === '*' || part.trim().replace(/^W\//, '') === etag);
}

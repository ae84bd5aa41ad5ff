/** How JSON bodies are read: UTF-8 only, never compressed, never with keys that reach a prototype. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { isUtf8 } from 'node:buffer';
import { ClientError } from './errors.js';

const UTF8_NAMES: ReadonlySet<string> = new Set(['utf-8', 'utf8']);

/** Replaces Fastify's parsers by one for `application/json`; any other type is answered 415. */
export function registerJsonBody(app: FastifyInstance, options: { bodyLimitBytes: number }): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.removeAllContentTypeParsers();
  app.addContentTypeParser<Buffer>(
    ['application/json', 'application/graphql+json'],
    { parseAs: 'buffer', bodyLimit: options.bodyLimitBytes },
    (request, body, done) => {
      const problem = problemOf(request, body);
      if (problem === null) void parse(request, body.toString('utf8'), done);
      else done(problem);
    },
  );
}

function problemOf(request: FastifyRequest, body: Buffer): ClientError | null {
  const charset = /;\s*charset\s*=\s*"?([^";\s]+)"?/i.exec(request.headers['content-type'] ?? '')?.[1];
  if (charset !== undefined && !UTF8_NAMES.has(charset.toLowerCase())) {
    return new ClientError(415, `JSON is read as UTF-8; the charset "${charset.slice(0, 40)}" is not.`);
  }
  const encoding = request.headers['content-encoding'];
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
    return new ClientError(415, 'Compressed request bodies are not read; send the JSON as it is.');
  }
  if (!isUtf8(body)) return new ClientError(400, 'The request body is not valid UTF-8.');
  return null;
}

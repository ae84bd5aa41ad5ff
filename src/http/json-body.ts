/** How JSON bodies are read: UTF-8 only, never compressed, never with keys that reach a prototype. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { isUtf8 } from 'node:buffer';
import { ClientError } from './errors.js';
import { createLift, type LiftedBody } from './large-tensors.js';

const UTF8_NAMES: ReadonlySet<string> = new Set(['utf-8', 'utf8']);

/** Replaces Fastify's parsers by one for `application/json`; any other type is answered 415. */
export function registerJsonBody(app: FastifyInstance, options: { bodyLimitBytes: number }): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  const lift = createLift();
  app.removeAllContentTypeParsers();
  app.addContentTypeParser<Buffer>(
    ['application/json', 'application/graphql+json'],
    { parseAs: 'buffer', bodyLimit: options.bodyLimitBytes },
    (request, body, done) => {
      const problem = problemOf(request, body);
      if (problem !== null) return done(problem);
      const parsed = body.length < LARGE_BYTES ? undefined : parseLarge(body, lift);
      if (parsed === undefined) void parse(request, body.toString('utf8'), done);
      else done(null, parsed);
    },
  );
}

/** From here on, searching the text for keys that reach a prototype takes as long as parsing it. */
const LARGE_BYTES = 16 * 1024;

function parseLarge(body: Buffer, lift: (body: Buffer) => LiftedBody | null): unknown {
  const lifted = lift(body);
  if (lifted === null) return parseHarmless(body);
  const parsed = parseHarmless(lifted.rest);
  if (parsed === undefined || lifted.restore(parsed)) return parsed;
  return parseHarmless(body);
}

/**
 * A large body that cannot hold such a key, however it is spelled, parsed without that search. `undefined` when it may hold one,
 * or is not JSON: the checked parser then says what is wrong.
 */
function parseHarmless(body: Buffer): unknown {
  // Escapes of other characters than these keys have, such as the line breaks of a document, look different.
  if (['"__proto__"', '"constructor"', '\\u00'].some((suspect) => body.includes(suspect))) return undefined;
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}

function problemOf(request: FastifyRequest, body: Buffer): ClientError | null {
  const { 'content-type': type, 'content-encoding': encoding } = request.headers;
  const charset =
    type === 'application/json' ? undefined : /;\s*charset\s*=\s*"?([^";\s]+)"?/i.exec(type ?? '')?.[1];
  if (charset !== undefined && !UTF8_NAMES.has(charset.toLowerCase())) {
    return new ClientError(415, `JSON is read as UTF-8; the charset "${charset.slice(0, 40)}" is not.`);
  }
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
    return new ClientError(415, 'Compressed request bodies are not read; send the JSON as it is.');
  }
  if (!isUtf8(body)) return new ClientError(400, 'The request body is not valid UTF-8.');
  return null;
}

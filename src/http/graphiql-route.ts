/** GraphiQL from our own files, which `scripts/build-graphiql.mjs` puts into dist/graphiql. */
import fastifyStatic from '@fastify/static';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { builtEntry } from '../lib/built-entry.js';
import { GRAPHIQL_CSP } from './security-headers.js';

export interface GraphiqlPage {
  /** Answers with the page, or says that it was not built. */
  send(reply: FastifyReply): FastifyReply;
  route(app: FastifyInstance): Promise<void>;
}

export function createGraphiqlPage(): GraphiqlPage {
  const directory = fileURLToPath(builtEntry(import.meta.url, '../graphiql/'));
  const page = existsSync(`${directory}index.html`) ? readFileSync(`${directory}index.html`, 'utf8') : null;

  const send = (reply: FastifyReply) =>
    page === null
      ? reply.code(404).type('text/plain').send('GraphiQL was not built: run `npm run setup`.\n')
      : reply.header('content-security-policy', GRAPHIQL_CSP).type('text/html; charset=utf-8').send(page);

  return Object.freeze({
    send,
    route: async (app: FastifyInstance) => {
      app.get('/graphiql', (_request, reply) => send(reply));
      app.get('/', (_request, reply) => reply.redirect('/graphiql'));
      if (page === null) return;
      await app.register(fastifyStatic, {
        root: directory,
        prefix: '/graphiql/',
        // One route per file that was there at the start: no path of a client ever reaches the disk.
        wildcard: false,
        index: false,
        decorateReply: false,
        // The names carry a hash of the content.
        immutable: true,
        maxAge: '365d',
      });
    },
  });
}

import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HttpServer } from '../../../src/http/server.js';
import { openDoors } from './doors.js';

describe('GraphiQL', () => {
  let server: HttpServer;
  beforeAll(async () => {
    server = await openDoors();
  });
  afterAll(() => server.stop(100));

  const get = (url: string, accept = 'text/html,*/*') => server.app.inject({ url, headers: { accept } });

  it('opens for a browser at /graphiql, at /graphql, and from the root', async () => {
    const page = await get('/graphiql');
    expect(page.headers['content-type']).toBe('text/html; charset=utf-8');
    expect((await get('/graphql')).body).toBe(page.body);
    expect((await get('/')).headers.location).toBe('/graphiql');
  });

  it('does not open for a program at /graphql', async () => {
    expect((await get('/graphql', 'application/json')).headers['content-type']).toContain('application/json');
  });

  it('loads everything from this server, and allows nothing else', async () => {
    const page = await get('/graphiql');
    const links = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, url]) => url ?? '');
    const files = links.filter((url) => !url.startsWith('data:'));
    expect(files.length).toBeGreaterThanOrEqual(2);
    for (const url of files) {
      const file = await get(url);
      expect(url).toMatch(/^\/graphiql\/[\w.-]+-[A-Z0-9]{8}\.(js|css)$/);
      expect(file.statusCode).toBe(200);
      expect(file.headers['cache-control']).toContain('immutable');
    }
    const csp = String(page.headers['content-security-policy']);
    expect(csp).toContain("default-src 'none'");
    expect(csp).toContain("script-src 'self';");
    expect(csp).not.toMatch(/unsafe-eval|https?:|\*/);
  });

  it('starts its workers from files that are there', async () => {
    const { body } = await get('/graphiql');
    const script = (await get(/src="([^"]+)"/.exec(body)?.[1] ?? '')).body;
    const parts = [...script.matchAll(/"\.\/(chunk-[A-Z0-9]+\.js)"/g)].map(([, name]) => `/graphiql/${name}`);
    const texts = [script, ...(await Promise.all(parts.map(async (url) => (await get(url)).body)))];
    const workers = texts.flatMap((text) => text.match(/\/graphiql\/\w+\.worker-[A-Z0-9]+\.js/g) ?? []);
    expect(new Set(workers).size).toBe(3);
    for (const url of workers) expect((await get(url)).statusCode).toBe(200);
  });

  it('begins with a question that this server answers', async () => {
    const source = readFileSync(
      new URL('../../../src/dashboard/graphiql/first-query.js', import.meta.url),
      'utf8',
    );
    const query = /`([\s\S]+)`/.exec(source)?.[1] ?? '';
    const reply = await server.app.inject({
      method: 'POST',
      url: '/graphql',
      payload: { query, operationName: 'Hello' },
    });
    expect(reply.json()).toMatchObject({ data: { serverInfo: { version: '0.0.0' }, viewer: null } });
  });
});

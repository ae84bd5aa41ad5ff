import type { InjectOptions } from 'fastify';
import { GraphQLError } from 'graphql';
import { afterEach, describe, expect, it } from 'vitest';
import type { HttpServer } from '../../../src/http/server.js';
import { refuse } from '../../../src/lib/result.js';
import { openDoors, type DoorsOptions } from './doors.js';

const opened: HttpServer[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((server) => server.stop(100)));
});

async function open(options: DoorsOptions = {}) {
  const server = await openDoors(options);
  opened.push(server);
  return {
    server,
    send: (request: InjectOptions) => server.app.inject(request),
    ask: (query: string, variables?: object, headers: Record<string, string> = {}) =>
      server.app.inject({ method: 'POST', url: '/graphql', headers, payload: { query, variables } }),
  };
}

const json = { 'content-type': 'application/json' };

describe('a body', () => {
  it('over the limit is 413, with a code', async () => {
    const { send } = await open();
    const reply = await send({
      method: 'POST',
      url: '/graphql',
      headers: json,
      payload: JSON.stringify({ query: ' '.repeat(2 ** 20) }),
    });
    expect(reply.statusCode).toBe(413);
    expect(reply.json()).toMatchObject({
      errors: [
        { extensions: { code: 'PAYLOAD_TOO_LARGE', requestId: expect.stringMatching(/^req_/) as string } },
      ],
    });
  });

  it('of JSON nested 10,000 and 400,000 deep is 400, wherever the depth is', async () => {
    const { send, ask } = await open();
    for (const depth of [10_000, 400_000]) {
      const deep = `${'['.repeat(depth)}${']'.repeat(depth)}`;
      for (const payload of [deep, `{"query":"{__typename}","variables":{"a":${deep}}}`]) {
        const reply = await send({ method: 'POST', url: '/graphql', headers: json, payload });
        expect(reply.statusCode).toBe(400);
        expect(reply.json()).toHaveProperty('errors.0.extensions.code');
      }
    }
    expect((await ask('{ __typename }')).statusCode).toBe(200);
  });

  it.each([
    ['cut short', '{"query": "{ __type'],
    ['empty', ''],
    ['not UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
    ['a key that reaches the prototype', '{"query":"{__typename}","variables":{"__proto__":{"admin":true}}}'],
    [
      'a key that reaches the constructor',
      '{"query":"{__typename}","constructor":{"prototype":{"admin":true}}}',
    ],
    ['a list of operations', '[{"query":"{__typename}"},{"query":"{__typename}"}]'],
    ['no object', '"{ __typename }"'],
  ])('%s is 400 with a code', async (_what, payload) => {
    const { send } = await open();
    const reply = await send({ method: 'POST', url: '/graphql', headers: json, payload });
    expect(reply.statusCode).toBe(400);
    expect(reply.json()).toHaveProperty('errors.0.extensions.code');
    expect(({} as { admin?: boolean }).admin).toBeUndefined();
  });

  it.each([
    ['another charset', { 'content-type': 'application/json; charset=utf-7' }],
    ['UTF-16', { 'content-type': 'application/json; charset=utf-16le' }],
    ['text/plain', { 'content-type': 'text/plain' }],
    ['a form', { 'content-type': 'application/x-www-form-urlencoded' }],
    ['multipart', { 'content-type': 'multipart/form-data; boundary=x' }],
    ['gzip', { ...json, 'content-encoding': 'gzip' }],
    ['brotli', { ...json, 'content-encoding': 'br' }],
  ])('in %s is 415', async (_what, headers) => {
    const { send } = await open();
    const reply = await send({
      method: 'POST',
      url: '/graphql',
      headers,
      payload: '{"query":"{__typename}"}',
    });
    expect(reply.statusCode).toBe(415);
    expect(reply.json()).toMatchObject({ errors: [{ extensions: { code: 'UNSUPPORTED_MEDIA_TYPE' } }] });
  });

  it('in UTF-8 that says so is read', async () => {
    const { send } = await open();
    const headers = { 'content-type': 'application/json; charset=UTF-8' };
    const reply = await send({
      method: 'POST',
      url: '/graphql',
      headers,
      payload: '{"query":"{ __typename }"}',
    });
    expect(reply.json()).toEqual({ data: { __typename: 'Query' } });
  });
});

describe('a request', () => {
  it('gets an id of ours, whatever id it brings', async () => {
    const { send } = await open();
    const reply = await send({
      url: '/healthz',
      headers: { 'x-request-id': 'forged', 'request-id': 'forged' },
    });
    expect(reply.headers['x-request-id']).toMatch(/^req_[0-9a-z]{26}$/);
  });

  it('from another site is refused: a GET without a header that a form cannot send', async () => {
    const { send } = await open();
    const url = '/graphql?query={__typename}';
    expect((await send({ url })).statusCode).toBe(400);
    expect((await send({ url, headers: { 'apollo-require-preflight': 'true' } })).json()).toEqual({
      data: { __typename: 'Query' },
    });
  });

  it('cannot run a mutation by GET', async () => {
    const { send } = await open({ mutation: { signOut: () => ({ errors: [] }) } });
    const url = `/graphql?query=${encodeURIComponent('mutation { signOut(input: {}) { errors { code } } }')}`;
    expect((await send({ url, headers: { 'apollo-require-preflight': 'true' } })).statusCode).toBe(405);
  });

  it('to a path that does not exist gets JSON with a code and the request id', async () => {
    const { send } = await open();
    for (const url of [
      '/nothing',
      '/../etc/passwd',
      '/graphiql/../../package.json',
      '/graphiql/%2e%2e/%2e%2e/package.json',
      '/%zz',
    ]) {
      const reply = await send({ url });
      expect([400, 404]).toContain(reply.statusCode);
      const { error } = reply.json<{ error: { code: string; message: string; requestId: string } }>();
      expect(error.requestId).toBe(reply.headers['x-request-id'] ?? error.requestId);
      expect(error.code).toMatch(/^(NOT_FOUND|BAD_REQUEST)$/);
    }
  });

  it('gets the security headers on answers and on errors', async () => {
    const { send } = await open();
    for (const url of ['/healthz', '/nothing', '/graphql', '/graphiql']) {
      const { headers } = await send({ url });
      expect(headers['content-security-policy']).toContain("frame-ancestors 'none'");
      expect(headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
      });
    }
  });
});

describe('errors of an operation', () => {
  const failWith = (error: unknown) => ({
    query: {
      viewer: () => {
        throw error;
      },
    },
  });
  const lostDatabase = () =>
    Object.assign(new Error('connect ECONNREFUSED 10.0.0.7:5432'), { code: 'ECONNREFUSED' });

  it('that say more than they should are masked', async () => {
    const { ask } = await open(failWith(new Error('SELECT password_hash FROM users -- /srv/souk')));
    const reply = await ask('{ viewer { role } }');
    expect(reply.body).not.toMatch(/SELECT|srv|node_modules|at /);
    expect(reply.json()).toMatchObject({
      errors: [
        {
          path: ['viewer'],
          extensions: { code: 'INTERNAL_SERVER_ERROR', requestId: reply.headers['x-request-id'] },
        },
      ],
    });
  });

  it('for want of the database are 503, retryable, with Retry-After', async () => {
    const { ask } = await open(failWith(lostDatabase()));
    const reply = await ask('{ viewer { role } }');
    expect(reply.statusCode).toBe(503);
    expect(reply.headers['retry-after']).toBe('1');
    expect(reply.json()).toMatchObject({
      errors: [{ extensions: { code: 'SERVICE_UNAVAILABLE', retryable: true } }],
    });
    expect(reply.body).not.toContain('10.0.0.7');
  });

  it('leave what was answered standing', async () => {
    const { ask } = await open(failWith(lostDatabase()));
    const reply = await ask('{ viewer { role } serverInfo { version } }');
    expect(reply.statusCode).toBe(200);
    expect(reply.json()).toMatchObject({ data: { viewer: null, serverInfo: { version: '0.0.0' } } });
  });

  it('while the credential is checked are 503 as well, or masked', async () => {
    for (const [fault, status, code] of [
      [lostDatabase(), 503, 'SERVICE_UNAVAILABLE'],
      [new Error('SECRET'), 500, 'INTERNAL_SERVER_ERROR'],
    ] as const) {
      const authenticate = () => Promise.reject(fault);
      const { ask } = await open({ services: { identity: { authenticate } as never } });
      const reply = await ask('{ viewer { role } }');
      expect(reply.statusCode).toBe(status);
      expect(reply.body).not.toContain('SECRET');
      expect(reply.json()).toMatchObject({
        errors: [{ extensions: { code, requestId: reply.headers['x-request-id'] } }],
      });
    }
  });

  it('with a credential that is not valid are 401, even for what is open to all', async () => {
    const authenticate = async () =>
      refuse({ code: 'INVALID_CREDENTIALS', message: 'The key is not valid.' } as const);
    const { ask } = await open({ services: { identity: { authenticate } as never } });
    const reply = await ask('{ serverInfo { version } }', {}, { authorization: 'Bearer souk_x' });
    expect(reply.statusCode).toBe(401);
    expect(reply.headers['www-authenticate']).toContain('Bearer');
    expect(reply.json()).toMatchObject({
      errors: [{ message: 'The key is not valid.', extensions: { code: 'UNAUTHENTICATED' } }],
    });
  });

  it('that were written for the client arrive as they are', async () => {
    const { ask } = await open(
      failWith(new GraphQLError('Choose a tenant.', { extensions: { code: 'TENANT_REQUIRED' } })),
    );
    expect((await ask('{ viewer { role } }')).json()).toMatchObject({
      errors: [{ message: 'Choose a tenant.', extensions: { code: 'TENANT_REQUIRED' } }],
    });
  });

  it('do not suggest names of fields, arguments or types', async () => {
    const { ask } = await open();
    for (const query of [
      '{ viewe { role } }',
      '{ node(idd: "x") { id } }',
      '{ node(id: "x") { ... on Modell { id } } }',
    ]) {
      expect((await ask(query)).body).not.toMatch(/did you mean/i);
    }
  });

  it('of a document over the limits are 400, before any resolver runs', async () => {
    let calls = 0;
    const { ask } = await open({ query: { viewer: () => (calls++, null) } });
    const aliases = Array.from({ length: 31 }, (_, i) => `a${i}: viewer { role }`).join(' ');
    const reply = await ask(`{ ${aliases} }`);
    expect(reply.statusCode).toBe(400);
    expect(reply.json()).toMatchObject({
      errors: [{ extensions: { code: 'BAD_USER_INPUT', reason: 'LIMIT_EXCEEDED' } }],
    });
    expect(calls).toBe(0);
  });

  it('of an operation over the limits are 400, before any resolver runs', async () => {
    let calls = 0;
    const { ask } = await open({ query: { models: () => (calls++, null as never) } });
    const reply = await ask('{ models(first: 100) { nodes { versions(first: 101) { nodes { id } } } } }');
    expect(reply.statusCode).toBe(400);
    expect(calls).toBe(0);
  });

  it('do not tell the schema where introspection is off', async () => {
    const { ask } = await open({ introspection: false });
    expect((await ask('{ __schema { types { name } } }')).body).not.toContain('Model');
    expect((await ask('{ __typename }')).json()).toEqual({ data: { __typename: 'Query' } });
  });
});

describe('a client that goes away', () => {
  it('fires the signal of its request', async () => {
    let gone = (): void => undefined;
    const isGone = new Promise<void>((resolve) => (gone = resolve));
    let begun = (): void => undefined;
    const hasBegun = new Promise<void>((resolve) => (begun = resolve));
    const { server } = await open({
      query: {
        viewer: (_root, _args, { signal }) => {
          begun();
          return new Promise<null>((resolve) => {
            signal.addEventListener('abort', () => {
              gone();
              resolve(null);
            });
          });
        },
      },
    });
    const url = await server.start();
    const client = new AbortController();
    const request = fetch(`${url}/graphql`, {
      method: 'POST',
      headers: json,
      body: '{"query":"{ viewer { role } }"}',
      signal: client.signal,
    });
    request.catch(() => undefined);
    await hasBegun;
    client.abort();
    await isGone;
  });

  it('is not waited for longer than the deadline when the server stops, and one that stays gets its answer', async () => {
    let finish = (): void => undefined;
    const finished = new Promise<void>((resolve) => (finish = resolve));
    let begun = (): void => undefined;
    const hasBegun = new Promise<void>((resolve) => (begun = resolve));
    const { server } = await open({
      query: {
        viewer: async () => {
          begun();
          await finished;
          return null;
        },
      },
    });
    const url = await server.start();
    const reply = fetch(`${url}/graphql`, {
      method: 'POST',
      headers: json,
      body: '{"query":"{ viewer { role } }"}',
    });
    await hasBegun;
    const stopped = server.stop(5_000);
    finish();
    expect(await (await reply).json()).toEqual({ data: { viewer: null } });
    await stopped;
    await expect(fetch(`${url}/healthz`)).rejects.toThrow();
  });
});

describe('those who watch the server', () => {
  it('see that the process is alive, and whether it can serve', async () => {
    const { send } = await open({
      readiness: async () => ({ isReady: false, problems: ['The database does not answer.'] }),
    });
    expect((await send({ url: '/healthz' })).json()).toEqual({ status: 'ok', version: '0.0.0' });
    const reply = await send({ url: '/readyz' });
    expect(reply.statusCode).toBe(503);
    expect(reply.json()).toEqual({ status: 'not ready', problems: ['The database does not answer.'] });
  });

  it('read the metrics from this machine, but not through a proxy on it, and not from elsewhere', async () => {
    const { send } = await open();
    expect((await send({ url: '/metrics' })).body).toContain('souk_http_request_duration_seconds');
    expect((await send({ url: '/metrics', remoteAddress: '10.0.0.9' })).statusCode).toBe(401);
    expect((await send({ url: '/metrics', headers: { 'x-forwarded-for': '127.0.0.1' } })).statusCode).toBe(
      401,
    );
    expect((await send({ url: '/metrics', headers: { forwarded: 'for=127.0.0.1' } })).statusCode).toBe(401);
  });

  it('read the metrics with the token from anywhere, and only with it once there is one', async () => {
    const { send } = await open({ metricsToken: 'sixteen characters' });
    const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
    expect(
      (await send({ url: '/metrics', remoteAddress: '10.0.0.9', headers: bearer('sixteen characters') }))
        .statusCode,
    ).toBe(200);
    expect((await send({ url: '/metrics' })).statusCode).toBe(401);
    expect((await send({ url: '/metrics', headers: bearer('another one') })).statusCode).toBe(401);
  });

  it('find no path, method or tenant of a client in the labels', async () => {
    const { send, ask } = await open();
    await send({ url: '/secret-path-of-a-client' });
    await ask('{ __typename }');
    const { body } = await send({ url: '/metrics' });
    expect(body).not.toContain('secret-path');
    expect(body).toContain('route="unmatched"');
    expect(body).toContain('route="/graphql"');
  });
});

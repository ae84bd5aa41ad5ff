/**
 * What an attacker or a clumsy client sends, from outside. Whatever it is: an answer of the agreed form, in little
 * time, that gives nothing away; and afterwards the server is as it was, and nothing was charged.
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import { readFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, newTenant, newVersion, predict } from '../support/api.js';
import { cursor, deep, hostileClient, repeat, type HostileClient } from '../support/hostile-client.js';
import { ID_READS, idWrites } from '../support/hostile-ids.js';
import { startServer, type TestServer } from '../support/server.js';

let server: TestServer;
let post: HostileClient['post'];
let send: HostileClient['send'];
let speak: HostileClient['speak'];
let token: string;
let operatorKey: string;
let modelId: string;
let versionId: string;

beforeAll(async () => {
  server = await startServer({ INFERENCE_WORKERS: '1' });
  ({ token } = await newTenant(server.url, 'hostile'));
  ({ modelId, versionId } = await newVersion(server.url, token));
  ({ post, send, speak } = hostileClient(server.url, token));
  const bootstrap = await readFile(`${server.dataDirectory}/bootstrap.json`, 'utf8');
  operatorKey = (JSON.parse(bootstrap) as { apiKey: string }).apiKey;
});
afterAll(() => server.stop());

const row = Array<number>(10).fill(0.5);
const VIEWER = '{ viewer { permissions } }';
describe('documents that flood', () => {
  it.each<[string, string]>([
    ['500 aliases', `{ ${repeat(500, (i) => `a${i}: viewer { permissions }`)} }`],
    ['500,000 directives', `{ viewer ${'@a'.repeat(500_000)} { permissions } }`],
    ['1,900 unknown fields', `{ ${repeat(1900, (i) => `f${i}`)} }`],
    ['380 equal fields with arguments', `{ ${repeat(380, () => 'model(owner: "a", name: "b") { id }')} }`],
    [
      'fragments that double each other',
      `{ ...f0 } ${repeat(45, (i) => `fragment f${i} on Query { ...f${i + 1} ...f${i + 1} }`)} fragment f45 on Query { viewer { permissions } }`,
    ],
    ['4,800 variables', `query (${repeat(4800, (i) => `$v${i}: Int`)}) ${VIEWER}`],
    ['a literal 500,000 deep', `{ node(id: ${'['.repeat(250_000)}${']'.repeat(250_000)}) { id } }`],
    ['a subscription', 'subscription { anything }'],
    [
      'two sign-ins',
      'mutation { a: signIn(input: {email: "a", password: "b"}) { errors { code } } b: signIn(input: {email: "a", password: "b"}) { errors { code } } }',
    ],
  ])('%s are refused', async (_name, query) => {
    const { codes, text } = await post({ query });
    expect(codes.length).toBeGreaterThan(0);
    expect(text.length).toBeLessThan(100_000);
  });
});

describe('variables that flood', () => {
  const MODELS = 'query ($f: ModelFilter) { models(filter: $f) { totalCount } }';
  const USAGE = 'query ($g: [UsageDimension!]!) { usage(groupBy: $g) { total { rows } } }';
  it.each<[string, string, object]>([
    [
      '100,000 unknown fields',
      MODELS,
      { f: Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`k${i}`, 1])) },
    ],
    [
      'a long text beside 60 mistakes',
      MODELS,
      {
        f: {
          owner: 'x'.repeat(2_000_000),
          ...Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`k${i}`, 1])),
        },
      },
    ],
    ['a million wrong enum values', USAGE, { g: Array<string>(1_000_000).fill('X') }],
    ['an enum value of 5 MB', MODELS, { f: { visibility: 'x'.repeat(5_000_000) } }],
    [
      'a number of 5 MB',
      'query ($n: Int) { models(first: $n) { totalCount } }',
      { n: 'x'.repeat(5_000_000) },
    ],
  ])('%s is answered in few words', async (_name, query, variables) => {
    const { codes, text } = await post({ query, variables });
    expect(new Set(codes)).toEqual(new Set(['BAD_USER_INPUT']));
    expect(text.length).toBeLessThan(50_000);
  });

  it.each(['variables', 'extensions', 'operationName', 'query'])(
    '%s 500,000 levels deep does no harm',
    async (part) => {
      const other = part === 'query' ? '' : `"query":${JSON.stringify(VIEWER)},`;
      await post(`{${other}"${part}":${deep(500_000)}}`);
    },
  );
});

describe('bodies that are no request', () => {
  it.each<[string, string]>([
    ['a batch', `[{"query":"${VIEWER}"},{"query":"${VIEWER}"}]`],
    ['null', 'null'],
    ['a number', '5'],
    ['nothing', ''],
    ['a key that reaches the prototype', `{"query":"${VIEWER}","__proto__":{"a":1}}`],
    ['the same, escaped', `{"query":"${VIEWER}","variables":{"\\u005f\\u005fproto__":{"a":1}}}`],
    ['constructor.prototype', `{"query":"${VIEWER}","variables":{"constructor":{"prototype":{"a":1}}}}`],
    ['an operation name that is an object', `{"query":"${VIEWER}","operationName":{}}`],
    ['variables in a list', `{"query":"${VIEWER}","variables":[1]}`],
  ])('%s is 400', async (_name, body) => {
    expect((await post(body)).status).toBe(400);
  });

  it.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/json; charset=utf-7',
    'application/jsonx',
    '',
  ])('the content type "%s" is 415, so that no form of another site can send one', async (type) => {
    expect((await post({ query: VIEWER }, { 'content-type': type })).status).toBe(415);
  });

  it('a compressed body is 415', async () => {
    const { status } = await send('/graphql', {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' },
      body: gzipSync(JSON.stringify({ query: VIEWER })),
    });
    expect(status).toBe(415);
  });

  it('a mutation by GET runs nothing, with or without the header against forgery', async () => {
    const path = `/graphql?query=${encodeURIComponent('mutation { signOut(input: {}) { errors { code } } }')}`;
    expect((await send(path)).status).toBe(400);
    expect((await send(path, { headers: { 'apollo-require-preflight': '1' } })).status).toBe(405);
    expect((await post({ query: VIEWER })).status).toBe(200);
  });
});

describe('credentials that are almost right', () => {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  it.each<[string, () => string]>([
    ['alg none', () => `${part({ alg: 'none', typ: 'at+jwt' })}.${token.split('.')[1]}.`],
    ['another type', () => [part({ alg: 'HS256', typ: 'refresh' }), ...token.split('.').slice(1)].join('.')],
    ['padding behind the signature', () => `${token}=`],
    ['a fourth segment', () => `${token}.x`],
    ['a key in lower case', () => operatorKey.toLowerCase()],
    ['a key with a space inside', () => `${operatorKey.slice(0, 20)} ${operatorKey.slice(20)}`],
    ['a key cut by one', () => operatorKey.slice(0, -1)],
    [
      'a key with one character changed',
      () => operatorKey.replace(/.$/, (last) => (last === 'x' ? 'y' : 'x')),
    ],
    ['SQL for a key', () => "souk_live_'OR/**/pg_sleep(8)--"],
    ['5,000 characters', () => 'x'.repeat(5_000)],
  ])('%s is 401', async (_name, credential) => {
    const { status, codes } = await post({ query: VIEWER }, { authorization: `Bearer ${credential()}` });
    expect({ status, codes }).toEqual({ status: 401, codes: ['UNAUTHENTICATED'] });
  });

  it.each(['operator', 'OPERATOR', '*', '', 'ten_00000000000000000000000000', "' or 1=1"])(
    'the tenant "%s" of somebody else is not chosen by a header',
    async (tenant) => {
      expect((await post({ query: VIEWER }, { 'souk-tenant': tenant })).status).toBe(401);
    },
  );
});

describe('ids and texts that PostgreSQL would refuse', () => {
  const TEXTS: [string, string][] = [
    ['NUL', '\0'],
    ['NUL behind a prefix', 'ver_\0'],
    ['half of a surrogate pair', '\ud800'],
    ['100,000 characters', 'x'.repeat(100_000)],
    ['nothing', ''],
  ];
  it.each(TEXTS)('%s as an id is found nowhere', async (_name, id) => {
    for (const [, selection] of ID_READS)
      await post({ query: `query ($id: ID!) { ${selection} }`, variables: { id } });
    for (const [field, inputOf] of idWrites(modelId)) {
      const type = `${field[0]?.toUpperCase()}${field.slice(1)}Input!`;
      const query = `mutation ($input: ${type}) { ${field}(input: $input) { errors { code } } }`;
      const { text } = await post(
        { query, variables: { input: inputOf(id) } },
        { authorization: `Bearer ${field === 'setTenantQuota' ? operatorKey : token}` },
      );
      expect(text).toMatch(
        /"errors":\[\{"code":"(NOT_FOUND|INVALID_INPUT|INVALID_CREDENTIALS|PERMISSION_DENIED)"/,
      );
    }
  });

  it.each(['%00', 'ver_%00', '%2e%2e%2f%2e%2e%2fetc%2fpasswd', '..%5c..%5cx', 'x'.repeat(500), '%ff'])(
    '/artifacts/%s is no artifact',
    async (path) => {
      expect([400, 404, 414]).toContain((await send(`/artifacts/${path}`)).status);
    },
  );

  it.each(['%2e%2e/main.js', '..%2f..%2fmain.js', '%00', '..%5cmain.js'])(
    '/graphiql/%s is no file',
    async (path) => {
      expect((await send(`/graphiql/${path}`)).status).toBe(404);
    },
  );

  it.each<[string, string, unknown[][]]>([
    [
      'predictions',
      'predictions(after: $after) { nodes { id } }',
      [
        ['not a time', 'prd_00000000000000000000000000'],
        ['+275760-09-13T00:00:00.001Z', 'prd_00000000000000000000000000'],
        [1e308, 'prd_00000000000000000000000000'],
        ['2026-01-01T00:00:00.000Z', '\0'],
      ],
    ],
    ['audit', 'auditLog(after: $after) { nodes { id } }', [['\0'], ['\ud800']]],
    ['members', 'viewer { tenant { members(after: $after) { nodes { id } } } }', [['\0']]],
    ['apiKeys', 'viewer { tenant { apiKeys(after: $after) { nodes { id } } } }', [['\0']]],
  ])('a forged cursor of %s is refused', async (sort, selection, keys) => {
    for (const after of [
      '',
      '\0',
      cursor(),
      cursor(2, sort),
      ...keys.map((key) => cursor(1, sort, ...key)),
    ]) {
      const { codes } = await post({
        query: `query ($after: String) { ${selection} }`,
        variables: { after },
      });
      expect(codes).toEqual(['BAD_USER_INPUT']);
    }
  });

  it.each(['\u3164', '\u00ad\u00ad', '\u2060', '\u200d', ' \u034f '])(
    'a name that nobody can see (%j) is refused',
    async (name) => {
      const { text } = await post({
        query: 'mutation ($input: UpdateTenantInput!) { updateTenant(input: $input) { errors { code } } }',
        variables: { input: { name } },
      });
      expect(text).toContain('INVALID_INPUT');
    },
  );

  it('an address that only folding makes ASCII is refused', async () => {
    const input = { email: 'ada@\u212a.example', password: 'a long enough password', name: 'Ada' };
    const { text } = await ask(
      server.url,
      null,
      'mutation ($input: SignUpInput!) { signUp(input: $input) { errors { code path } } }',
      { input },
    );
    expect(text).toContain('{"code":"INVALID_INPUT","path":["email"]}');
  });
});

describe('predictions that cannot be', () => {
  const base64 = Buffer.alloc(40).toString('base64');
  it.each<[string, object]>([
    ['a shape whose product overflows', { inputs: [{ data: 'AAAA', shape: [2147483647, 2147483647] }] }],
    ['a negative dimension', { inputs: [{ data: [], shape: [-1, 10] }] }],
    ['no rows', { inputs: [{ data: [], shape: [0, 10] }] }],
    ['100,000 dimensions', { inputs: [{ data: [], shape: Array<number>(100_000).fill(1) }] }],
    ['a million empty rows', { inputs: [{ data: Array<number[]>(1_000_000).fill([]) }] }],
    ['junk before base64', { inputs: [{ data: `!!!!${base64}`, shape: [1, 10] }] }],
    ['NaN in lower case', { inputs: [{ data: [Array<string>(10).fill('nan')] }] }],
    ['the name __proto__', { inputs: [{ name: '__proto__', data: [row] }] }],
    ['an endless timeout', { inputs: [{ data: [row] }], timeoutMs: 2_147_483_647 }],
    ['an empty idempotency key', { inputs: [{ data: [row] }], idempotencyKey: '' }],
    ['201 characters of idempotency key', { inputs: [{ data: [row] }], idempotencyKey: 'x'.repeat(201) }],
    ['NUL for an idempotency key', { inputs: [{ data: [row] }], idempotencyKey: '\0' }],
  ])('%s is refused', async (_name, input) => {
    const query =
      'mutation ($input: PredictInput!) { predict(input: $input) { prediction { id } errors { code } } }';
    const { text } = await post({ query, variables: { input: { target: { versionId }, ...input } } });
    expect(text).toMatch(/^\{"data":\{"predict":\{"prediction":null,"errors":\[\{"code":"INVALID_INPUT"\}/);
  });

  it('2,000 inputs for a model with one are one mistake', async () => {
    const inputs = Array.from({ length: 2_000 }, () => ({ data: 1 }));
    const { errors } = await predict(server.url, token, { target: { versionId }, inputs });
    expect(errors).toMatchObject([{ code: 'INVALID_INPUT', path: ['inputs'] }]);
  });
});

describe('connections that speak no HTTP', () => {
  const POST = 'POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n';

  it.each<[string, string, number]>([
    [
      'a length beside chunks',
      `${POST}content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\nhost: x\r\n\r\n`,
      400,
    ],
    ['two lengths', `${POST}content-length: 5\r\ncontent-length: 6\r\n\r\nabcdef`, 400],
    ['a negative length', `${POST}content-length: -5\r\n\r\nabc`, 400],
    ['an unknown coding', `${POST}transfer-encoding: xchunked\r\n\r\nabc`, 400],
    [
      'a chunk of more than 2^64 bytes',
      `${POST}transfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\nabc`,
      400,
    ],
    ['bare line feeds', 'GET /healthz HTTP/1.1\nhost: x\n\n', 400],
    ['NUL in a header', 'GET /healthz HTTP/1.1\r\nhost: x\r\nx: a\0b\r\n\r\n', 400],
    ['a TLS greeting', '\x16\x03\x01\x02\x00\x01\x00', 400],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400],
    ['100 kB of headers', `GET /healthz HTTP/1.1\r\nhost: x\r\nx: ${'a'.repeat(100_000)}\r\n\r\n`, 431],
  ])('%s gets one answer with a code and a request id', async (_name, text, status) => {
    const heard = await speak(text);
    expect(heard.match(/HTTP\/1\.1 /g)).toHaveLength(1);
    const [head = '', body = ''] = heard.split('\r\n\r\n');
    expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(head).toContain('nosniff');
    expect(JSON.parse(body)).toEqual({
      error: {
        code: status === 431 ? 'HEADERS_TOO_LARGE' : 'BAD_REQUEST',
        message: expect.stringMatching(/\.$/) as string,
        requestId: expect.stringMatching(/^req_/) as string,
      },
    });
  });

  it('100 connections that say nothing stand in nobody’s way', async () => {
    const { hostname, port } = new URL(server.url);
    const idle = Array.from({ length: 100 }, () => connect(Number(port), hostname));
    await Promise.all(idle.map((socket) => once(socket, 'connect')));
    expect((await post({ query: VIEWER })).status).toBe(200);
    for (const socket of idle) socket.destroy();
  });
});

describe('metrics', () => {
  it.each(['x-forwarded-for', 'forwarded', 'x-real-ip', 'via', 'x-forwarded-host', 'cf-connecting-ip'])(
    'a request with the header %s was passed on by a proxy, and gets none',
    async (header) => {
      expect((await send('/metrics', { headers: { [header]: '203.0.113.7' } })).status).toBe(401);
      expect((await fetch(`${server.url}/metrics`)).status).toBe(200);
    },
  );
});

describe('uploads', () => {
  it('a thousand chunks of one byte are one file', async () => {
    const bytes = new ReadableStream({
      start(controller) {
        for (let i = 0; i < 1_000; i++) controller.enqueue(new Uint8Array([i]));
        controller.close();
      },
    });
    const { status, text } = await send('/uploads', {
      method: 'PUT',
      body: bytes,
      duplex: 'half',
    } as { method: string });
    expect(status).toBe(201);
    expect(text).toContain('"bytes":1000');
  });

  it.each<[string, Record<string, string>, number]>([
    [
      'two digests that differ',
      {
        'x-content-sha256': '0'.repeat(64),
        'content-digest': `sha-256=:${Buffer.alloc(32, 1).toString('base64')}:`,
      },
      400,
    ],
    ['a digest cut short', { 'x-content-sha256': '0'.repeat(63) }, 400],
    ['compression', { 'content-encoding': 'gzip' }, 415],
  ])('%s is refused', async (_name, headers, status) => {
    expect((await send('/uploads', { method: 'PUT', body: 'abc', headers })).status).toBe(status);
  });
});

it('after all that the server serves, and nothing was charged', async () => {
  const { text } = await ask(server.url, token, '{ quota { used reserved } }');
  expect(text).toContain('{"data":{"quota":[{"used":0,"reserved":0}]}}');
  const answer = await predict(server.url, token, { target: { versionId }, inputs: [{ data: [row] }] });
  expect(answer.prediction?.receipt.charged).toBe(1);
});

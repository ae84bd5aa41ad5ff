/** Bad input gets a clear error and loses nothing: the server answers the next good request as before. */
import { connect } from 'node:net';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, fixture, newTenant, newVersion, PREDICT, predict, put } from '../support/api.js';
import { startServer, type TestServer } from '../support/server.js';
import { until } from '../support/until.js';
import { zipOf } from '../support/zip.js';

let server: TestServer;
let token: string;
let modelId: string;
let versionId: string;

beforeAll(async () => {
  server = await startServer({ INFERENCE_WORKERS: '1' });
  ({ token } = await newTenant(server.url, 'bad-input'));
  ({ modelId, versionId } = await newVersion(server.url, token));
});
afterAll(() => server.stop());

const row = Array<number>(10).fill(0.25);

async function publish(bytes: Uint8Array) {
  const upload = await put(server.url, token, bytes);
  const answer = await ask(
    server.url,
    token,
    `mutation ($input: PublishVersionInput!) { publishVersion(input: $input) {
       publication { id status } version { id }
       errors { code message ... on ImportRefusedError { reason subject } }
     } }`,
    { input: { modelId, uploadId: upload.id, waitMs: 60_000 } },
  );
  const payload = answer.data?.['publishVersion'] as {
    version: null;
    errors: { code: string; message: string; reason: string; subject: string | null }[];
  };
  return { payload, uploadId: upload.id };
}

describe('a file that cannot be served', () => {
  const cases: [string, () => Promise<Uint8Array>, string[]][] = [
    ['a truncated h5', async () => (await fixture('keras/dense.h5')).subarray(0, 9000), ['CORRUPT_ARTIFACT']],
    ['1 kB of nothing named .keras', async () => Buffer.alloc(1024, 7), ['UNSUPPORTED_FORMAT']],
    [
      'a zip that climbs out',
      async () =>
        zipOf([
          { name: '../model.json', data: Buffer.from('{}') },
          { name: 'config.json', data: Buffer.from('{}') },
        ]),
      ['CORRUPT_ARTIFACT', 'UNSUPPORTED_FORMAT'],
    ],
    [
      'a truncated .keras',
      async () => (await fixture('keras/dense.keras')).subarray(0, 9000),
      ['CORRUPT_ARTIFACT', 'UNSUPPORTED_FORMAT'],
    ],
  ];

  it.each(cases)('%s is refused by name and leaves nothing behind', async (_name, bytes, reasons) => {
    const { payload, uploadId } = await publish(await bytes());
    expect(payload.version).toBeNull();
    expect(payload.errors[0]).toMatchObject({ code: 'IMPORT_REFUSED' });
    expect(reasons).toContain(payload.errors[0]?.reason);
    expect(payload.errors[0]?.message).toMatch(/\.$/);
    const after = await ask(
      server.url,
      token,
      'query ($model: ID!, $upload: ID!) { model: node(id: $model) { ... on Model { versions { nodes { number } } } } upload: node(id: $upload) { id } }',
      { model: modelId, upload: uploadId },
    );
    expect(after.data).toEqual({ model: { versions: { nodes: [{ number: 1 }] } }, upload: null });
  });
});

describe('inputs that do not fit', () => {
  const cases: [string, object, string[]][] = [
    ['a wrong datatype', { data: [row], datatype: 'INT32' }, ['inputs', '0', 'datatype']],
    ['a wrong rank', { data: row }, ['inputs', '0']],
    ['a wrong dimension', { data: [row.slice(1)] }, ['inputs', '0']],
    ['ragged rows', { data: [row, row.slice(1)] }, ['inputs', '0', 'data']],
    ['text among numbers', { data: [[...row.slice(1), 'ten']] }, ['inputs', '0', 'data']],
    ['base64 that is too short', { data: 'AAAA', shape: [1, 10] }, ['inputs', '0', 'data']],
    ['an unknown name', { data: [row], name: 'nobody' }, ['inputs', '0', 'name']],
    ['a batch of 10,000 rows', { data: Array<number[]>(10_000).fill(row) }, ['inputs', '0']],
  ];

  it.each(cases)('%s is refused with its path', async (_name, input, path) => {
    const answer = await predict(server.url, token, { target: { versionId }, inputs: [input] });
    expect(answer.prediction).toBeNull();
    expect(answer.errors[0]?.code).toBe('INVALID_INPUT');
    expect(answer.errors[0]?.path?.slice(0, path.length)).toEqual(path);
  });

  it('every mistake is reported, not only the first', async () => {
    const answer = await predict(server.url, token, {
      target: { versionId },
      inputs: [
        { name: 'one', data: [row] },
        { name: 'two', data: [row] },
      ],
    });
    expect(answer.errors.length).toBeGreaterThanOrEqual(3);
  });

  it('nothing of it was charged', async () => {
    const answer = await ask(server.url, token, '{ quota { subject used reserved } }');
    expect(answer.data?.['quota']).toEqual([{ subject: 'TENANT', used: 0, reserved: 0 }]);
  });
});

describe('bodies that attack the parser', () => {
  async function post(body: string): Promise<Response> {
    return fetch(`${server.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body,
    });
  }

  it.each([10_000, 200_000])('JSON %i levels deep is refused', async (depth) => {
    const data = `${'['.repeat(depth)}1${']'.repeat(depth)}`;
    const response = await post(
      `{"query":${JSON.stringify(PREDICT)},"variables":{"input":{"target":{"versionId":"${versionId}"},"inputs":[{"data":${data}}]}}}`,
    );
    expect(response.status).toBe(400);
    expect(await response.text()).toMatch(/"code"/);
  });

  it('a query 10,000 levels deep is refused', async () => {
    const response = await post(
      JSON.stringify({ query: `{${'viewer{'.repeat(10_000)}id${'}'.repeat(10_000)}}` }),
    );
    expect(response.status).toBe(400);
  });

  it('a body over the limit is refused before it is read', async () => {
    const response = await post(
      `{"query":"{ viewer { user { id } } }","variables":{"x":"${'x'.repeat(70_000_000)}"}}`,
    ).catch(() => null);
    // The server may close the connection while the client still writes: both are a refusal.
    if (response !== null) expect(response.status).toBe(413);
  });

  it('broken JSON is a 400 with a code', async () => {
    const response = await post('{"query": ');
    expect(response.status).toBe(400);
    expect(await response.text()).toMatch(/"code"/);
  });
});

describe('uploads that go wrong', () => {
  it('a checksum that does not match is refused', async () => {
    const answer = await put(server.url, token, 'bytes', { 'x-content-sha256': '0'.repeat(64) });
    expect(answer).toMatchObject({ status: 422, code: 'CHECKSUM_MISMATCH' });
  });

  it('an upload cut in the middle leaves no file behind', async () => {
    const before = await server.artifactFiles();
    const { hostname, port } = new URL(server.url);
    const socket = connect(Number(port), hostname);
    await once(socket, 'connect');
    socket.write(
      `PUT /uploads HTTP/1.1\r\nhost: souk\r\nauthorization: Bearer ${token}\r\ncontent-type: application/octet-stream\r\ncontent-length: 1000000\r\n\r\n`,
    );
    socket.write(Buffer.alloc(400_000, 1));
    await until(async () => (await server.artifactFiles()).length > before.length);
    socket.destroy();
    await until(async () => (await server.artifactFiles()).length === before.length);
  });
});

it('after all that, a good request is answered', async () => {
  const answer = await predict(server.url, token, { target: { versionId }, inputs: [{ data: [row] }] });
  expect(answer.errors).toEqual([]);
  expect(answer.prediction?.outputs?.[0]?.shape).toEqual([1, 10]);
});

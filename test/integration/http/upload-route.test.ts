import Fastify, { type FastifyInstance } from 'fastify';
import { createHash, randomBytes } from 'node:crypto';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { TenantActor } from '../../../src/domain/access/index.js';
import type { VersionsService } from '../../../src/domain/versions/index.js';
import { handleError } from '../../../src/http/errors.js';
import { registerJsonBody } from '../../../src/http/json-body.js';
import { registerUploadRoute } from '../../../src/http/upload-route.js';
import { ok } from '../../../src/lib/result.js';
import { until } from '../../support/until.js';
import { keyOf } from '../../support/actors.js';
import { createSetting, createTenant, succeeds, type Setting } from '../versions/setting.js';

const MAX_BYTES = 5_000_000;
const TOO_LARGE = { error: { code: 'PAYLOAD_TOO_LARGE' } };

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

describe('/uploads', () => {
  let setting: Setting;
  let actor: TenantActor;
  let service: VersionsService;
  let app: FastifyInstance;
  let url: string;
  let port: number;
  let before: Awaited<ReturnType<Setting['everything']>>;

  beforeAll(async () => {
    setting = await createSetting();
    service = await setting.service(succeeds, { limits: { maxUploadBytes: MAX_BYTES } });
    app = Fastify({ genReqId: () => 'req_test', bodyLimit: 1_000 });
    registerJsonBody(app, { bodyLimitBytes: 1_000 });
    app.setErrorHandler(handleError);
    app.post('/echo', (request) => request.body);
    await registerUploadRoute(app, {
      authenticate: ({ headers: { authorization } }) =>
        Promise.resolve(
          ok(
            authorization === undefined
              ? null
              : authorization === 'Bearer publisher'
                ? actor
                : keyOf(actor, 'MODEL_READ'),
          ),
        ),
      versions: service,
      maxUploadBytes: MAX_BYTES,
      bodyTimes: { idleMs: 400, graceMs: 600, minBytesPerSecond: 1_000 },
    });
    await app.listen({ host: '127.0.0.1', port: 0 });
    port = (app.server.address() as AddressInfo).port;
    url = `http://127.0.0.1:${port}/uploads`;
  });
  afterAll(async () => {
    await app.close();
    await setting.stop();
  });
  beforeEach(async () => {
    actor = await createTenant(setting.db);
    before = await setting.everything();
  });

  const send = (body: RequestInit['body'], headers: Record<string, string> = {}, method = 'PUT') =>
    fetch(url, {
      method,
      body: body ?? null,
      headers: { authorization: 'Bearer publisher', ...headers },
      ...(body instanceof ReadableStream ? { duplex: 'half' } : {}),
    });

  /** A raw connection, for what no client library would send. */
  function raw(text: string): { socket: Socket; received: () => string } {
    let received = '';
    const socket = connect(port, '127.0.0.1');
    socket.on('data', (chunk) => (received += chunk.toString('latin1')));
    socket.on('error', () => undefined);
    socket.write(text);
    return { socket, received: () => received };
  }

  const head = (...lines: string[]) =>
    ['PUT /uploads HTTP/1.1', 'Host: x', 'Authorization: Bearer publisher', ...lines, '', ''].join('\r\n');

  it.each(['PUT', 'POST'])('takes a raw body by %s, whatever its type says', async (method) => {
    for (const type of [
      'application/octet-stream',
      'application/json',
      'multipart/form-data; boundary=x',
      'x/y',
    ]) {
      const bytes = randomBytes(10_000);
      const response = await send(bytes, { 'content-type': type }, method);
      expect(response.status).toBe(201);
      const { upload } = (await response.json()) as { upload: { id: string; sha256: string } };
      expect(upload).toEqual({
        id: expect.stringMatching(/^upl_/) as string,
        sha256: sha256(bytes),
        bytes: 10_000,
        expiresAt: expect.stringMatching(/^\d{4}-.*Z$/) as string,
      });
      expect(await service.getUpload(actor, upload.id)).toMatchObject({ digest: sha256(bytes) });
    }
  });

  it('leaves other routes their parsers', async () => {
    const response = await fetch(url.replace('/uploads', '/echo'), {
      method: 'POST',
      body: '{"a":1}',
      headers: { 'content-type': 'application/json' },
    });
    expect(await response.json()).toEqual({ a: 1 });
  });

  it('checks the digest that was announced, in any of its forms', async () => {
    const bytes = randomBytes(1_000);
    const base64 = Buffer.from(sha256(bytes), 'hex').toString('base64');
    expect((await send(bytes, { 'x-content-sha256': sha256(bytes) })).status).toBe(201);
    expect((await send(bytes, { 'content-digest': `sha-256=:${base64}:` })).status).toBe(201);
    const between = await setting.everything();
    const wrong = await send(bytes, { 'repr-digest': `sha-256=:${base64.replace(/^./, 'x')}:` });
    expect([wrong.status, await wrong.json()]).toMatchObject([
      422,
      { error: { code: 'CHECKSUM_MISMATCH', requestId: 'req_test' } },
    ]);
    expect((await send(bytes, { 'x-content-sha256': 'nonsense' })).status).toBe(400);
    expect(await setting.everything()).toEqual(between);
  });

  it('asks who it is before reading the body, and lets the answer through to a sender in full flow', async () => {
    const body = randomBytes(4_000_000);
    const nobody = await fetch(url, { method: 'PUT', body });
    expect([nobody.status, nobody.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
    const reader = await send(body, { authorization: 'Bearer reader' });
    expect([reader.status, await reader.json()]).toMatchObject([
      403,
      { error: { code: 'PERMISSION_DENIED' } },
    ]);
    expect((await send(body, { 'content-encoding': 'gzip' })).status).toBe(415);
    expect(await setting.everything()).toEqual(before);
  });

  it('answers 413 to an announced size over the limit, before a byte of it', async () => {
    const { socket, received } = raw(head(`Content-Length: ${MAX_BYTES + 1}`));
    await until(() => received().includes('}}'));
    expect(received()).toContain('HTTP/1.1 413');
    socket.destroy();
  });

  it('answers 413 to a chunked body as soon as it passes the limit, and keeps nothing', async () => {
    const chunk = randomBytes(100_000);
    let sent = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        sent += chunk.length;
        if (sent > MAX_BYTES + 3_000_000) controller.close();
        else controller.enqueue(chunk);
      },
    });
    const response = await send(endless);
    expect([response.status, await response.json()]).toMatchObject([413, TOO_LARGE]);
    expect(await setting.everything()).toEqual(before);
  });

  it('takes a chunked body of many one-byte chunks', async () => {
    const bytes = Buffer.from('a'.repeat(20_000));
    const { socket, received } = raw(head('Transfer-Encoding: chunked'));
    socket.write('1\r\na\r\n'.repeat(20_000) + '0\r\n\r\n');
    await until(() => received().includes('}}'));
    expect(received()).toContain(sha256(bytes));
    socket.destroy();
  });

  it.each([0, 1, 65_536, 999_999])(
    'keeps nothing of a body of a megabyte that is cut after %i bytes',
    async (cutAt) => {
      const { socket } = raw(head('Content-Length: 1000000'));
      await new Promise<void>((resolve) => socket.write(randomBytes(cutAt), () => resolve()));
      const fileCount = async () => (await setting.everything()).files.length;
      // It is being received: half-written under a temporary name.
      await until(async () => (await fileCount()) === before.files.length + 1);
      socket.destroy();
      await until(async () => (await fileCount()) === before.files.length);
      expect(await setting.everything()).toEqual(before);
    },
  );

  it('cuts a body that stalls', async () => {
    const { socket, received } = raw(head('Content-Length: 1000'));
    socket.write('half');
    await until(() => received().includes('}}'));
    expect(received()).toContain('HTTP/1.1 408');
    expect(received()).toContain('REQUEST_TIMEOUT');
    await until(() => socket.closed || socket.destroyed);
    expect(await setting.everything()).toEqual(before);
  });

  it('cuts a body that drips a byte now and then', async () => {
    const { socket, received } = raw(head('Content-Length: 1000'));
    const drip = setInterval(() => socket.write('x'), 50);
    await until(() => received().includes('REQUEST_TIMEOUT'));
    clearInterval(drip);
    socket.destroy();
    expect(await setting.everything()).toEqual(before);
  });

  it('says 100 Continue only to a sender whose body it wants', async () => {
    const wanted = raw(head('Content-Length: 5', 'Expect: 100-continue'));
    await until(() => wanted.received().includes('100 Continue'));
    wanted.socket.write('hello');
    await until(() => wanted.received().includes('HTTP/1.1 201'));
    wanted.socket.destroy();

    const unwanted = raw(
      ['PUT /uploads HTTP/1.1', 'Host: x', 'Content-Length: 5', 'Expect: 100-continue', '', ''].join('\r\n'),
    );
    await until(() => unwanted.received().includes('HTTP/1.1 401'));
    expect(unwanted.received()).not.toContain('100 Continue');
    unwanted.socket.destroy();

    const elsewhere = raw(
      [
        'POST /echo HTTP/1.1',
        'Host: x',
        'Content-Type: application/json',
        'Content-Length: 2',
        'Expect: 100-continue',
        '',
        '',
      ].join('\r\n'),
    );
    await until(() => elsewhere.received().includes('100 Continue'));
    elsewhere.socket.write('{}');
    await until(() => elsewhere.received().includes('HTTP/1.1 200'));
    elsewhere.socket.destroy();
  });

  it('refuses an empty body, and a length beside chunks', async () => {
    expect((await send('')).status).toBe(400);
    const { socket, received } = raw(head('Content-Length: 4', 'Transfer-Encoding: chunked') + '0\r\n\r\n');
    await until(() => received() !== '');
    expect(received()).toContain('HTTP/1.1 400');
    socket.destroy();
    expect(await setting.everything()).toEqual(before);
  });
});

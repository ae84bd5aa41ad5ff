/** /uploads of two servers on one database and one disk, with tenants to come and go. */
import Fastify, { type FastifyInstance } from 'fastify';
import { connect, type AddressInfo } from 'node:net';
import type { TenantActor } from '../../src/domain/access/index.js';
import type { VersionsDeps, VersionsService } from '../../src/domain/versions/index.js';
import { handleError } from '../../src/http/errors.js';
import { registerUploadRoute } from '../../src/http/upload-route.js';
import { ok, refuse } from '../../src/lib/result.js';
import { openPartialFiles } from '../../src/storage/index.js';
import { createSetting, createTenant, succeeds, type Setting } from '../integration/versions/setting.js';
import { join } from 'node:path';
import { keyOf } from './actors.js';

export interface UploadDoor {
  readonly setting: Setting;
  readonly service: VersionsService;
  readonly url: string;
  actor(): TenantActor;
  /** Requests act for a fresh tenant from here on. */
  newTenant(): Promise<TenantActor>;
  /** The publisher's credential is no longer valid, until `readmit`. */
  revoke(): void;
  readmit(): void;
  send(
    method: string,
    path: string,
    headers?: Record<string, string>,
    body?: Uint8Array | ReadableStream,
    options?: { readonly credential?: string | null; readonly server?: number },
  ): Promise<Response>;
  /** A PATCH from offset 0 that announces more bytes than it sends. */
  sendSlowly(
    path: string,
    announced: number,
    bytes: Uint8Array,
  ): { readonly answer: Promise<string>; cut(): void };
  stop(): Promise<void>;
}

export async function openUploadDoor(limits: VersionsDeps['limits']): Promise<UploadDoor> {
  const setting = await createSetting();
  let current = await createTenant(setting.db);
  let isRevoked = false;
  const services: VersionsService[] = [];
  const apps: FastifyInstance[] = [];
  for (let index = 0; index < 2; index++) {
    const partials = await openPartialFiles(join(setting.directory, 'artifacts', 'partial'));
    const service = await setting.service(succeeds, {
      limits,
      partials,
      transferTimes: { leaseMs: 3_000, renewEveryMs: 100, quietMs: 150, patienceMs: 3_000 },
    });
    const app = Fastify({ genReqId: () => 'req_test' });
    app.setErrorHandler(handleError);
    await registerUploadRoute(app, {
      authenticate: ({ headers: { authorization } }) => {
        if (authorization === undefined) return Promise.resolve(ok(null));
        if (authorization !== 'Bearer publisher') return Promise.resolve(ok(keyOf(current, 'MODEL_READ')));
        const gone = { code: 'UNAUTHENTICATED', message: 'The key is revoked.' };
        return Promise.resolve(isRevoked ? refuse(gone) : ok(current));
      },
      versions: service,
      maxUploadBytes: limits?.maxUploadBytes ?? 1_000_000,
    });
    await app.listen({ host: '127.0.0.1', port: 0 });
    services.push(service);
    apps.push(app);
  }
  const portOf = (index: number) => (apps[index]?.server.address() as AddressInfo).port;

  return {
    setting,
    service: services[0] as VersionsService,
    url: `http://127.0.0.1:${portOf(0)}`,
    actor: () => current,
    async newTenant() {
      current = await createTenant(setting.db);
      return current;
    },
    revoke: () => void (isRevoked = true),
    readmit: () => void (isRevoked = false),
    send(method, path, headers = {}, body, { credential = 'publisher', server = 0 } = {}) {
      const all: Record<string, string> = { 'tus-resumable': '1.0.0', ...headers };
      if (all['tus-resumable'] === '') delete all['tus-resumable'];
      if (credential !== null) all['authorization'] = `Bearer ${credential}`;
      return fetch(`http://127.0.0.1:${portOf(server)}${path}`, {
        method,
        headers: all,
        body: body === undefined ? null : body instanceof ReadableStream ? body : Buffer.from(body),
        ...(body instanceof ReadableStream ? { duplex: 'half' } : {}),
      });
    },
    sendSlowly(path, announced, bytes) {
      const socket = connect(portOf(0), '127.0.0.1');
      socket.on('error', () => undefined);
      const answer = new Promise<string>((resolve) => {
        let received = '';
        socket.on('data', (chunk) => resolve((received += chunk.toString('latin1'))));
        socket.on('close', () => resolve(received));
      });
      const head = [
        `PATCH ${path} HTTP/1.1`,
        'Host: x',
        'Authorization: Bearer publisher',
        'Tus-Resumable: 1.0.0',
        'Upload-Offset: 0',
        'Content-Type: application/offset+octet-stream',
        `Content-Length: ${announced}`,
      ];
      socket.write(`${head.join('\r\n')}\r\n\r\n`);
      socket.write(bytes);
      return { answer, cut: () => socket.destroy() };
    },
    async stop() {
      for (const app of apps) await app.close();
      await setting.stop();
    },
  };
}

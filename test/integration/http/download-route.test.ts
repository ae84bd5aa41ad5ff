import Fastify, { type FastifyInstance } from 'fastify';
import { randomBytes } from 'node:crypto';
import { chmod, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { permissionsOf, type TenantActor } from '../../../src/domain/access/index.js';
import type { Version, VersionsService } from '../../../src/domain/versions/index.js';
import { registerDownloadRoute } from '../../../src/http/download-route.js';
import { handleError } from '../../../src/http/errors.js';
import { ok } from '../../../src/lib/result.js';
import { keyOf } from '../../support/actors.js';
import {
  createModel,
  createSetting,
  createTenant,
  grantTo,
  succeeds,
  upload,
  type Setting,
} from '../versions/setting.js';

const BYTES = randomBytes(300_000);

describe('/artifacts', () => {
  let setting: Setting;
  let service: VersionsService;
  let owner: TenantActor;
  let app: FastifyInstance;
  let base: string;
  let version: Version;
  const actors = new Map<string, TenantActor>();

  beforeAll(async () => {
    setting = await createSetting();
    service = await setting.service(succeeds);
    owner = await createTenant(setting.db);
    actors.set('owner', owner);
    version = await publish(await createModel(setting.db, owner));
    app = Fastify();
    app.setErrorHandler(handleError);
    registerDownloadRoute(app, {
      authenticate: ({ headers }) => Promise.resolve(ok(actors.get(headers.authorization ?? '') ?? null)),
      versions: service,
    });
    await app.listen({ host: '127.0.0.1', port: 0 });
    base = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
  });
  afterAll(async () => {
    await app.close();
    await setting.stop();
  });

  async function publish(modelId: string, bytes = BYTES): Promise<Version> {
    const { id } = await upload(service, owner, bytes);
    const result = await service.publishVersion(owner, { modelId, uploadId: id, waitMs: 20_000 });
    if (!result.ok || result.value.version === null) throw new Error('not published');
    return result.value.version;
  }

  const get = (id: string, headers: Record<string, string> = {}, method = 'GET') =>
    fetch(`${base}/artifacts/${id}`, { method, headers: { authorization: 'owner', ...headers } });

  it('gives the bytes as they were uploaded, with their name, size and digest', async () => {
    const response = await get(version.id);
    expect(response.status).toBe(200);
    expect(Buffer.from(await response.arrayBuffer()).equals(BYTES)).toBe(true);
    expect(response.headers.get('content-length')).toBe('300000');
    expect(response.headers.get('etag')).toBe(`"${version.digest}"`);
    expect(response.headers.get('repr-digest')).toBe(
      `sha-256=:${Buffer.from(version.digest, 'hex').toString('base64')}:`,
    );
    expect(response.headers.get('content-disposition')).toMatch(
      /^attachment; filename="t-[0-9a-f]+-m-[0-9a-f]+-v1\.h5"$/,
    );
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
  });

  it('answers HEAD with the size and without the bytes', async () => {
    const response = await get(version.id, {}, 'HEAD');
    expect([response.status, response.headers.get('content-length'), await response.text()]).toEqual([
      200,
      '300000',
      '',
    ]);
  });

  it('answers a range, an unsatisfiable range, and a copy that is still good', async () => {
    const part = await get(version.id, { range: 'bytes=100-199' });
    expect([part.status, part.headers.get('content-range')]).toEqual([206, 'bytes 100-199/300000']);
    expect(Buffer.from(await part.arrayBuffer()).equals(BYTES.subarray(100, 200))).toBe(true);
    const outside = await get(version.id, { range: 'bytes=300000-' });
    expect([outside.status, outside.headers.get('content-range')]).toEqual([416, 'bytes */300000']);
    const changed = await get(version.id, { range: 'bytes=0-0', 'if-range': '"another"' });
    expect([changed.status, (await changed.arrayBuffer()).byteLength]).toEqual([200, 300_000]);
    expect((await get(version.id, { 'if-none-match': `"${version.digest}"` })).status).toBe(304);
  });

  it('gives out no byte of a file that is damaged, in whole or in part, until it was sent again', async () => {
    const bytes = randomBytes(5_000);
    const damaged = await publish(await createModel(setting.db, owner), bytes);
    const path = setting.artifacts.localPath(damaged.digest);
    await chmod(path, 0o600);
    await writeFile(path, Buffer.from(bytes).fill((bytes[4_321] ?? 0) ^ 1, 4_321, 4_322));
    for (const headers of [{}, { range: 'bytes=0-9' }] as Record<string, string>[]) {
      const response = await get(damaged.id, headers);
      expect(response.status).toBe(500);
      expect(response.headers.get('repr-digest')).toBeNull();
      expect(response.headers.get('content-range')).toBeNull();
      expect(await response.json()).toMatchObject({
        error: { code: 'ARTIFACT_DAMAGED', message: expect.stringContaining(damaged.digest) as string },
      });
    }
    expect((await get(version.id)).status).toBe(200);
    await upload(service, owner, bytes);
    const healed = await get(damaged.id);
    expect(Buffer.from(await healed.arrayBuffer()).equals(bytes)).toBe(true);
  });

  it('is there for who holds DOWNLOAD, and does not exist for others, in the same words', async () => {
    const publicModel = await createModel(setting.db, owner, {
      visibility: 'PUBLIC',
      publicAccess: 'PREDICT',
    });
    const openModel = await createModel(setting.db, owner, {
      visibility: 'PUBLIC',
      publicAccess: 'DOWNLOAD',
    });
    const [ofPublic, ofOpen] = [await publish(publicModel), await publish(openModel)];
    for (const name of ['stranger', 'predictor', 'downloader'])
      actors.set(name, await createTenant(setting.db));
    const named = (name: string) => actors.get(name) ?? owner;
    await grantTo(setting.db, owner, version.modelId, named('predictor'), ['PREDICT']);
    await grantTo(setting.db, owner, version.modelId, named('downloader'), ['DOWNLOAD']);
    actors.set('viewer', { ...owner, permissions: permissionsOf('VIEWER', false) });
    actors.set('scopes without download', keyOf(owner, 'MODEL_READ', 'PREDICTION_RUN'));

    const statusFor = async (who: string, id: string) => (await get(id, { authorization: who })).status;
    expect(await statusFor('downloader', version.id)).toBe(200);
    expect(await statusFor('stranger', ofOpen.id)).toBe(200);
    const absent = await get('ver_00000000000000000000000000', { authorization: 'stranger' });
    const words = JSON.stringify({ ...((await absent.json()) as object), requestId: null }).replace(
      /req-\w+/,
      '',
    );
    for (const [who, id] of [
      ['stranger', version.id],
      ['predictor', version.id],
      ['stranger', ofPublic.id],
      ['owner', '..%2f..%2fetc%2fpasswd'],
    ] as const) {
      const response = await get(id, { authorization: who });
      expect(response.status).toBe(404);
      expect(
        JSON.stringify({ ...((await response.json()) as object), requestId: null }).replace(/req-\w+/, ''),
      ).toBe(words);
    }
    expect(await statusFor('viewer', version.id)).toBe(403);
    expect(await statusFor('scopes without download', version.id)).toBe(403);
    expect(await statusFor('nobody', version.id)).toBe(401);
  });
});

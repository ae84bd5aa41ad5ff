/** Bytes that a tenant may store: exact, whoever adds to them at the same time and by whatever door. */
import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { TenantActor } from '../../../src/domain/access/index.js';
import type { VersionsService } from '../../../src/domain/versions/index.js';
import { keyOf, ownerOf } from '../../support/actors.js';
import {
  createModel,
  createSetting,
  createTenant,
  oneChunk,
  succeeds,
  upload,
  type Setting,
} from './setting.js';

const LIMIT = 10_000;
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

let setting: Setting;
let service: VersionsService;
let other: VersionsService;
let actor: TenantActor;

beforeAll(async () => {
  setting = await createSetting();
  const limits = { defaultStorageBytes: LIMIT, maxUploadBytes: 1_000_000 };
  service = await setting.service(succeeds, { limits });
  other = await setting.service(succeeds, { limits });
});
afterAll(() => setting.stop());
beforeEach(async () => {
  actor = await createTenant(setting.db);
});

const begin = (length: number | null, by = service) => by.createTransfer(actor, { length, role: 'WHOLE' });
const used = async () => (await service.storageOfTenant(actor, actor.tenantId))?.usedBytes;

describe('the storage of a tenant', () => {
  it('counts an unfinished upload from its beginning, with its whole length', async () => {
    const begun = await begin(6_000);
    expect(begun.ok).toBe(true);
    expect(await service.storageOfTenant(actor, actor.tenantId)).toEqual({
      usedBytes: 6_000,
      limitBytes: LIMIT,
    });
    expect(await begin(4_001)).toMatchObject({
      error: { code: 'STORAGE_QUOTA_EXCEEDED', usedBytes: 6_000, limitBytes: LIMIT },
    });
    expect((await begin(4_000)).ok).toBe(true);
    if (begun.ok) await service.endTransfer(actor, begun.value.id);
    expect(await used()).toBe(4_000);
  });

  it('admits exactly as many as fit, when forty begin at once in two processes', async () => {
    const begun = await Promise.all(
      Array.from({ length: 40 }, (_, index) => begin(1_500, index % 2 === 0 ? service : other)),
    );
    expect(begun.filter(({ ok }) => ok)).toHaveLength(6);
    const codes = begun.flatMap((one) => (one.ok ? [] : [one.error.code]));
    expect(new Set(codes)).toEqual(new Set(['STORAGE_QUOTA_EXCEEDED']));
    expect(await used()).toBe(9_000);
  });

  it('admits exactly as many as fit, when whole files and pieces come at once', async () => {
    const work = Array.from({ length: 24 }, (_, index) =>
      index % 2 === 0
        ? begin(1_500)
        : other.receiveUpload(
            actor,
            oneChunk(randomBytes(1_500)),
            index % 3 === 0 ? {} : { contentLength: 1_500 },
          ),
    );
    const ended = await Promise.all(work);
    expect(ended.filter(({ ok }) => ok).length).toBeLessThanOrEqual(6);
    expect(await used()).toBe(1_500 * ended.filter(({ ok }) => ok).length);
    while ((await begin(1_500)).ok);
    expect(await used()).toBe(9_000);
  });

  it('bounds a file without a length while it arrives, and counts what is here of it', async () => {
    const begun = await begin(null);
    if (!begun.ok) throw new Error(begun.error.message);
    const { id } = begun.value;
    expect(await used()).toBe(0);
    const append = async (bytes: number, contentLength?: number) => {
      const writer = await service.writeTransfer(actor, id);
      if (!writer.ok) throw new Error(writer.error.message);
      try {
        return await writer.value.append(oneChunk(randomBytes(bytes)), { contentLength });
      } finally {
        await writer.value.release();
      }
    };
    expect((await append(4_000)).ok).toBe(true);
    expect(await used()).toBe(4_000);
    expect(await append(6_001, 6_001)).toMatchObject({ error: { code: 'STORAGE_QUOTA_EXCEEDED' } });
    expect((await append(6_001)).ok).toBe(false);
    expect(await used()).toBe(4_000);
    expect((await append(6_000, 6_000)).ok).toBe(true);
    expect(await used()).toBe(10_000);
  });

  it('counts a file once, however often it was uploaded and published', async () => {
    const bytes = randomBytes(4_000);
    const modelId = await createModel(setting.db, actor);
    for (let round = 0; round < 3; round++) {
      const { id } = await upload(service, actor, bytes);
      const published = await service.publishVersion(actor, { modelId, uploadId: id });
      expect(published).toMatchObject({ ok: true, value: { version: { number: round + 1 } } });
    }
    await upload(service, actor, bytes);
    expect(await used()).toBe(4_000);
    // Full: what is here already may come again, anything else may not.
    expect((await begin(6_000)).ok).toBe(true);
    const known = { expectedSha256: sha256(bytes), contentLength: 4_000 };
    expect((await service.receiveUpload(actor, oneChunk(bytes), known)).ok).toBe(true);
    const lie = await service.receiveUpload(actor, oneChunk(randomBytes(4_000)), known);
    expect(lie).toMatchObject({ error: { code: 'CHECKSUM_MISMATCH' } });
    expect(await service.receiveUpload(actor, oneChunk(randomBytes(1)), {})).toMatchObject({
      error: { code: 'STORAGE_QUOTA_EXCEEDED' },
    });
  });

  it("is the operator's to set and the tenant's to read", async () => {
    const [tenant] = await setting.db.asOwner<{ slug: string }>('SELECT slug FROM tenants WHERE id = $1', [
      actor.tenantId,
    ]);
    const operator: TenantActor = {
      ...(await createTenant(setting.db)),
      permissions: new Set(['PLATFORM_OPERATE'] as const),
    };
    const input = { tenantSlug: tenant?.slug ?? '', limitBytes: 20_000 };
    expect(await service.setTenantStorage(actor, input)).toMatchObject({
      error: { code: 'PERMISSION_DENIED' },
    });
    expect(await service.setTenantStorage(operator, input)).toMatchObject({ value: { limitBytes: 20_000 } });
    expect((await begin(15_000)).ok).toBe(true);
    // Below what is used: nothing goes, and nothing comes.
    await service.setTenantStorage(operator, { ...input, limitBytes: 5 });
    expect(await service.storageOfTenant(actor, actor.tenantId)).toEqual({
      usedBytes: 15_000,
      limitBytes: 5,
    });
    expect((await begin(1)).ok).toBe(false);
    expect(await service.setTenantStorage(operator, { ...input, limitBytes: null })).toMatchObject({
      value: { limitBytes: LIMIT },
    });
    for (const limitBytes of [-1, 1.5, 2 ** 60]) {
      const refused = await service.setTenantStorage(operator, { ...input, limitBytes });
      expect(refused).toMatchObject({ error: { code: 'INVALID_INPUT', path: ['limitBytes'] } });
    }
    expect(await service.setTenantStorage(operator, { tenantSlug: 'no-such' })).toMatchObject({
      error: { code: 'NOT_FOUND', path: ['tenantSlug'] },
    });
    expect(await service.storageOfTenant(keyOf(actor, 'VERSION_PUBLISH'), actor.tenantId)).toBeNull();
    expect(await service.storageOfTenant(operator, actor.tenantId)).toBeNull();
  });

  it('bounds the number of unfinished uploads', async () => {
    const most = await setting.service(succeeds, { limits: { maxPendingUploads: 3 } });
    const begun = await Promise.all(Array.from({ length: 6 }, () => begin(1, most)));
    expect(begun.filter(({ ok }) => ok)).toHaveLength(3);
    expect(begun.find(({ ok }) => !ok)).toMatchObject({ error: { code: 'TOO_MANY_UPLOADS' } });
  });

  it('bounds how many are written at the same time', async () => {
    const narrow = await setting.service(succeeds, { limits: { maxConcurrentUploads: 1 } });
    const [one, two] = [await begin(1, narrow), await begin(1, narrow)];
    if (!one.ok || !two.ok) throw new Error('Both fit.');
    const writer = await narrow.writeTransfer(actor, one.value.id);
    if (!writer.ok) throw new Error(writer.error.message);
    expect(await narrow.writeTransfer(actor, two.value.id)).toMatchObject({ error: { code: 'OVERLOADED' } });
    await writer.value.release();
    await writer.value.release();
    const next = await narrow.writeTransfer(actor, two.value.id);
    expect(next.ok).toBe(true);
    expect(await narrow.writeTransfer(actor, one.value.id)).toMatchObject({ error: { code: 'OVERLOADED' } });
    if (next.ok) await next.value.release();
  });
});

describe('a file that is not sent again', () => {
  it('becomes an upload by its digest, from an upload or a version of the same tenant', async () => {
    const bytes = randomBytes(500);
    const modelId = await createModel(setting.db, actor);
    const { id } = await upload(service, actor, bytes);
    await service.publishVersion(actor, { modelId, uploadId: id });
    const again = await service.createUploadFromDigest(actor, { sha256: sha256(bytes).toUpperCase() });
    if (!again.ok) throw new Error(again.error.message);
    expect(again.value).toMatchObject({ digest: sha256(bytes), bytes: 500 });
    expect(again.value.id).not.toBe(id);
    const published = await service.publishVersion(actor, { modelId, uploadId: again.value.id });
    expect(published).toMatchObject({ ok: true, value: { version: { number: 2, digest: sha256(bytes) } } });
    const waiting = await upload(service, actor, randomBytes(10));
    expect(await service.createUploadFromDigest(actor, { sha256: waiting.digest })).toMatchObject({
      ok: true,
    });
  });

  it('is answered like an unknown one when only another tenant has it', async () => {
    const stranger = ownerOf((await createTenant(setting.db)).tenantId);
    const foreign = await upload(service, actor, randomBytes(500));
    const before = await setting.everything();
    const [theirs, none] = [
      await service.createUploadFromDigest(stranger, { sha256: foreign.digest }),
      await service.createUploadFromDigest(stranger, { sha256: sha256(randomBytes(9)) }),
    ];
    expect(theirs).toEqual(none);
    expect(theirs).toMatchObject({ error: { code: 'NOT_FOUND', path: ['sha256'] } });
    expect(await setting.everything()).toEqual(before);
  });

  it('waits for nobody who has the same file: no lock of another tenant can be felt', async () => {
    const stranger = await createTenant(setting.db);
    const foreign = await upload(service, actor, randomBytes(500));
    await setting.db.database.transaction({ tenantId: actor.tenantId }, async (tx) => {
      const lock = `artifact ${foreign.digest}`;
      await tx.$queryRaw`SELECT 1 AS locked FROM pg_advisory_xact_lock(hashtextextended(${lock}, 0))`;
      const answer = await service.createUploadFromDigest(stranger, { sha256: foreign.digest });
      expect(answer).toMatchObject({ error: { code: 'NOT_FOUND' } });
    });
  });

  it('needs the permission to publish and a digest', async () => {
    const { digest } = await upload(service, actor);
    const reader = keyOf(actor, 'MODEL_READ');
    expect(await service.createUploadFromDigest(reader, { sha256: digest })).toMatchObject({
      error: { code: 'PERMISSION_DENIED', permission: 'VERSION_PUBLISH' },
    });
    for (const wrong of ['', 'abc', `${digest}0`, '../../etc/passwd', `${digest.slice(1)}\u0000`]) {
      expect(await service.createUploadFromDigest(actor, { sha256: wrong })).toMatchObject({
        error: { code: 'INVALID_INPUT', path: ['sha256'] },
      });
    }
  });
});

it('says of an upload that is still arriving that it is not complete', async () => {
  const begun = await begin(10);
  if (!begun.ok) throw new Error(begun.error.message);
  const modelId = await createModel(setting.db, actor);
  expect(await service.publishVersion(actor, { modelId, uploadId: begun.value.id })).toMatchObject({
    error: { code: 'CONFLICT', path: ['uploadId'] },
  });
});

import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { TenantActor } from '../../../src/domain/access/index.js';
import type { ImportArtifact, Upload } from '../../../src/domain/versions/index.js';
import type { ImportProgress, ImportRefusal } from '../../../src/importers/index.js';
import type { RunnableArtifact } from '../../../src/inference/index.js';
import { ok, refuse } from '../../../src/lib/result.js';
import { until } from '../../support/until.js';
import { keyOf } from '../../support/actors.js';
import {
  createModel,
  createSetting,
  createTenant,
  leavePack,
  succeeds,
  untilEqual,
  upload,
  type Setting,
} from './setting.js';

let setting: Setting;
let actor: TenantActor;

beforeEach(async () => {
  setting = await createSetting();
  actor = await createTenant(setting.db);
});
afterEach(() => setting.stop());

const refuses: ImportArtifact = async ({ workDirectory }) => {
  await leavePack(workDirectory, randomBytes(10));
  const refusal: ImportRefusal = {
    code: 'UNSUPPORTED_LAYER',
    message: 'The layer "secret_sauce" is a Lambda, which is not served.',
    subject: 'secret_sauce',
  };
  return refuse(refusal);
};

describe('publishVersion', () => {
  it('makes version 1 from an upload, warms it, and records who did it', async () => {
    const warmed: RunnableArtifact[] = [];
    const service = await setting.service(succeeds, { warm: (artifact) => warmed.push(artifact) });
    const modelId = await createModel(setting.db, actor);
    const source = await upload(service, actor);
    const result = await service.publishVersion(actor, {
      modelId,
      uploadId: source.id,
      notes: ' first\n',
      waitMs: 20_000,
    });
    if (!result.ok) throw new Error(result.error.message);
    const { publication, version, errors } = result.value;
    expect(errors).toEqual([]);
    expect(publication).toMatchObject({
      status: 'SUCCEEDED',
      phase: null,
      progress: 1,
      versionId: version?.id,
      refusal: null,
    });
    expect(version).toMatchObject({
      tenantId: actor.tenantId,
      modelId,
      number: 1,
      digest: source.digest,
      bytes: source.bytes,
      format: 'KERAS_H5',
      producer: 'keras 3.15.1',
      runtime: 'tfjs-wasm',
      notes: 'first',
      parameterCount: 22,
      weightBytes: 88,
      packBytes: 500,
      operations: [{ name: 'Dense', count: 1 }],
    });
    expect(version?.signature.inputs).toEqual([{ name: 'x', datatype: 'FP32', shape: [-1, 10] }]);
    expect(version?.trials[0]?.computeMs).toBe(0.25);
    expect(await service.getVersion(actor, version?.id ?? '')).toEqual(version);
    expect(await service.getUpload(actor, source.id)).toBeNull();
    if (version === null) throw new Error('no version');
    // Before it can be called, from where the import left it, and once more from where it lies now.
    await until(() => warmed.length === 2);
    const lasting = service.packPath(version);
    expect(warmed).toEqual([
      { ...lasting, path: expect.stringContaining(publication.id) as string },
      lasting,
    ]);
    expect(await setting.artifacts.stat(version.packDigest)).toEqual({
      digest: version.packDigest,
      bytes: 500,
    });

    const events = await setting.db.asOwner<{ action: string; subject_id: string; request_id: string }>(
      'SELECT action, subject_id, request_id FROM audit_events WHERE tenant_id = $1 ORDER BY id',
      [actor.tenantId],
    );
    expect(events).toEqual([
      { action: 'publishVersion', subject_id: modelId, request_id: actor.requestId },
      { action: 'createVersion', subject_id: version.id, request_id: actor.requestId },
    ]);
    // The artifact and the pack; no work directory, nothing half-written.
    expect((await setting.everything()).files).toEqual([version.digest, version.packDigest].sort());
  });

  it('refuses what cannot be served, and leaves nothing of it', async () => {
    const service = await setting.service(refuses);
    const modelId = await createModel(setting.db, actor);
    const before = await setting.everything();
    const { id } = await upload(service, actor);
    const result = await service.publishVersion(actor, { modelId, uploadId: id, waitMs: 20_000 });
    const refusal = {
      code: 'IMPORT_REFUSED',
      message: 'The layer "secret_sauce" is a Lambda, which is not served.',
      path: ['uploadId'],
      reason: 'UNSUPPORTED_LAYER',
      subject: 'secret_sauce',
    };
    expect(result).toMatchObject({
      ok: true,
      value: { version: null, errors: [refusal], publication: { status: 'REFUSED', refusal } },
    });
    await untilEqual(setting, before);
    if (!result.ok) throw new Error();
    expect(await service.getPublication(actor, result.value.publication.id)).toMatchObject({
      status: 'REFUSED',
      refusal,
    });
    const [model] = await setting.db.asOwner<{ n: number }>(
      'SELECT last_version_number AS n FROM models WHERE id = $1',
      [modelId],
    );
    expect(model?.n).toBe(0);
  });

  it('keeps refused bytes that somebody else has uploaded too', async () => {
    const service = await setting.service(refuses);
    const modelId = await createModel(setting.db, actor);
    const bytes = randomBytes(100);
    const mine = await upload(service, actor, bytes);
    const theirs = await upload(service, await createTenant(setting.db), bytes);
    await service.publishVersion(actor, { modelId, uploadId: mine.id, waitMs: 20_000 });
    await service.sweepBytesAcrossTenants();
    expect(await setting.artifacts.stat(theirs.digest)).not.toBeNull();
  });

  it('gives one upload to exactly one of 50 parallel publishes', async () => {
    const service = await setting.service(succeeds);
    const modelId = await createModel(setting.db, actor);
    const { id } = await upload(service, actor);
    const results = await Promise.all(
      Array.from({ length: 50 }, () =>
        service.publishVersion(actor, { modelId, uploadId: id, waitMs: 20_000 }),
      ),
    );
    expect(results.filter((result) => result.ok)).toHaveLength(1);
    const codes = results.map((result) => (result.ok ? 'OK' : result.error.code));
    expect(codes.filter((code) => code === 'CONFLICT')).toHaveLength(49);
    expect((await setting.everything()).rows).toMatchObject({ versions: 1, uploads: 0 });
  });

  it('numbers 50 parallel publishes on two servers from 1 to 50, and nobody ever sees a gap', async () => {
    const service = await setting.service(succeeds, { limits: { maxConcurrentImports: 8 } });
    const other = await setting.service(succeeds, { limits: { maxConcurrentImports: 8 } });
    const modelId = await createModel(setting.db, actor);
    let isOver = false;
    const seen = (async () => {
      const lists: number[][] = [];
      while (!isOver) {
        const page = await other.listVersions(actor, modelId, { first: 100 });
        if (page.ok) lists.push(page.value.items.map(({ number }) => number).reverse());
      }
      return lists;
    })();
    const uploads: Upload[] = [];
    for (let i = 0; i < 50; i++) uploads.push(await upload(service, actor));
    const results = await Promise.all(
      uploads.map(({ id }, i) =>
        (i % 2 === 0 ? service : other).publishVersion(actor, { modelId, uploadId: id, waitMs: 60_000 }),
      ),
    );
    isOver = true;
    const lists = await seen;
    expect(lists.length).toBeGreaterThan(10);
    for (const numbers of lists) expect(numbers).toEqual(numbers.map((_, i) => i + 1));
    const numbers = results.map((result) => (result.ok ? result.value.version?.number : null));
    expect(numbers.sort((a, b) => Number(a) - Number(b))).toEqual(
      Array.from({ length: 50 }, (_, i) => i + 1),
    );
    const latest = await service.latestVersion(actor, modelId);
    expect(latest?.number).toBe(50);
    // No row lost and none mixed up: each upload became one version, whose pack is there.
    const versions = results.flatMap((result) => (result.ok ? [result.value.version] : []));
    expect(versions.map((version) => version?.digest).sort()).toEqual(
      uploads.map(({ digest }) => digest).sort(),
    );
    const { files } = await setting.everything();
    for (const version of versions) expect(files).toContain(version?.packDigest);
  }, 60_000);

  it('answers in time, and the publication goes on when nobody waits any more', async () => {
    let finish = (): void => undefined;
    const service = await setting.service(async (request, onProgress) => {
      onProgress({ phase: 'READING', fraction: 0.25 });
      await new Promise<void>((resolve) => (finish = resolve));
      return succeeds(request, onProgress, new AbortController().signal);
    });
    const modelId = await createModel(setting.db, actor);
    const first = await upload(service, actor);
    const gone = new AbortController();
    const published = service.publishVersion(actor, {
      modelId,
      uploadId: first.id,
      waitMs: 120_000,
      signal: gone.signal,
    });
    await until(async () => (await setting.everything()).rows['unfinished'] === 1);
    gone.abort();
    const result = await published;
    if (!result.ok) throw new Error(result.error.message);
    expect(result.value).toMatchObject({ version: null, errors: [] });
    const { id } = result.value.publication;
    await until(async () => (await service.getPublication(actor, id))?.phase === 'READING');
    expect(await service.getPublication(actor, id)).toMatchObject({
      status: 'RUNNING',
      progress: 0.25,
      finishedAt: null,
    });
    finish();
    await until(async () => (await service.getPublication(actor, id))?.status === 'SUCCEEDED');
  });

  it('shows the newest progress, however often it is reported, and ends at 1', async () => {
    const reports: ImportProgress[] = Array.from({ length: 500 }, (_, i) => ({
      phase: 'CONVERTING',
      fraction: i / 500,
    }));
    let finish = (): void => undefined;
    const service = await setting.service(async (request, onProgress, signal) => {
      for (const report of reports) onProgress(report);
      await new Promise<void>((resolve) => (finish = resolve));
      return succeeds(request, onProgress, signal);
    });
    const modelId = await createModel(setting.db, actor);
    const { id: uploadId } = await upload(service, actor);
    const begun = await service.publishVersion(actor, { modelId, uploadId, waitMs: 0 });
    if (!begun.ok) throw new Error(begun.error.message);
    const { id } = begun.value.publication;
    expect(begun.value.publication.status).toMatch(/QUEUED|RUNNING/);
    await until(async () => (await service.getPublication(actor, id))?.progress === 499 / 500);
    finish();
    await until(async () => (await service.getPublication(actor, id))?.progress === 1);
  });

  it('refuses what is not the actor’s, archived, gone or malformed, and keeps the upload', async () => {
    const service = await setting.service(succeeds);
    const modelId = await createModel(setting.db, actor);
    const archived = await createModel(setting.db, actor, { archived: true });
    const stranger = await createTenant(setting.db);
    const foreign = await createModel(setting.db, stranger, { visibility: 'PUBLIC' });
    const { id: uploadId } = await upload(service, actor);
    const theirs = await upload(service, stranger);
    const attempt = async (
      who: TenantActor,
      input: { modelId: string; uploadId: string; notes?: string; waitMs?: number },
    ) => {
      const result = await service.publishVersion(who, input);
      return result.ok ? 'OK' : [result.error.code, result.error.path?.[0]];
    };
    expect(await attempt(actor, { modelId: foreign, uploadId })).toEqual(['NOT_FOUND', 'modelId']);
    expect(await attempt(actor, { modelId: 'mdl_x', uploadId })).toEqual(['NOT_FOUND', 'modelId']);
    expect(await attempt(actor, { modelId: archived, uploadId })).toEqual(['CONFLICT', 'modelId']);
    expect(await attempt(actor, { modelId, uploadId: theirs.id })).toEqual(['NOT_FOUND', 'uploadId']);
    expect(await attempt(actor, { modelId, uploadId: '../../etc' })).toEqual(['NOT_FOUND', 'uploadId']);
    expect(await attempt(actor, { modelId, uploadId, notes: 'a\u0000b' })).toEqual([
      'INVALID_INPUT',
      'notes',
    ]);
    expect(await attempt(actor, { modelId, uploadId, notes: 'x'.repeat(10_001) })).toEqual([
      'INVALID_INPUT',
      'notes',
    ]);
    expect(await attempt(actor, { modelId, uploadId, waitMs: 120_001 })).toEqual(['INVALID_INPUT', 'waitMs']);
    expect(await attempt(keyOf(actor, 'MODEL_READ'), { modelId, uploadId })).toEqual([
      'PERMISSION_DENIED',
      undefined,
    ]);
    expect(await service.getUpload(actor, uploadId)).not.toBeNull();
    expect((await setting.everything()).rows).toMatchObject({ uploads: 2, unfinished: 0, versions: 0 });
  });

  it('refuses a version whose model was archived while it was imported', async () => {
    let modelId = '';
    const service = await setting.service(async (request, onProgress, signal) => {
      await setting.db.asOwner('UPDATE models SET archived_at = now() WHERE id = $1', [modelId]);
      return succeeds(request, onProgress, signal);
    });
    modelId = await createModel(setting.db, actor);
    const { id } = await upload(service, actor);
    const result = await service.publishVersion(actor, { modelId, uploadId: id, waitMs: 20_000 });
    expect(result).toMatchObject({
      ok: true,
      value: { version: null, errors: [{ code: 'IMPORT_REFUSED' }] },
    });
    await untilEqual(setting, {
      files: [],
      rows: {
        uploads: 0,
        transfers: 0,
        artifacts: 0,
        unfinished: 0,
        versions: 0,
      },
    });
  });

  it('never loses a pack that versions share to a sweep at the same time', async () => {
    const pack = randomBytes(300);
    const service = await setting.service(
      async ({ workDirectory }) => ok(await leavePack(workDirectory, pack)),
      {
        limits: { maxConcurrentImports: 4 },
      },
    );
    const models = [await createModel(setting.db, actor), await createModel(setting.db, actor)];
    const results = await Promise.all(
      Array.from({ length: 8 }, async (_, i) => {
        const { id } = await upload(service, actor);
        const sweep = service.sweepBytesAcrossTenants();
        const result = await service.publishVersion(actor, {
          modelId: models[i % 2] ?? '',
          uploadId: id,
          waitMs: 30_000,
        });
        await sweep;
        return result;
      }),
    );
    for (const result of results) {
      if (!result.ok || result.value.version === null) throw new Error('a publication failed');
      expect(await setting.artifacts.stat(result.value.version.packDigest)).not.toBeNull();
      expect(await setting.artifacts.stat(result.value.version.digest)).not.toBeNull();
    }
  });
});

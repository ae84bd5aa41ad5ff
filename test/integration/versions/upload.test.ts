import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Clock } from '../../../src/lib/clock.js';
import { until } from '../../support/until.js';
import { keyOf } from '../../support/actors.js';
import { createSetting, createTenant, oneChunk, succeeds, upload, type Setting } from './setting.js';

const HOUR_MS = 3_600_000;

describe('an upload', () => {
  let setting: Setting;
  let nowMs = Date.now();
  const clock: Clock = { now: () => new Date(nowMs), monotonicMs: () => performance.now() };

  beforeAll(async () => {
    setting = await createSetting(clock);
  });
  afterAll(() => setting.stop());

  it('is stored under its digest and can be read back by its own tenant only', async () => {
    const service = await setting.service(succeeds);
    const actor = await createTenant(setting.db);
    const stranger = await createTenant(setting.db);
    const bytes = randomBytes(1_234);
    const made = await upload(service, actor, bytes);
    expect(made).toMatchObject({
      tenantId: actor.tenantId,
      bytes: 1_234,
      digest: createHash('sha256').update(bytes).digest('hex'),
      expiresAt: new Date(nowMs + 24 * HOUR_MS),
    });
    expect(made.id).toMatch(/^upl_/);
    expect(await service.getUpload(actor, made.id)).toEqual(made);
    expect(await service.getUpload(stranger, made.id)).toBeNull();
    expect(await service.getUpload(keyOf(actor, 'PREDICTION_RUN'), made.id)).toBeNull();
    expect(await setting.artifacts.stat(made.digest)).toEqual({ digest: made.digest, bytes: 1_234 });
  });

  it('needs VERSION_PUBLISH, and reads nothing of the body without it', async () => {
    const service = await setting.service(succeeds);
    const actor = await createTenant(setting.db);
    let isRead = false;
    async function* body(): AsyncGenerator<Uint8Array> {
      isRead = true;
      yield randomBytes(1);
    }
    const refused = await service.receiveUpload(keyOf(actor, 'MODEL_READ'), body(), {});
    expect(refused).toMatchObject({
      ok: false,
      error: { code: 'PERMISSION_DENIED', permission: 'VERSION_PUBLISH' },
    });
    const announced = await service.receiveUpload(actor, body(), { contentLength: 3 * 1024 ** 3 });
    expect(announced).toMatchObject({ ok: false, error: { code: 'PAYLOAD_TOO_LARGE' } });
    const malformed = await service.receiveUpload(actor, body(), { expectedSha256: '../..' });
    expect(malformed).toMatchObject({ ok: false, error: { code: 'INVALID_INPUT' } });
    expect(isRead).toBe(false);
  });

  it('that is cut, wrong, empty or too large leaves no file and no row', async () => {
    const service = await setting.service(succeeds, { limits: { maxUploadBytes: 10_000 } });
    const actor = await createTenant(setting.db);
    const before = await setting.everything();
    async function* cut(): AsyncGenerator<Uint8Array> {
      yield randomBytes(5_000);
      throw new Error('connection reset');
    }
    const refusals = [
      await service.receiveUpload(actor, cut(), {}),
      await service.receiveUpload(actor, oneChunk(randomBytes(9_999)), { contentLength: 10_000 }),
      await service.receiveUpload(actor, oneChunk(randomBytes(10)), { expectedSha256: 'a'.repeat(64) }),
      await service.receiveUpload(actor, oneChunk(new Uint8Array()), {}),
      await service.receiveUpload(actor, oneChunk(randomBytes(10_001)), {}),
    ];
    expect(refusals.map((refusal) => !refusal.ok && refusal.error.code)).toEqual([
      'UPLOAD_INCOMPLETE',
      'UPLOAD_INCOMPLETE',
      'CHECKSUM_MISMATCH',
      'INVALID_INPUT',
      'PAYLOAD_TOO_LARGE',
    ]);
    expect(await setting.everything()).toEqual(before);
  });

  it('counts against the tenant while it arrives, so that parallel ones cannot pass the limit', async () => {
    const service = await setting.service(succeeds, { limits: { maxPendingUploads: 5 } });
    const actor = await createTenant(setting.db);
    const results = await Promise.all(
      Array.from({ length: 20 }, () =>
        service.receiveUpload(actor, oneChunk(randomBytes(100)), { contentLength: 100 }),
      ),
    );
    const accepted = results.filter((result) => result.ok);
    expect(accepted.length).toBeLessThanOrEqual(5);
    for (let missing = 5 - accepted.length; missing > 0; missing--) await upload(service, actor);
    const sixth = await service.receiveUpload(actor, oneChunk(randomBytes(1)), {});
    expect(sixth).toMatchObject({ ok: false, error: { code: 'TOO_MANY_UPLOADS' } });
    expect(results.every((result) => result.ok || result.error.code === 'TOO_MANY_UPLOADS')).toBe(true);
    await upload(service, await createTenant(setting.db));
  });

  it('may fill what is left of the bytes of a tenant, and no more', async () => {
    const service = await setting.service(succeeds, { limits: { maxPendingBytes: 1_000 } });
    const actor = await createTenant(setting.db);
    await upload(service, actor, randomBytes(600));
    const tooMany = { ok: false, error: { code: 'TOO_MANY_UPLOADS' } };
    expect(await service.receiveUpload(actor, oneChunk(randomBytes(401)), {})).toMatchObject(tooMany);
    expect(
      await service.receiveUpload(actor, oneChunk(randomBytes(401)), { contentLength: 401 }),
    ).toMatchObject(tooMany);
    await upload(service, actor, randomBytes(400));
  });

  it('holds a place on the server only while it arrives', async () => {
    const service = await setting.service(succeeds, { limits: { maxConcurrentUploads: 1 } });
    const actor = await createTenant(setting.db);
    let finish = (): void => undefined;
    let isReading = false;
    async function* slow(): AsyncGenerator<Uint8Array> {
      isReading = true;
      await new Promise<void>((resolve) => (finish = resolve));
      yield randomBytes(10);
    }
    const first = service.receiveUpload(actor, slow(), {});
    await until(() => isReading);
    const second = await service.receiveUpload(actor, oneChunk(randomBytes(1)), {});
    expect(second).toMatchObject({ ok: false, error: { code: 'OVERLOADED', retryAfterMs: 5_000 } });
    finish();
    expect((await first).ok).toBe(true);
    await upload(service, actor);
  });

  it('vanishes when it expires, its bytes only when nobody else has the same', async () => {
    const service = await setting.service(succeeds);
    const [one, other] = [await createTenant(setting.db), await createTenant(setting.db)];
    const shared = randomBytes(700);
    const first = await upload(service, one, shared);
    const alone = await upload(service, one, randomBytes(700));
    nowMs += 23 * HOUR_MS;
    const second = await upload(service, other, shared);
    nowMs += 2 * HOUR_MS;
    expect(await service.getUpload(one, first.id)).toBeNull();
    await service.sweepUploadsAcrossTenants();
    expect(await setting.artifacts.stat(alone.digest)).toBeNull();
    expect(await setting.artifacts.stat(first.digest)).not.toBeNull();
    expect(await service.getUpload(other, second.id)).toEqual(second);
    nowMs += 24 * HOUR_MS;
    await service.sweepUploadsAcrossTenants();
    expect(await setting.artifacts.stat(first.digest)).toBeNull();
    expect((await setting.everything()).rows).toMatchObject({ uploads: 0, artifacts: 0 });
  });

  it('never loses its bytes to the removal of the same bytes at the same time', async () => {
    const service = await setting.service(succeeds);
    const actor = await createTenant(setting.db);
    const bytes = randomBytes(2_000);
    for (let round = 0; round < 15; round++) {
      const old = await upload(service, actor, bytes);
      await setting.db.asOwner('UPDATE uploads SET expires_at = $2 WHERE id = $1', [
        old.id,
        new Date(nowMs - 1),
      ]);
      const [fresh] = await Promise.all([
        upload(service, actor, bytes),
        service.sweepUploadsAcrossTenants(),
        service.sweepBytesAcrossTenants(),
      ]);
      expect(await setting.artifacts.stat(fresh.digest)).toEqual({ digest: fresh.digest, bytes: 2_000 });
      await setting.db.asOwner('UPDATE uploads SET expires_at = $2 WHERE id = $1', [
        fresh.id,
        new Date(nowMs - 1),
      ]);
      await service.sweepUploadsAcrossTenants();
      expect(await setting.artifacts.stat(fresh.digest)).toBeNull();
    }
  });

  it('that a crash left without a row is swept away', async () => {
    const service = await setting.service(succeeds);
    const actor = await createTenant(setting.db);
    const kept = await upload(service, actor);
    const orphan = await setting.artifacts.put(oneChunk(randomBytes(50)), { maxBytes: 50 });
    await service.sweepBytesAcrossTenants();
    expect(orphan.ok && (await setting.artifacts.stat(orphan.value.digest))).toBeNull();
    expect(await setting.artifacts.stat(kept.digest)).not.toBeNull();
  });
});

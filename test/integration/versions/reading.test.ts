import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TenantActor } from '../../../src/domain/access/index.js';
import type { Version, VersionsService } from '../../../src/domain/versions/index.js';
import { keyOf } from '../../support/actors.js';
import {
  createModel,
  createSetting,
  createTenant,
  grantTo,
  succeeds,
  upload,
  type Setting,
} from './setting.js';

describe('reading versions', () => {
  let setting: Setting;
  let service: VersionsService;
  let owner: TenantActor;
  let stranger: TenantActor;

  beforeAll(async () => {
    setting = await createSetting();
    service = await setting.service(succeeds);
    owner = await createTenant(setting.db);
    stranger = await createTenant(setting.db);
  });
  afterAll(() => setting.stop());

  async function publish(modelId: string, count = 1): Promise<Version[]> {
    const versions: Version[] = [];
    for (let i = 0; i < count; i++) {
      const { id } = await upload(service, owner);
      const result = await service.publishVersion(owner, { modelId, uploadId: id, waitMs: 20_000 });
      if (!result.ok || result.value.version === null) throw new Error('not published');
      versions.push(result.value.version);
    }
    return versions;
  }

  async function firstListed(who: TenantActor, modelId: string): Promise<Version | null> {
    const page = await service.listVersions(who, modelId, {});
    if (!page.ok) throw new Error(page.error.message);
    return page.value.items[0] ?? null;
  }

  it('shows a private model’s versions to its tenant alone, and to a grantee from the grant on', async () => {
    const modelId = await createModel(setting.db, owner);
    const [version] = await publish(modelId);
    const id = version?.id ?? '';
    const seenBy = async (who: TenantActor) => [
      await service.getVersion(who, id),
      await service.latestVersion(who, modelId),
      await service.versionByNumber(who, modelId, 1),
      await firstListed(who, modelId),
    ];
    expect(await seenBy(owner)).toEqual([version, version, version, version]);
    const nothing = [null, null, null, null];
    expect(await seenBy(stranger)).toEqual(nothing);
    expect(await seenBy(keyOf(owner, 'PREDICTION_RUN'))).toEqual(nothing);
    await grantTo(setting.db, owner, modelId, stranger, ['VIEW']);
    expect(await seenBy(stranger)).toEqual([version, version, version, version]);
    await setting.db.asOwner('UPDATE grants SET revoked_at = now() WHERE model_id = $1', [modelId]);
    expect(await seenBy(stranger)).toEqual(nothing);
  });

  it('shows a public model’s versions to everybody, its publications to nobody else', async () => {
    const modelId = await createModel(setting.db, owner, { visibility: 'PUBLIC' });
    const [version] = await publish(modelId);
    expect(await service.getVersion(stranger, version?.id ?? '')).toEqual(version);
    const [row] = await setting.db.asOwner<{ id: string }>(
      'SELECT id FROM publications WHERE version_id = $1',
      [version?.id],
    );
    expect(await service.getPublication(owner, row?.id ?? '')).toMatchObject({ status: 'SUCCEEDED' });
    expect(await service.getPublication(stranger, row?.id ?? '')).toBeNull();
    expect(await service.getPublication(keyOf(owner, 'PREDICTION_RUN'), row?.id ?? '')).toBeNull();
  });

  it('answers batches in the order asked for, with nulls where there is nothing', async () => {
    const [withTwo, empty, foreign] = [
      await createModel(setting.db, owner, { visibility: 'PUBLIC' }),
      await createModel(setting.db, owner),
      await createModel(setting.db, stranger),
    ];
    const [one, two] = await publish(withTwo, 2);
    expect(await service.latestVersions(owner, [empty, withTwo, foreign, 'nonsense', withTwo])).toEqual([
      null,
      two,
      null,
      null,
      two,
    ]);
    expect(await service.getVersionsByIds(owner, [two?.id ?? '', 'x', one?.id ?? ''])).toEqual([
      two,
      null,
      one,
    ]);
  });

  it('pages through versions, newest first', async () => {
    const modelId = await createModel(setting.db, owner);
    await publish(modelId, 5);
    const numbers: number[][] = [];
    let after: string | null = null;
    do {
      const page = await service.listVersions(owner, modelId, { first: 2, after });
      if (!page.ok) throw new Error(page.error.message);
      numbers.push(page.value.items.map((version) => version.number));
      after = page.value.hasNextPage ? (page.value.cursors.at(-1) ?? null) : null;
    } while (after !== null);
    expect(numbers).toEqual([[5, 4], [3, 2], [1]]);
    const forged = Buffer.from('[1,"versions",1e300]').toString('base64url');
    for (const page of [{ first: 0 }, { first: 101 }, { after: 'nonsense' }, { after: forged }]) {
      expect(await service.listVersions(owner, modelId, page)).toMatchObject({
        ok: false,
        error: { code: 'INVALID_INPUT' },
      });
    }
    expect(await service.versionByNumber(owner, modelId, 2 ** 40)).toBeNull();
    expect(await service.versionByNumber(owner, modelId, 0)).toBeNull();
  });

  it('cannot be changed or deleted once made, even by the application itself', async () => {
    const [version] = await publish(await createModel(setting.db, owner));
    for (const statement of [
      'UPDATE versions SET notes = $1 WHERE id = $1',
      'DELETE FROM versions WHERE id = $1',
    ]) {
      const change = setting.db.database.sql({ tenantId: owner.tenantId }, (query) =>
        query(statement, [version?.id]),
      );
      await expect(change).rejects.toThrow('permission denied');
    }
  });
});

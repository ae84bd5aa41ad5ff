/** What stands around a version and never changes it: yanks, origins, figures, comparisons, the report of its import. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TenantActor } from '../../../src/domain/access/index.js';
import { createAuditService } from '../../../src/domain/audit/index.js';
import type {
  ImportArtifact,
  PublishVersionInput,
  Version,
  VersionsService,
} from '../../../src/domain/versions/index.js';
import { systemClock } from '../../../src/lib/clock.js';
import { ok, refuse } from '../../../src/lib/result.js';
import { keyOf } from '../../support/actors.js';
import {
  createModel,
  createSetting,
  createTenant,
  grantTo,
  leavePack,
  upload,
  type Setting,
} from './setting.js';

let setting: Setting;
let service: VersionsService;
let owner: TenantActor;
let stranger: TenantActor;
/** What the next import does besides leaving a pack. */
let change: object = {};

const imports: ImportArtifact = async ({ workDirectory }, onProgress) => {
  onProgress({ phase: 'READING', fraction: 0 });
  onProgress({ phase: 'TRYING', fraction: 0.6, facts: { peakMemoryBytes: 1_000, network: 'none' } });
  return ok({ ...(await leavePack(workDirectory, randomBytes(500))), ...change });
};

beforeAll(async () => {
  setting = await createSetting();
  service = await setting.service(imports);
  owner = await createTenant(setting.db);
  stranger = await createTenant(setting.db);
});
afterAll(() => setting.stop());

async function publish(
  modelId: string,
  more: Partial<PublishVersionInput> = {},
  who = owner,
): Promise<Version> {
  const { id } = await upload(service, who);
  const result = await service.publishVersion(who, { modelId, uploadId: id, waitMs: 20_000, ...more });
  if (!result.ok || result.value.version === null) throw new Error(JSON.stringify(result));
  return result.value.version;
}

async function yank(version: Version, pinnedCallers?: 'KEEP' | 'REFUSE', who = owner) {
  return service.yankVersion(who, {
    versionId: version.id,
    reason: 'It answers 7 for every 1.',
    pinnedCallers,
  });
}

describe('a yank', () => {
  it('takes the version from the newest place, and is shown with its reason until it ends', async () => {
    const modelId = await createModel(setting.db, owner);
    const [first, second] = [await publish(modelId), await publish(modelId)];
    expect(await service.yanksOfVersions(owner, [first.id, second.id])).toEqual([null, null]);

    expect(await yank(second)).toEqual({ ok: true, value: second });
    expect(await service.latestVersion(owner, modelId)).toEqual(first);
    expect(await service.versionByNumber(owner, modelId, 2)).toEqual(second);
    expect(await service.getVersion(owner, second.id)).toEqual(second);
    const [none, found] = await service.yanksOfVersions(owner, [first.id, second.id]);
    expect(none).toBeNull();
    expect(found).toMatchObject({
      versionId: second.id,
      reason: 'It answers 7 for every 1.',
      pinnedCallers: 'KEEP',
      yankedBy: owner.kind === 'user' ? owner.userId : '',
    });
    expect(found?.since.getTime()).toBeLessThanOrEqual(Date.now());

    await yank(first, 'REFUSE');
    expect(await service.latestVersion(owner, modelId)).toBeNull();
    // The next number is the next, whatever was yanked.
    const third = await publish(modelId);
    expect(third.number).toBe(3);
    expect(await service.unyankVersion(owner, second.id)).toEqual({ ok: true, value: second });
    expect(await service.yanksOfVersions(owner, [second.id])).toEqual([null]);
    expect(await service.unyankVersion(owner, second.id)).toMatchObject({
      error: { code: 'CONFLICT', path: ['versionId'] },
    });
  });

  it('said again has the new reason and mode, and all of it is kept for the record', async () => {
    const modelId = await createModel(setting.db, owner, { archived: false });
    const version = await publish(modelId);
    const author = keyOf(owner, 'VERSION_PUBLISH');
    await setting.db.asOwner('UPDATE models SET archived_at = now() WHERE id = $1', [modelId]);
    const results = await Promise.all([
      yank(version),
      yank(version, 'REFUSE'),
      yank(version, 'KEEP', author),
    ]);
    expect(results.map((result) => result.ok && result.value.id)).toEqual(results.map(() => version.id));
    expect(await yank(version, 'REFUSE', author)).toMatchObject({ ok: true });
    expect(await service.yanksOfVersions(owner, [version.id])).toMatchObject([{ pinnedCallers: 'REFUSE' }]);
    const rows = await setting.db.asOwner<{ ended: boolean }>(
      'SELECT ended_at IS NOT NULL AS ended FROM version_yanks WHERE version_id = $1 ORDER BY yanked_at, ended',
      [version.id],
    );
    expect(rows.filter(({ ended }) => !ended)).toHaveLength(1);
    expect(rows).toHaveLength(4);
    const events = await createAuditService({ database: setting.db.database, clock: systemClock }).auditLog(
      owner,
      { subjectId: version.id, first: 10 },
    );
    expect(events.ok && events.value.items.filter(({ action }) => action === 'yankVersion')).toHaveLength(4);
  });

  it('is for the version’s own tenant, with VERSION_PUBLISH and a reason', async () => {
    const modelId = await createModel(setting.db, owner, { visibility: 'PUBLIC' });
    const version = await publish(modelId);
    expect(await yank(version, 'KEEP', stranger)).toMatchObject({
      error: { code: 'NOT_FOUND', path: ['versionId'] },
    });
    expect(await yank(version, 'KEEP', keyOf(owner, 'MODEL_READ'))).toMatchObject({
      error: { code: 'PERMISSION_DENIED' },
    });
    for (const reason of ['', '  ', 'x'.repeat(1_001), 'a\u0007b']) {
      expect(await service.yankVersion(owner, { versionId: version.id, reason })).toMatchObject({
        error: { code: 'INVALID_INPUT', path: ['reason'] },
      });
    }
    expect(await service.unyankVersion(owner, '../..')).toMatchObject({ error: { code: 'NOT_FOUND' } });
    expect(await service.latestVersion(stranger, modelId)).toEqual(version);
    await yank(version);
    // Whoever sees the version reads why it went.
    expect(await service.yanksOfVersions(stranger, [version.id])).toMatchObject([{ versionId: version.id }]);
    await setting.db.asOwner("UPDATE models SET visibility = 'PRIVATE' WHERE id = $1", [modelId]);
    expect(await service.yanksOfVersions(stranger, [version.id])).toEqual([null]);
  });

  it('leaves the rest of its row alone, and never another tenant’s, whatever the code does', async () => {
    const version = await publish(await createModel(setting.db, owner, { visibility: 'PUBLIC' }));
    const as = (who: TenantActor, statement: string, parameters: unknown[]) =>
      setting.db.database.sql({ tenantId: who.tenantId }, (query) => query(statement, parameters));
    const forge = `INSERT INTO version_yanks (id, tenant_id, model_id, version_id, reason, pinned_callers, yanked_at)
      VALUES ('ynk_x', $1, $2, $3, 'no', 'REFUSE', now())`;
    await expect(as(stranger, forge, [stranger.tenantId, version.modelId, version.id])).rejects.toThrow(
      'foreign key',
    );
    await expect(as(stranger, forge, [owner.tenantId, version.modelId, version.id])).rejects.toThrow(
      'row-level security',
    );
    await yank(version);
    await as(stranger, 'UPDATE version_yanks SET ended_at = now() WHERE version_id = $1', [version.id]);
    expect(await service.yanksOfVersions(owner, [version.id])).toMatchObject([{ versionId: version.id }]);
    for (const statement of ["UPDATE version_yanks SET reason = 'x'", 'DELETE FROM version_yanks']) {
      await expect(as(owner, statement, [])).rejects.toThrow('permission denied');
    }
  });
});

describe('a version', () => {
  it('cannot be changed, not even by the owner of the tables', async () => {
    await publish(await createModel(setting.db, owner));
    for (const statement of [
      "UPDATE versions SET notes = ''",
      'DELETE FROM versions WHERE false',
      'TRUNCATE versions CASCADE',
    ]) {
      await expect(setting.db.asOwner(statement)).rejects.toThrow('Rows of versions never change.');
    }
  });

  it('keeps its figures, sorted, and its origin, which is shown to who may see it', async () => {
    const open = await createModel(setting.db, owner, { visibility: 'PUBLIC' });
    const closed = await createModel(setting.db, owner);
    const base = await publish(closed, { metrics: [] });
    const metrics = [
      { name: 'loss', value: 0.07 },
      { name: 'accuracy', value: 0.98 },
    ];
    const tuned = await publish(open, { derivedFromVersionId: base.id, metrics });
    expect(tuned).toMatchObject({ derivedFrom: base.id, metrics: [...metrics].reverse() });
    expect(await service.getVersion(stranger, tuned.id)).toEqual(tuned);
    // The resolver reads the origin as any version.
    expect(await service.getVersion(stranger, base.id)).toBeNull();

    const mine = await createModel(setting.db, stranger);
    const theirs = await publish(mine, { derivedFromVersionId: tuned.id }, stranger);
    const unlisted = await createModel(setting.db, stranger, { visibility: 'UNLISTED' });
    const hidden = await publish(unlisted, { derivedFromVersionId: tuned.id }, stranger);
    const shown = async (who: TenantActor) => {
      const page = await service.listDerivatives(who, tuned.id, { first: 10 });
      return page.ok ? page.value.items.map(({ id }) => id) : page.error;
    };
    expect(await shown(stranger)).toEqual([hidden.id, theirs.id]);
    expect(await shown(owner)).toEqual([]);
    await grantTo(setting.db, stranger, mine, owner, ['VIEW']);
    expect(await shown(owner)).toEqual([theirs.id]);
    const first = await service.listDerivatives(stranger, tuned.id, { first: 1 });
    if (!first.ok) throw new Error();
    const rest = await service.listDerivatives(stranger, tuned.id, {
      first: 5,
      after: first.value.cursors[0],
    });
    expect(rest.ok && rest.value.items.map(({ id }) => id)).toEqual([theirs.id]);
    expect(await service.listDerivatives(stranger, tuned.id, { after: 'nonsense' })).toMatchObject({
      error: { code: 'INVALID_INPUT' },
    });
  });

  it.each([
    ['an origin that may not be seen', (base: string) => ({ derivedFromVersionId: base }), 'NOT_FOUND'],
    ['an origin that is no id', () => ({ derivedFromVersionId: 'a\u0000b' }), 'NOT_FOUND'],
    ['a figure that is no number', () => ({ metrics: [{ name: 'loss', value: NaN }] }), 'INVALID_INPUT'],
    ['a name that is none', () => ({ metrics: [{ name: '$(rm)', value: 1 }] }), 'INVALID_INPUT'],
    [
      'a name given twice',
      () => ({
        metrics: [
          { name: 'loss', value: 1 },
          { name: 'loss', value: 1 },
        ],
      }),
      'INVALID_INPUT',
    ],
    [
      'more figures than are kept',
      () => ({ metrics: Array.from({ length: 101 }, (_, i) => ({ name: `m${i}`, value: i })) }),
      'INVALID_INPUT',
    ],
  ] as const)('is refused with %s, and the upload stays', async (_what, input, code) => {
    const secret = await publish(await createModel(setting.db, owner));
    const modelId = await createModel(setting.db, stranger);
    const { id } = await upload(service, stranger);
    const result = await service.publishVersion(stranger, { modelId, uploadId: id, ...input(secret.id) });
    expect(result).toMatchObject({ ok: false, error: { code } });
    expect(await service.getUpload(stranger, id)).not.toBeNull();
  });

  it('stands beside another, of the same model or not, when both may be seen', async () => {
    const modelId = await createModel(setting.db, owner, { visibility: 'PUBLIC' });
    const a = await publish(modelId, { metrics: [{ name: 'accuracy', value: 0.5 }] });
    change = { parameterCount: 30, operations: [{ name: 'Conv2D', count: 2 }] };
    const b = await publish(await createModel(setting.db, owner), {
      metrics: [
        { name: 'accuracy', value: 0.75 },
        { name: 'loss', value: 1 },
      ],
    });
    change = {};
    const compared = await service.compareVersions(owner, a.id, b.id);
    expect(compared).toMatchObject({
      a,
      b,
      parameterCount: { a: 22, b: 30, change: 8 },
      operations: [
        { name: 'Conv2D', a: 0, b: 2, change: 2 },
        { name: 'Dense', a: 1, b: 0, change: -1 },
      ],
      metrics: [
        { name: 'accuracy', a: 0.5, b: 0.75, change: 0.25 },
        { name: 'loss', a: null, b: 1, change: null },
      ],
    });
    expect(await service.compareVersions(stranger, a.id, a.id)).toMatchObject({ bytes: { change: 0 } });
    expect(await service.compareVersions(stranger, a.id, b.id)).toBeNull();
    expect(await service.compareVersions(owner, a.id, 'nonsense')).toBeNull();
  });

  it('has the report of its import, and a refused file has as much as was found out', async () => {
    const modelId = await createModel(setting.db, owner, { visibility: 'PUBLIC' });
    const version = await publish(modelId);
    const [publication] = await service.publicationsOfVersions(owner, [version.id]);
    expect(publication?.report).toMatchObject({
      peakMemoryBytes: 1_000,
      networkCutOff: true,
      format: 'KERAS_H5',
      parameterCount: 22,
      operations: [{ name: 'Dense', count: 1 }],
      trials: [{ runtime: 'tfjs-wasm', memoryBytes: 88 }],
      runtime: 'tfjs-wasm',
    });
    const { phases, totalMs } = publication?.report ?? { phases: [], totalMs: 0 };
    expect(phases.map(({ phase }) => phase)).toEqual(['STARTING', 'READING', 'TRYING', 'WARMING', 'STORING']);
    expect(phases.reduce((sum, { ms }) => sum + ms, 0)).toBeCloseTo(totalMs, 1);
    // How it was made is for its own tenant, whoever may see the version.
    expect(await service.publicationsOfVersions(stranger, [version.id])).toEqual([null]);
    expect(await service.publicationsOfVersions(keyOf(owner, 'PREDICTION_RUN'), [version.id])).toEqual([
      null,
    ]);

    const refusing = await setting.service(async (_request, onProgress) => {
      onProgress({ phase: 'CHECKING', fraction: 0.2, facts: { format: 'ONNX', producer: 'pytorch' } });
      return refuse({ code: 'UNSUPPORTED_OP', message: 'The op Evil is not served.', subject: 'Evil' });
    });
    await service.stop();
    const { id } = await upload(refusing, owner);
    const result = await refusing.publishVersion(owner, { modelId, uploadId: id, waitMs: 20_000 });
    expect(result.ok && result.value.publication).toMatchObject({
      status: 'REFUSED',
      report: { format: 'ONNX', producer: 'pytorch', parameterCount: null, operations: [], trials: [] },
    });
    service = await setting.service(imports);
  });
});

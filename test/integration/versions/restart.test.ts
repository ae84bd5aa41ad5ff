import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { TenantActor } from '../../../src/domain/access/index.js';
import type { ImportArtifact, VersionsService } from '../../../src/domain/versions/index.js';
import type { ImportRefusal } from '../../../src/importers/index.js';
import { newId } from '../../../src/lib/ids.js';
import { refuse } from '../../../src/lib/result.js';
import { until } from '../../support/until.js';
import {
  createModel,
  createSetting,
  createTenant,
  succeeds,
  untilEqual,
  upload,
  type Setting,
} from './setting.js';

let setting: Setting;
let actor: TenantActor;
let modelId: string;

beforeEach(async () => {
  setting = await createSetting();
  actor = await createTenant(setting.db);
  modelId = await createModel(setting.db, actor);
});
afterEach(() => setting.stop());

const cancelled: ImportRefusal = {
  code: 'IMPORT_CANCELLED',
  message: 'The import was cancelled.',
  subject: null,
};

/** An import that runs until it is cancelled. */
function endless(): { importArtifact: ImportArtifact; readonly started: () => number } {
  let started = 0;
  return {
    importArtifact: async (_request, _onProgress, signal) => {
      started++;
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
      return refuse(cancelled);
    },
    started: () => started,
  };
}

async function begin(service: VersionsService, who = actor, model = modelId): Promise<string> {
  const { id } = await upload(service, who);
  const begun = await service.publishVersion(who, { modelId: model, uploadId: id, waitMs: 0 });
  if (!begun.ok) throw new Error(begun.error.message);
  return begun.value.publication.id;
}

const statusOf = async (service: VersionsService, id: string) =>
  (await service.getPublication(actor, id))?.status;

describe('a publication', () => {
  it('that a stop interrupts is taken up at once by the next start, and costs no attempt', async () => {
    const first = endless();
    const stopped = await setting.service(first.importArtifact);
    const id = await begin(stopped);
    await until(() => first.started() === 1);
    await stopped.stop();
    expect(await stopped.getPublication(actor, id)).toMatchObject({
      status: 'QUEUED',
      attempts: 0,
      versionId: null,
    });

    const next = await setting.service(succeeds);
    await until(async () => (await statusOf(next, id)) === 'SUCCEEDED');
    expect((await next.latestVersion(actor, modelId))?.number).toBe(1);
  });

  it('keeps its sample through a restart, and not longer than until its end', async () => {
    const seen: unknown[] = [];
    const first = endless();
    const stopped = await setting.service((request, ...rest) => {
      seen.push(request.sample);
      return first.importArtifact(request, ...rest);
    });
    const { id: uploadId } = await upload(stopped, actor);
    const sample = { inputs: [{ name: 'x', data: [['9007199254740993', 'NaN']] }], tolerance: 0.5 };
    const begun = await stopped.publishVersion(actor, { modelId, uploadId, sample, waitMs: 0 });
    const id = begun.ok ? begun.value.publication.id : '';
    await until(() => first.started() === 1);
    await stopped.stop();

    const next = await setting.service((request, ...rest) => {
      seen.push(request.sample);
      return succeeds(request, ...rest);
    });
    await until(async () => (await statusOf(next, id)) === 'SUCCEEDED');
    expect(seen).toEqual(Array(2).fill({ ...sample, outputs: [] }));
    const rows = await setting.db.asOwner('SELECT sample FROM publications WHERE id = $1', [id]);
    expect(rows).toEqual([{ sample: null }]);
    const mistaken = { inputs: [{ data: null }] };
    const second = await upload(next, actor);
    const refused = await next.publishVersion(actor, { modelId, uploadId: second.id, sample: mistaken });
    expect(refused).toMatchObject({
      ok: false,
      error: { code: 'INVALID_INPUT', path: ['sample', 'inputs', '0', 'data'] },
    });
    // Nothing was consumed by that.
    expect(await next.getUpload(actor, second.id)).not.toBeNull();
  });

  it('of a process that died is taken up when its lease has ended, and its work directory removed', async () => {
    const idle = await setting.service(succeeds);
    const { id: uploadId, digest } = await upload(idle, actor);
    await idle.stop();
    const id = newId('publication');
    await setting.db.asOwner('DELETE FROM uploads WHERE id = $1', [uploadId]);
    await setting.db.asOwner(
      `INSERT INTO publications (id, tenant_id, model_id, digest, bytes, status, upload_id, request_id, attempts,
         lease_owner, lease_expires_at)
       VALUES ($1, $2, $3, $4, 1000, 'RUNNING', $5, 'req_before', 1, 'a dead process', now() + interval '1 second')`,
      [id, actor.tenantId, modelId, digest, uploadId],
    );
    // Its own, which nobody may touch while its lease stands, and one of a publication that nobody knows.
    for (const owner of [id, newId('publication')]) {
      const work = join(setting.directory, 'work', `${owner}-abc`);
      await mkdir(work, { recursive: true });
      await writeFile(join(work, 'model.pack'), 'half');
    }

    const service = await setting.service(succeeds);
    expect(await statusOf(service, id)).toBe('RUNNING');
    await until(async () => {
      service.resumePublicationsAcrossTenants();
      return (await statusOf(service, id)) === 'SUCCEEDED';
    });
    const version = await service.latestVersion(actor, modelId);
    // The work directory of the run itself goes just after the publication has ended.
    const files = [digest, version?.packDigest].sort();
    await until(async () => isDeepStrictEqual((await setting.everything()).files, files));
  });

  it('of a process that is dead is taken up at once, though its lease stands', async () => {
    const presence = setting.db.database.presence(newId('request'));
    await presence.start();
    const first = endless();
    const dying = await setting.service(first.importArtifact, { presence });
    const id = await begin(dying);
    await until(() => first.started() === 1);

    const living = setting.db.database.presence(newId('request'));
    await living.start();
    const next = await setting.service(succeeds, { presence: living });
    // Nobody takes what a living process runs, and itself it does not take for dead either.
    for (let i = 0; i < 5; i++) {
      next.resumePublicationsAcrossTenants();
      dying.resumePublicationsAcrossTenants();
      expect(await next.getPublication(actor, id)).toMatchObject({ status: 'RUNNING', attempts: 1 });
    }
    // What is left of a process that was killed: a lease, and no connection.
    await presence.stop();
    dying.resumePublicationsAcrossTenants();
    const startedAt = performance.now();
    await until(async () => {
      next.resumePublicationsAcrossTenants();
      return (await statusOf(next, id)) === 'SUCCEEDED';
    });
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    expect(await next.getPublication(actor, id)).toMatchObject({ attempts: 2 });
    expect(first.started()).toBe(1);
    await living.stop();
  });

  it('goes on when its version is not in memory in time, or cannot be brought there', async () => {
    const warmed: string[] = [];
    let warm: () => Promise<unknown> = () => new Promise(() => undefined);
    const service = await setting.service(succeeds, {
      warmWithinMs: 50,
      warm: ({ digest }) => {
        warmed.push(digest);
        return warm();
      },
    });
    const publish = async () => {
      const { id } = await upload(service, actor);
      const result = await service.publishVersion(actor, { modelId, uploadId: id, waitMs: 20_000 });
      return result.ok ? result.value.version : null;
    };
    const first = await publish();
    expect(first?.number).toBe(1);
    warm = () => Promise.reject(new Error('no worker is left'));
    const second = await publish();
    expect(second?.number).toBe(2);
    // Once before it is published, and a second chance after.
    const twice = [first, second].flatMap((version) => [version?.packDigest, version?.packDigest]);
    await until(() => isDeepStrictEqual(warmed, twice));
  });

  it('is run by one of two processes, never by both', async () => {
    let runs = 0;
    const counted: ImportArtifact = async (...call) => {
      runs++;
      return succeeds(...call);
    };
    const services = [await setting.service(counted), await setting.service(counted)];
    const [one] = services;
    if (one === undefined) throw new Error();
    const uploads = [];
    for (let i = 0; i < 10; i++) uploads.push(await upload(one, actor));
    const results = await Promise.all(
      uploads.map(({ id }, i) =>
        (services[i % 2] ?? one).publishVersion(actor, { modelId, uploadId: id, waitMs: 30_000 }),
      ),
    );
    expect(results.every((result) => result.ok && result.value.version !== null)).toBe(true);
    expect(runs).toBe(10);
  });

  it('whose lease was lost ends nothing: its import is stopped and its version never made', async () => {
    const first = endless();
    const loser = await setting.service(first.importArtifact, {
      lease: { leaseMs: 400, progressEveryMs: 20 },
    });
    const id = await begin(loser);
    await until(() => first.started() === 1);
    await setting.db.asOwner("UPDATE publications SET lease_owner = 'somebody else' WHERE id = $1", [id]);
    // The holder notices at its next renewal; the lease of somebody else then ends, and it begins anew.
    await until(() => first.started() === 2);
    const [row] = await setting.db.asOwner<{ attempts: number }>(
      'SELECT attempts FROM publications WHERE id = $1',
      [id],
    );
    expect(row?.attempts).toBe(2);
    expect((await setting.everything()).rows).toMatchObject({ versions: 0, unfinished: 1 });
  });

  it('that fails each time is given up after three attempts, and leaves nothing', async () => {
    let runs = 0;
    const service = await setting.service(async () => {
      runs++;
      throw new Error('the child process could not be started');
    });
    const id = await begin(service);
    await until(async () => (await statusOf(service, id)) === 'REFUSED');
    expect(runs).toBe(3);
    expect((await service.getPublication(actor, id))?.refusal).toMatchObject({
      reason: 'IMPORT_CRASHED',
      subject: null,
    });
    await until(async () => (await setting.everything()).files.length === 0);
  });

  it('waits while the importer is full, as often as it takes', async () => {
    let runs = 0;
    const full: ImportRefusal = { code: 'IMPORT_QUEUE_FULL', message: 'Full.', subject: null };
    const service = await setting.service(async (...call) =>
      ++runs <= 4 ? refuse(full) : succeeds(...call),
    );
    const id = await begin(service);
    await until(async () => (await statusOf(service, id)) === 'SUCCEEDED', { timeoutMs: 15_000 });
    expect((await service.getPublication(actor, id))?.attempts).toBe(1);
  });

  it('of one tenant does not wait behind all those of another', async () => {
    const other = await createTenant(setting.db);
    const othersModel = await createModel(setting.db, other);
    const idle = endless();
    const stopped = await setting.service(idle.importArtifact);
    for (let i = 0; i < 6; i++) await begin(stopped);
    const late = await begin(stopped, other, othersModel);
    await stopped.stop();

    const order: string[] = [];
    const service = await setting.service(
      async (request, ...rest) => {
        order.push(/pub_[0-9a-z]+/.exec(request.workDirectory)?.[0] ?? '');
        return succeeds(request, ...rest);
      },
      { limits: { maxConcurrentImports: 1 } },
    );
    await until(async () => (await service.latestVersion(actor, modelId))?.number === 6, {
      timeoutMs: 20_000,
    });
    expect(order).toHaveLength(7);
    expect(order.indexOf(late)).toBeLessThanOrEqual(1);
  });

  it('survives a pack that is not what its import reported: retried, then given up, nothing stored', async () => {
    const service = await setting.service(async (...call) => {
      const imported = await succeeds(...call);
      if (imported.ok) await writeFile(imported.value.packPath, randomBytes(501));
      return imported;
    });
    const id = await begin(service);
    await until(async () => (await statusOf(service, id)) === 'REFUSED');
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
});

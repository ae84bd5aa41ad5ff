/** From bytes to a version through the real importer: a child process that converts the file and tries it on every engine. */
import { createHash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TenantActor } from '../../../src/domain/access/index.js';
import type { Publication, Upload, VersionsService } from '../../../src/domain/versions/index.js';
import { createImporter, type Importer } from '../../../src/importers/index.js';
import { enginesFor, RUNTIMES } from '../../../src/inference/index.js';
import { until } from '../../support/until.js';
import {
  createModel,
  createSetting,
  createTenant,
  oneChunk,
  untilEqual,
  upload,
  type Setting,
} from './setting.js';

const fixture = (name: string) => fileURLToPath(new URL(`../../fixtures/${name}`, import.meta.url));

describe('a publication through the real importer', () => {
  let setting: Setting;
  let importer: Importer;
  let service: VersionsService;
  let actor: TenantActor;
  let modelId: string;

  beforeAll(async () => {
    setting = await createSetting();
    importer = createImporter();
    service = await start();
    actor = await createTenant(setting.db);
    modelId = await createModel(setting.db, actor);
  });
  afterAll(async () => {
    await importer.stop();
    await setting.stop();
  });

  const start = () => setting.service(importer.importArtifact, { runtimes: RUNTIMES });

  async function uploadFile(name: string): Promise<Upload> {
    const received = await service.receiveUpload(actor, createReadStream(fixture(name)), {});
    if (!received.ok) throw new Error(received.error.message);
    return received.value;
  }

  it('turns digits.h5 into a version with the signature that the file has', async () => {
    const source = await uploadFile('digits/digits.h5');
    const result = await service.publishVersion(actor, { modelId, uploadId: source.id, waitMs: 60_000 });
    if (!result.ok || result.value.version === null) throw new Error(JSON.stringify(result));
    const { version, publication } = result.value;
    expect(publication).toMatchObject({ status: 'SUCCEEDED', attempts: 1 });
    expect(version).toMatchObject({ number: 1, format: 'KERAS_H5', digest: source.digest });
    expect(version.signature.inputs).toMatchObject([{ datatype: 'FP32', shape: [-1, 28, 28, 1] }]);
    expect(version.signature.outputs).toMatchObject([{ datatype: 'FP32', shape: [-1, 10] }]);
    expect(version.trials.map((trial) => [trial.runtime, trial.ok])).toEqual(
      // The lowered graph is tried beside the executors.
      ['tfjs-graph', ...enginesFor('tfjs-layers')].map((name) => [name, true]),
    );
    const { path, digest } = service.packPath(version);
    expect(
      createHash('sha256')
        .update(await readFile(path))
        .digest('hex'),
    ).toBe(digest);
    expect((await setting.everything()).files).toEqual([source.digest, digest].sort());
  });

  it.each([
    ['a kilobyte of noise', () => Promise.resolve(randomBytes(1_024)), 'UNSUPPORTED_FORMAT'],
    [
      'a truncated h5',
      async () => (await readFile(fixture('digits/digits.h5'))).subarray(0, 100_000),
      'CORRUPT_ARTIFACT',
    ],
  ] as const)('refuses %s, and leaves nothing of it', async (_name, bytes, reason) => {
    const before = await setting.everything();
    const { id } = await upload(service, actor, await bytes());
    const result = await service.publishVersion(actor, { modelId, uploadId: id, waitMs: 60_000 });
    expect(result).toMatchObject({
      ok: true,
      value: { version: null, errors: [{ code: 'IMPORT_REFUSED', reason }] },
    });
    await untilEqual(setting, before);
  });

  it('that a stop interrupts is begun anew by the next start and gets the next number', async () => {
    const received = await service.receiveUpload(
      actor,
      oneChunk(await readFile(fixture('digits/digits.keras'))),
      {},
    );
    if (!received.ok) throw new Error(received.error.message);
    const begun = await service.publishVersion(actor, { modelId, uploadId: received.value.id, waitMs: 0 });
    if (!begun.ok) throw new Error(begun.error.message);
    const { id } = begun.value.publication;
    const read = async (): Promise<Publication | null> => service.getPublication(actor, id);
    await until(async () => (await read())?.phase !== null);
    await service.stop();
    expect(await read()).toMatchObject({ status: 'QUEUED', attempts: 0 });

    service = await start();
    await until(async () => (await read())?.status === 'SUCCEEDED', { timeoutMs: 60_000 });
    expect(await service.latestVersion(actor, modelId)).toMatchObject({ number: 2, format: 'KERAS_V3' });
  });
});

/** The versions room with its real neighbours: Postgres, the disk store, the audit room. Only the import is ours to steer. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { TenantActor } from '../../../src/domain/access/index.js';
import { createAuditService } from '../../../src/domain/audit/index.js';
import {
  createVersionsService,
  type ImportArtifact,
  type Upload,
  type VersionsDeps,
  type VersionsService,
} from '../../../src/domain/versions/index.js';
import type { ImportReport } from '../../../src/importers/index.js';
import { systemClock, type Clock } from '../../../src/lib/clock.js';
import { newId } from '../../../src/lib/ids.js';
import { ok } from '../../../src/lib/result.js';
import {
  openDiskStore,
  openPartialFiles,
  type ArtifactStore,
  type PartialFiles,
} from '../../../src/storage/index.js';
import { ownerOf } from '../../support/actors.js';
import { listFiles } from '../../support/list-files.js';
import { until } from '../../support/until.js';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.js';
import { silentLogger } from '../../support/silent-logger.js';

export interface Setting {
  readonly db: TestDatabase;
  readonly directory: string;
  readonly artifacts: ArtifactStore;
  readonly partials: PartialFiles;
  /** Started; stopped with the setting. */
  service(importArtifact: ImportArtifact, deps?: Partial<VersionsDeps>): Promise<VersionsService>;
  /** Every file under the data directory, and how many rows the tables of the room have. */
  everything(): Promise<{
    readonly files: readonly string[];
    readonly rows: Readonly<Record<string, number>>;
  }>;
  stop(): Promise<void>;
}

export async function createSetting(clock: Clock = systemClock): Promise<Setting> {
  const db = await createTestDatabase();
  const directory = await mkdtemp(join(tmpdir(), 'souk-versions-'));
  const artifacts = await openDiskStore({ directory: join(directory, 'artifacts'), clock });
  const partials = await openPartialFiles(join(directory, 'artifacts', 'partial'));
  const audit = createAuditService({ database: db.database, clock });
  const services: VersionsService[] = [];
  return {
    db,
    directory,
    artifacts,
    partials,
    async service(importArtifact, deps = {}) {
      const service = createVersionsService({
        database: db.database,
        clock,
        log: silentLogger(),
        audit,
        artifacts,
        partials,
        importArtifact,
        workDirectory: join(directory, 'work'),
        runtimes: ['tfjs-wasm'],
        ...deps,
      });
      await service.start();
      services.push(service);
      return service;
    },
    async everything() {
      const files = (await listFiles(directory)).map((entry) => entry.name);
      const [rows] = await db.asOwner<Record<string, string>>(
        `SELECT (SELECT count(*) FROM uploads) AS uploads, (SELECT count(*) FROM artifacts) AS artifacts,
           (SELECT count(*) FROM transfers) AS transfers,
           (SELECT count(*) FROM publications WHERE status IN ('QUEUED', 'RUNNING')) AS unfinished,
           (SELECT count(*) FROM versions) AS versions`,
      );
      const counts = Object.entries(rows ?? {}).map(([name, count]) => [name, Number(count)] as const);
      return { files: files.sort(), rows: Object.fromEntries(counts) };
    },
    async stop() {
      for (const service of services) await service.stop();
      await db.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** A tenant with an owner who acts for it. */
export async function createTenant(db: TestDatabase): Promise<TenantActor> {
  const tenantId = newId('tenant');
  const slug = `t-${randomBytes(6).toString('hex')}`;
  await db.asOwner('INSERT INTO tenants (id, slug, name) VALUES ($1, $2, $2)', [tenantId, slug]);
  return ownerOf(tenantId);
}

export async function createModel(
  db: TestDatabase,
  actor: TenantActor,
  options: { readonly visibility?: string; readonly publicAccess?: string; readonly archived?: boolean } = {},
): Promise<string> {
  const id = newId('model');
  await db.asOwner(
    `INSERT INTO models (id, tenant_id, owner_slug, name, visibility, public_access, archived_at)
     SELECT $1, t.id, t.slug, $3, $4, $5, $6 FROM tenants t WHERE t.id = $2`,
    [
      id,
      actor.tenantId,
      `m-${randomBytes(6).toString('hex')}`,
      options.visibility ?? 'PRIVATE',
      options.publicAccess ?? 'PREDICT',
      options.archived === true ? new Date() : null,
    ],
  );
  return id;
}

export async function grantTo(
  db: TestDatabase,
  owner: TenantActor,
  modelId: string,
  grantee: TenantActor,
  rights: readonly string[],
): Promise<void> {
  await db.asOwner(
    'INSERT INTO grants (id, tenant_id, model_id, grantee_tenant_id, rights) VALUES ($1, $2, $3, $4, $5)',
    [newId('grant'), owner.tenantId, modelId, grantee.tenantId, rights],
  );
}

export async function upload(
  service: VersionsService,
  actor: TenantActor,
  bytes: Uint8Array = randomBytes(1_000),
): Promise<Upload> {
  const received = await service.receiveUpload(actor, oneChunk(bytes), {});
  if (!received.ok) throw new Error(received.error.message);
  return received.value;
}

export async function* oneChunk(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** Does with a pack of these bytes what the importer does: leaves it in the work directory and reports it. */
export async function leavePack(workDirectory: string, bytes: Uint8Array): Promise<ImportReport> {
  const packPath = join(workDirectory, 'model.pack');
  await mkdir(join(workDirectory, 'scratch'));
  await writeFile(join(workDirectory, 'scratch', 'weights'), 'scratch');
  await writeFile(packPath, bytes);
  return {
    format: 'KERAS_H5',
    producer: 'keras 3.15.1',
    signature: {
      inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 10] }],
      outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, 2] }],
    },
    signatures: [],
    runtime: 'tfjs-wasm',
    batchable: true,
    trials: [
      {
        runtime: 'tfjs-wasm',
        ok: true,
        reason: null,
        loadMs: 1.5,
        memoryBytes: 88,
        computeMs: 0.25,
        batchComputeMs: null,
        maxRelativeDiff: null,
        comparedInputs: null,
      },
    ],
    parameterCount: 22,
    weightBytes: 88,
    operations: [{ name: 'Dense', count: 1 }],
    notes: [],
    sample: null,
    packPath,
    packBytes: bytes.length,
    packDigest: createHash('sha256').update(bytes).digest('hex'),
    isolation: { network: 'none' },
  };
}

/** An import that succeeds at once, with a pack of its own. */
export const succeeds: ImportArtifact = async ({ workDirectory }) =>
  ok(await leavePack(workDirectory, randomBytes(500)));

/** Bytes go after the row that says so is seen, and their own row a moment after them. */
export async function untilEqual(
  setting: Setting,
  expected: Awaited<ReturnType<Setting['everything']>>,
): Promise<void> {
  await until(async () => isDeepStrictEqual(await setting.everything(), expected));
}

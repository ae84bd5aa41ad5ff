/** The evaluations room with its real neighbours: Postgres, the disk store, the reading child, the corridor. Only the engine is ours to steer. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAuditService } from '../../../src/domain/audit/index.js';
import {
  createEvaluationsService,
  type Dataset,
  type Evaluation,
  type EvaluationsDeps,
  type EvaluationsService,
} from '../../../src/domain/evaluations/index.js';
import { createIdentityService, createSecrets } from '../../../src/domain/identity/index.js';
import { createTenantsService } from '../../../src/domain/tenants/index.js';
import { createVersionsService, type VersionsService } from '../../../src/domain/versions/index.js';
import type { TenantActor } from '../../../src/domain/access/index.js';
import { createDatasetReader } from '../../../src/importers/index.js';
import { openDiskStore, openPartialFiles } from '../../../src/storage/index.js';
import { ownerOf } from '../../support/actors.js';
import { listFiles } from '../../support/list-files.js';
import { openPredictionsRoom, type PredictionsRoom } from '../../support/predictions-room.js';
import { silentLogger } from '../../support/silent-logger.js';
import { newId } from '../../../src/lib/ids.js';

export interface EvaluationsRoom extends PredictionsRoom {
  readonly versions: VersionsService;
  /** A process of its own on the same database; started, and stopped with the room. */
  process(overrides?: Partial<EvaluationsDeps>): Promise<EvaluationsService>;
  /** A tenant, and a member of it who is in the tables. */
  member(limit?: number | null): Promise<TenantActor & { readonly kind: 'user' }>;
  upload(actor: TenantActor, text: string): Promise<string>;
  /** Names of all files under the store and the work directory. */
  files(): Promise<string[]>;
}

export async function openEvaluationsRoom(): Promise<EvaluationsRoom> {
  const room = await openPredictionsRoom();
  const { database } = room.db;
  const { clock } = room;
  const directory = await mkdtemp(join(tmpdir(), 'souk-evaluations-'));
  const artifacts = await openDiskStore({ directory: join(directory, 'artifacts'), clock });
  const audit = createAuditService({ database, clock });
  const tenants = createTenantsService({ database, clock, audit, defaultPredictionsPerMonth: 1000 });
  const identity = createIdentityService({
    database,
    clock,
    audit,
    tenants,
    secrets: createSecrets('a secret of the evaluation tests, long enough'),
    signUpMode: 'open',
  });
  const versions = createVersionsService({
    database,
    clock,
    log: silentLogger(),
    audit,
    artifacts,
    partials: await openPartialFiles(join(directory, 'artifacts', 'partial')),
    importArtifact: () => Promise.reject(new Error('Nothing is published here.')),
    workDirectory: join(directory, 'work'),
    runtimes: ['tfjs-wasm'],
  });
  const reader = createDatasetReader();
  const services: EvaluationsService[] = [];
  return {
    ...room,
    versions,
    async process(overrides = {}) {
      const service = createEvaluationsService({
        database,
        clock,
        log: silentLogger(),
        audit,
        artifacts,
        reader,
        identity,
        versions,
        predictions: room.predictions,
        workDirectory: join(directory, 'work'),
        ...overrides,
      });
      await service.start();
      services.push(service);
      return service;
    },
    async member(limit = null) {
      const actor = ownerOf(await room.tenant(limit));
      if (actor.kind !== 'user') throw new Error('An owner is a user.');
      await room.db.asOwner('INSERT INTO users (id, email, name) VALUES ($1, $2, $1)', [
        actor.userId,
        `${actor.userId}@example.com`,
      ]);
      await room.db.asOwner(
        "INSERT INTO memberships (id, tenant_id, user_id, role) VALUES ($1, $2, $3, 'OWNER')",
        [newId('membership'), actor.tenantId, actor.userId],
      );
      return actor;
    },
    async upload(actor, text) {
      async function* bytes() {
        yield Buffer.from(text);
      }
      const received = await versions.receiveUpload(actor, bytes(), {});
      if (!received.ok) throw new Error(received.error.message);
      return received.value.id;
    },
    async files() {
      return (await listFiles(directory)).map(({ name }) => name).sort();
    },
    async stop() {
      for (const service of services) await service.stop();
      await reader.stop();
      await room.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Ten rows; the model of these tests doubles its two inputs, so that the larger one is the class: 8 are right. */
export const ROWS = `a,b,label\n${Array.from({ length: 10 }, (_, n) => `${n % 2},${(n + 1) % 2},${n < 8 ? (n + 1) % 2 : n % 2}`).join('\n')}\n`;

export function valueOf<T>(
  result: { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: object },
): T {
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value;
}

export async function datasetOf(
  room: EvaluationsRoom,
  service: EvaluationsService,
  actor: TenantActor,
  name = 'rows',
  text = ROWS,
): Promise<Dataset> {
  return valueOf(await service.createDataset(actor, { name, uploadId: await room.upload(actor, text) }));
}

export async function readEvaluation(
  service: EvaluationsService,
  actor: TenantActor,
  id: string,
): Promise<Evaluation> {
  const [found] = await service.getEvaluationsByIds(actor, [id]);
  if (found === null || found === undefined) throw new Error(`${id} is not there.`);
  return found;
}

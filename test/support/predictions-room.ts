/** Models, versions and grants on the metering room's database, and a corridor whose engine a test writes. */
import { setMaxListeners } from 'node:events';
import type { InferenceJob, InferenceRefusal, InferenceReply } from '../../src/inference/index.js';
import type { TenantActor } from '../../src/domain/access/index.js';
import { entitlementFor } from '../../src/domain/marketplace/index.js';
import {
  createPredictionsService,
  type PredictCommand,
  type PredictObservation,
  type PredictionsDeps,
  type PredictionsService,
} from '../../src/domain/predictions/index.js';
import { newId } from '../../src/lib/ids.js';
import { ok, type Result } from '../../src/lib/result.js';
import type { Signature } from '../../src/lib/tensor.js';
import { openMeteringRoom, type MeteringRoom } from './metering-room.js';
import { silentLogger } from './silent-logger.js';

export type Infer = (job: InferenceJob) => Promise<Result<InferenceReply, InferenceRefusal>>;

export const SIGNATURE: Signature = {
  inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 2] }],
  outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, 2] }],
};

/** An engine that answers with its inputs doubled. */
export const doubling: Infer = (job) => {
  const [x] = job.inputs;
  if (x === undefined) throw new Error('The corridor sent no input.');
  const doubled = new Float32Array(x.data.slice().buffer).map((value) => value * 2);
  return Promise.resolve(
    ok({
      outputs: [{ ...x, name: 'y', data: new Uint8Array(doubled.buffer) }],
      timings: { queueMs: 1, batchMs: 0.3, loadMs: 2, computeMs: 3 },
      runtime: 'tfjs-wasm' as const,
      worker: 'w1',
      batchSize: 1,
      batchRows: job.rows,
    }),
  );
};

export interface SeededModel {
  readonly modelId: string;
  /** Version 1, version 2, … */
  readonly versionIds: readonly string[];
  /** `owner/name`. */
  readonly name: string;
}

export interface PredictionsRoom extends MeteringRoom {
  readonly predictions: PredictionsService;
  readonly observed: PredictObservation[];
  /** Jobs that reached the engine. */
  readonly jobs: InferenceJob[];
  useEngine(infer: Infer): void;
  /** Another process on the same database: nothing shared but Postgres. */
  anotherProcess(overrides?: Partial<PredictionsDeps>): PredictionsService;
  model(
    tenantId: string,
    visibility?: string,
    versions?: number,
    publicAccess?: string,
  ): Promise<SeededModel>;
  grant(model: SeededModel, owner: string, grantee: string, rights: readonly string[]): Promise<void>;
}

export async function openPredictionsRoom(): Promise<PredictionsRoom> {
  const room = await openMeteringRoom();
  const observed: PredictObservation[] = [];
  const jobs: InferenceJob[] = [];
  let engine = doubling;
  const anotherProcess = (overrides: Partial<PredictionsDeps> = {}) =>
    createPredictionsService({
      database: room.db.database,
      metering: room.metering,
      marketplace: { entitlementFor },
      infer: (job) => {
        jobs.push(job);
        return engine(job);
      },
      packPath: (digest) => `/packs/${digest}`,
      clock: room.clock,
      log: silentLogger(),
      observe: (observation) => observed.push(observation),
      ...overrides,
    });
  return {
    ...room,
    predictions: anotherProcess(),
    observed,
    jobs,
    anotherProcess,
    useEngine: (infer) => {
      engine = infer;
    },
    async model(tenantId, visibility = 'PRIVATE', versions = 1, publicAccess = 'PREDICT') {
      const modelId = newId('model');
      const name = modelId.replace('_', '-');
      const [tenant] = await room.db.asOwner<{ slug: string }>('SELECT slug FROM tenants WHERE id = $1', [
        tenantId,
      ]);
      await room.db.asOwner(
        `INSERT INTO models (id, tenant_id, owner_slug, name, visibility, public_access, last_version_number)
         VALUES ($1, $2, $3, $4, $5, $6, $7)`,
        [modelId, tenantId, tenant?.slug, name, visibility, publicAccess, versions],
      );
      const versionIds = Array.from({ length: versions }, () => newId('version'));
      for (const [i, versionId] of versionIds.entries()) {
        await room.db.asOwner('INSERT INTO artifacts (digest, bytes) VALUES ($1, 1)', [`sha-${versionId}`]);
        await room.db.asOwner(
          `INSERT INTO versions (id, tenant_id, model_id, number, format, digest, bytes, pack_digest, pack_bytes, signature,
             runtime, trials, parameter_count, weight_bytes, operations)
           VALUES ($1, $2, $3, $4, 'KERAS_H5', $5, 1, $6, 1, $7, 'tfjs-wasm', '[]', 1, 4, '[]')`,
          [
            versionId,
            tenantId,
            modelId,
            i + 1,
            `sha-${versionId}`,
            `pack-${versionId}`,
            JSON.stringify(SIGNATURE),
          ],
        );
      }
      return { modelId, versionIds, name: `${tenant?.slug}/${name}` };
    },
    async grant(model, owner, grantee, rights) {
      await room.db.asOwner(
        'INSERT INTO grants (id, tenant_id, model_id, grantee_tenant_id, rights) VALUES ($1, $2, $3, $4, $5)',
        [newId('grant'), owner, model.modelId, grantee, rights],
      );
    },
  };
}

/** A request for one row on the newest version. */
export function commandFor(model: SeededModel, overrides: Partial<PredictCommand> = {}): PredictCommand {
  return {
    target: { modelId: model.modelId },
    inputs: [{ data: [[1, 2]] }],
    idempotencyKey: null,
    timeoutMs: 20_000,
    ...overrides,
  };
}

/** Of a caller who stays. Many wait on it at once in a test; in the server each request has its own. */
export const NEVER = new AbortController().signal;
setMaxListeners(0, NEVER);

/** The actor in a request of its own. */
export function inNewRequest<A extends TenantActor>(actor: A): A {
  return { ...actor, requestId: newId('request') };
}

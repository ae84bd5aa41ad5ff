/** Tenants with people, models with versions of given signatures, and the room as several servers have it. */
import type { Role, TenantActor } from '../../../src/domain/access/index.js';
import { permissionsOf } from '../../../src/domain/access/index.js';
import {
  createAliasesService,
  type AliasesDeps,
  type AliasesService,
  type SetAliasInput,
} from '../../../src/domain/aliases/index.js';
import { createAuditService } from '../../../src/domain/audit/index.js';
import type { Model } from '../../../src/domain/catalog/index.js';
import { Database } from '../../../src/database/index.js';
import { systemClock } from '../../../src/lib/clock.js';
import { newId } from '../../../src/lib/ids.js';
import { createLogger } from '../../../src/lib/logger.js';
import type { NamedSignature, Signature, TensorSpec } from '../../../src/lib/tensor.js';
import { createCatalogWorld } from '../../support/catalog-world.js';
import { createTestDatabase } from '../../support/postgres.js';

const spec = (name: string, shape: readonly number[]): TensorSpec => ({ name, datatype: 'FP32', shape });

/** `WIDER` may follow `PLAIN`; `OTHER` and `PLAIN` break each other's callers, and `PLAIN` those of `WIDER`. */
export const SIGNATURES = {
  PLAIN: { inputs: [spec('x', [-1, 2])], outputs: [spec('y', [-1, 2])] },
  WIDER: { inputs: [spec('x', [-1, -1])], outputs: [spec('y', [-1, 2])] },
  OTHER: { inputs: [spec('image', [-1, 3])], outputs: [spec('y', [-1, 2])] },
} satisfies Record<string, Signature>;

export type UserActor = TenantActor & { readonly kind: 'user' };

export async function openAliasesRoom() {
  const test = await createTestDatabase();
  const world = createCatalogWorld(test);
  const others: Database[] = [];
  const serviceOn = (database: Database, more: Partial<AliasesDeps> = {}): AliasesService =>
    createAliasesService({
      database,
      clock: systemClock,
      audit: createAuditService({ database, clock: systemClock }),
      ...more,
    });

  /** Somebody with a sign-in and a place in the tenant. */
  async function person(tenantId: string, role: Role): Promise<UserActor> {
    const userId = newId('user');
    await test.asOwner(
      `WITH somebody AS (INSERT INTO users (id, email, name) VALUES ($3, $3 || '@x.org', 'x'))
       INSERT INTO memberships (id, tenant_id, user_id, role) VALUES ($1, $2, $3, $4)`,
      [newId('membership'), tenantId, userId, role],
    );
    return {
      kind: 'user',
      userId,
      sessionId: newId('session'),
      tenantId,
      role,
      permissions: permissionsOf(role, false),
      requestId: newId('request'),
    };
  }

  /** A tenant and its owner. */
  async function owner(): Promise<UserActor> {
    const { tenantId } = await world.tenant(`t-${Math.random().toString(36).slice(2, 12)}`);
    return person(tenantId, 'OWNER');
  }

  /** A model with a version for each of the signatures, or lists of them, the first by default; the ids of the versions. */
  async function model(
    actor: TenantActor,
    signatures: readonly (Signature | readonly NamedSignature[])[],
    visibility: Model['visibility'] = 'PRIVATE',
  ): Promise<{ readonly modelId: string; readonly versions: readonly string[] }> {
    const { id: modelId } = await world.model(actor, {
      name: `m${Math.random().toString(36).slice(2, 12)}`,
      visibility,
    });
    const versions = signatures.map(() => newId('version'));
    const named = signatures.map((one) => ('inputs' in one ? [] : one));
    const first = signatures.map((one) => ('inputs' in one ? one : one[0]?.signature));
    // In one statement: each is a connection of its own.
    await test.asOwner(
      `WITH new AS (SELECT * FROM unnest($3::text[], $4::jsonb[], $5::jsonb[]) WITH ORDINALITY
           AS v(id, signature, signatures, number)),
         bytes AS (INSERT INTO artifacts (digest, bytes) SELECT id, 1 FROM new)
       INSERT INTO versions (id, tenant_id, model_id, number, format, digest, bytes, pack_digest, pack_bytes, signature,
         signatures, runtime, trials, parameter_count, weight_bytes, operations)
       SELECT id, $1, $2, number, 'KERAS_H5', id, 1, id, 1, signature, signatures, 'tfjs-wasm', '[]', 1, 4, '[]' FROM new`,
      [
        actor.tenantId,
        modelId,
        versions,
        ...[first, named].map((list) => list.map((one) => JSON.stringify(one))),
      ],
    );
    return { modelId, versions };
  }

  return {
    ...world,
    aliases: serviceOn(test.database),
    serviceOn,
    owner,
    person,
    model,
    /** Another server on the same database. */
    async anotherServer(): Promise<AliasesService> {
      const database = new Database({ url: test.url, logger: createLogger('error'), maxConnections: 8 });
      await database.start();
      others.push(database);
      return serviceOn(database);
    },
    async stop() {
      await Promise.all(others.map((database) => database.stop()));
      await test.stop();
    },
  };
}

export type AliasesRoom = Awaited<ReturnType<typeof openAliasesRoom>>;

/** A move of `production`. */
export function move(
  modelId: string,
  versionId: string | undefined,
  expectedVersionId: string | null | undefined,
  more: Partial<SetAliasInput> = {},
): SetAliasInput {
  return {
    modelId,
    name: 'production',
    versionId: versionId ?? '',
    expectedVersionId: expectedVersionId ?? null,
    reason: 'Because.',
    ...more,
  };
}

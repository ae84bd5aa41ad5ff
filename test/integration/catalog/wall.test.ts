/** The second wall, alone: statements without any `where`, under row-level security only. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../../../src/lib/ids.js';
import type { Model } from '../../../src/domain/catalog/index.js';
import type { TenantActor } from '../../../src/domain/access/index.js';
import { accepted, createCatalogWorld, type CatalogWorld } from '../../support/catalog-world.js';
import { createTestDatabase } from '../../support/postgres.js';

let world: CatalogWorld;
let acme: TenantActor;
let other: TenantActor;
let third: TenantActor;
let hidden: Model;
let granted: Model;
let grantId: string;

beforeAll(async () => {
  world = createCatalogWorld(await createTestDatabase());
  acme = await world.tenant('acme');
  other = await world.tenant('other');
  third = await world.tenant('third');
  hidden = await world.model(acme, { name: 'hidden' });
  granted = await world.model(acme, { name: 'granted' });
  const input = { modelId: granted.id, granteeSlug: 'other', rights: ['PREDICT'] as const };
  grantId = accepted(await world.sharing.grantAccess(acme, input)).id;
});
afterAll(() => world.stop());

const modelIds = (tenantId?: string) =>
  world.database.transaction({ tenantId }, async (tx) =>
    (await tx.model.findMany({ select: { id: true } })).map(({ id }) => id).sort(),
  );

const grantIds = (tenantId?: string) =>
  world.database.transaction({ tenantId }, async (tx) =>
    (await tx.grant.findMany({ select: { id: true } })).map(({ id }) => id),
  );

describe('a statement without a where', () => {
  it('returns nothing of a neighbour, and what is one’s own', async () => {
    expect(await modelIds(acme.tenantId)).toEqual([hidden.id, granted.id].sort());
    expect(await modelIds(other.tenantId)).toEqual([granted.id]);
    expect(await modelIds(third.tenantId)).toEqual([]);
    expect(await modelIds()).toEqual([]);
  });

  it('shows grants to their two sides only', async () => {
    expect(await grantIds(acme.tenantId)).toEqual([grantId]);
    expect(await grantIds(other.tenantId)).toEqual([grantId]);
    expect(await grantIds(third.tenantId)).toEqual([]);
  });

  it('changes nothing of a neighbour, not even what is visible', async () => {
    const change = (tenantId: string) =>
      world.database.transaction({ tenantId }, (tx) => tx.model.updateMany({ data: { summary: 'taken' } }));
    expect(await change(other.tenantId)).toEqual({ count: 0 });
    const revoke = world.database.transaction({ tenantId: other.tenantId }, (tx) =>
      tx.grant.updateMany({ data: { revokedAt: new Date() } }),
    );
    expect(await revoke).toEqual({ count: 0 });
  });
});

describe('row-level security', () => {
  const forged = (tenantId: string) =>
    world.database.transaction({ tenantId: third.tenantId }, (tx) =>
      tx.grant.create({
        data: {
          id: newId('grant'),
          tenantId,
          modelId: hidden.id,
          granteeTenantId: third.tenantId,
          rights: ['VIEW'],
        },
      }),
    );

  it('lets no tenant grant itself a neighbour’s model, in its own name or the neighbour’s', async () => {
    await expect(forged(third.tenantId)).rejects.toThrow(/foreign key/i);
    await expect(forged(acme.tenantId)).rejects.toThrow(/row-level security/);
    expect(await modelIds(third.tenantId)).toEqual([]);
  });

  it('lets no tenant slip a version under a neighbour’s model', async () => {
    const digest = 'f'.repeat(64);
    const slip = world.database.transaction({ tenantId: other.tenantId }, async (tx) => {
      await tx.artifact.create({ data: { digest, bytes: 1 } });
      await tx.version.create({
        data: {
          id: newId('version'),
          tenantId: other.tenantId,
          modelId: granted.id,
          number: 1,
          format: 'KERAS_V3',
          digest,
          bytes: 1,
          packDigest: digest,
          packBytes: 1,
          signature: {},
          runtime: 'tfjs-wasm',
          trials: [],
          parameterCount: 1,
          weightBytes: 4,
          operations: [],
        },
      });
    });
    await expect(slip).rejects.toThrow(/foreign key/i);
  });

  it('lets no tenant make or move a model into a neighbour’s name', async () => {
    const make = world.database.transaction({ tenantId: other.tenantId }, (tx) =>
      tx.model.create({
        data: { id: newId('model'), tenantId: acme.tenantId, ownerSlug: 'acme', name: 'forged' },
      }),
    );
    await expect(make).rejects.toThrow(/row-level security/);
    const own = await world.model(other, { name: 'own' });
    const move = world.database.transaction({ tenantId: other.tenantId }, (tx) =>
      tx.model.update({ where: { id: own.id }, data: { tenantId: acme.tenantId } }),
    );
    await expect(move).rejects.toThrow(/row-level security/);
  });

  it('lets nobody delete a model', async () => {
    const remove = world.database.transaction({ tenantId: acme.tenantId }, (tx) => tx.model.deleteMany());
    await expect(remove).rejects.toThrow(/permission denied/);
  });
});

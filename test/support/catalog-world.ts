/** Tenants and their actors in a real database, with the rooms from audit to marketplace as the server builds them. */
import type { TenantActor } from '../../src/domain/access/index.js';
import { createAuditService } from '../../src/domain/audit/index.js';
import { createCatalogService, type CreateModelInput, type Model } from '../../src/domain/catalog/index.js';
import { createSharingService } from '../../src/domain/sharing/index.js';
import { systemClock } from '../../src/lib/clock.js';
import { newId } from '../../src/lib/ids.js';
import type { Result } from '../../src/lib/result.js';
import { ownerOf } from './actors.js';
import type { TestDatabase } from './postgres.js';

export function createCatalogWorld(test: TestDatabase) {
  const { database } = test;
  const clock = systemClock;
  const audit = createAuditService({ database, clock });
  const catalog = createCatalogService({ database, clock, audit });
  const sharing = createSharingService({ database, clock, audit });

  /** A new tenant; the actor owns it. */
  async function tenant(slug: string): Promise<TenantActor> {
    const tenantId = newId('tenant');
    await test.asOwner('INSERT INTO tenants (id, slug, name) VALUES ($1, $2, $2)', [tenantId, slug]);
    return ownerOf(tenantId);
  }

  /** A model of the actor's tenant. Throws when it is refused. */
  async function model(actor: TenantActor, input: CreateModelInput): Promise<Model> {
    return accepted(await catalog.createModel(actor, input));
  }

  return Object.freeze({ ...test, audit, catalog, sharing, tenant, model });
}

export type CatalogWorld = ReturnType<typeof createCatalogWorld>;

/** The value of a result that must be one. */
export function accepted<T>(result: Result<T, unknown>): T {
  if (!result.ok) throw new Error(`Refused: ${JSON.stringify(result.error)}`);
  return result.value;
}

/** The code of a result that must be a refusal; several, joined by commas. */
export function refusalCode(result: Result<unknown, unknown>): string {
  if (result.ok) throw new Error(`Accepted: ${JSON.stringify(result.value)}`);
  const errors = (Array.isArray(result.error) ? result.error : [result.error]) as { code: string }[];
  return errors.map((error) => error.code).join(',');
}

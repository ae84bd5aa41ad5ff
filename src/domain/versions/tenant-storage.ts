/** Reading and setting how much a tenant may store. */
import type { Transactions, Tx } from '../../database/index.js';
import type { Clock } from '../../lib/clock.js';
import { mayBeId } from '../../lib/ids.js';
import { ok, refuse, type Result } from '../../lib/result.js';
import { can, permissionDenied, type PermissionDenied, type TenantActor } from '../access/index.js';
import type { AuditService } from '../audit/index.js';
import * as errors from './errors.js';
import { storageUseOf, type StorageUse } from './storage-use.js';

export interface SetTenantStorageInput {
  readonly tenantSlug: string;
  /** `null`: what the server gives every tenant. */
  readonly limitBytes?: number | null | undefined;
}

export interface TenantStorage {
  /** Of the actor's own tenant, with USAGE_READ; `null` otherwise. */
  storageOfTenant(actor: TenantActor, tenantId: string): Promise<StorageUse | null>;
  /** Counts from the next upload on. What is stored already stays. Needs PLATFORM_OPERATE. */
  setTenantStorage(
    actor: TenantActor,
    input: SetTenantStorageInput,
  ): Promise<Result<StorageUse, PermissionDenied | errors.InvalidInput | errors.NotFound>>;
}

export function createTenantStorage(deps: {
  readonly database: Transactions;
  readonly clock: Clock;
  readonly audit: Pick<AuditService, 'record'>;
  readonly defaultStorageBytes: number;
}): TenantStorage {
  const { database, clock, audit, defaultStorageBytes } = deps;
  return Object.freeze({
    async storageOfTenant(actor: TenantActor, tenantId: string) {
      if (actor.tenantId !== tenantId || !can(actor, 'USAGE_READ')) return null;
      return database.transaction({ tenantId }, (tx) => storageUseOf(tx, tenantId, defaultStorageBytes));
    },

    async setTenantStorage(actor: TenantActor, { tenantSlug, limitBytes = null }: SetTenantStorageInput) {
      if (!can(actor, 'PLATFORM_OPERATE')) return refuse(permissionDenied(actor, 'PLATFORM_OPERATE'));
      if (limitBytes !== null && !(Number.isSafeInteger(limitBytes) && limitBytes >= 0)) {
        const message =
          'limitBytes is a whole number from 0 on, or null for what the server gives every tenant.';
        return refuse(errors.invalidInput(['limitBytes'], message));
      }
      if (!mayBeId(tenantSlug)) return refuse(errors.tenantNotFound());
      // The operator's own tenant is named too: the audit event is written there.
      const context = { tenantId: actor.tenantId, acrossTenants: true };
      return database.transaction(context, async (tx): Promise<Result<StorageUse, errors.NotFound>> => {
        const tenant = await tx.tenant.findUnique({ where: { slug: tenantSlug }, select: { id: true } });
        if (tenant === null) return refuse(errors.tenantNotFound());
        await setLimitAcrossTenants(tx, tenant.id, limitBytes, clock.now());
        await audit.record(tx, actor, {
          action: 'setTenantStorage',
          subjectId: tenant.id,
          details: { tenantSlug, limitBytes },
        });
        return ok(await storageUseOf(tx, tenant.id, defaultStorageBytes));
      });
    },
  });
}

async function setLimitAcrossTenants(
  tx: Tx,
  tenantId: string,
  limit: number | null,
  now: Date,
): Promise<void> {
  const facts = { storageBytes: limit === null ? null : BigInt(limit), updatedAt: now };
  await tx.tenantPlan.upsert({ where: { tenantId }, create: { tenantId, ...facts }, update: facts });
}

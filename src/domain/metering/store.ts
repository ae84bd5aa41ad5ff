/** Plans as they are set. */
import type { Tx } from '../../database/index.js';

export function createMeteringStore() {
  return Object.freeze({
    async findTenantIdBySlugAcrossTenants(tx: Tx, slug: string): Promise<string | null> {
      return (await tx.tenant.findUnique({ where: { slug }, select: { id: true } }))?.id ?? null;
    },

    /** A `weight` of `null` leaves it as it is. The database then asks all leases of the tenant back. */
    async setPlanAcrossTenants(
      tx: Tx,
      tenantId: string,
      plan: { readonly limit: number | null; readonly weight: number | null },
      now: Date,
    ): Promise<void> {
      const facts = {
        predictionsPerMonth: plan.limit === null ? null : BigInt(plan.limit),
        ...(plan.weight === null ? {} : { weight: plan.weight }),
        updatedAt: now,
      };
      await tx.tenantPlan.upsert({ where: { tenantId }, create: { tenantId, ...facts }, update: facts });
    },
  });
}

export type MeteringStore = ReturnType<typeof createMeteringStore>;

/** Counters and plans as they are read and set. Whole numbers are read as float8, which is exact up to 2^53. */
import type { Transactions, Tx } from '../../database/index.js';
import type { Period, QuotaSubject } from './quota.js';

export interface Counter {
  readonly subject: QuotaSubject;
  readonly subjectId: string;
  readonly limit: number | null;
  readonly used: number;
  readonly reserved: number;
  /** `null` for a key. */
  readonly weight: number | null;
}

export function createMeteringStore(database: Transactions) {
  return Object.freeze({
    /**
     * The tenant's counter and those of the named keys of the tenant, with what their leases have charged since. A
     * month without use counts as zero.
     */
    readCounters(tenantId: string, apiKeyIds: readonly string[], period: Period): Promise<Counter[]> {
      return database.sql({ tenantId }, (query) =>
        query<Counter>(
          `SELECT s.subject, s.subject_id AS "subjectId", s.predictions_per_month::float8 AS "limit",
             (coalesce(c.used, 0) + l.charged)::float8 AS used,
             (coalesce(c.reserved, 0) - l.charged)::float8 AS reserved, s.weight
           FROM (
             SELECT 'TENANT' AS subject, t.id AS subject_id, p.predictions_per_month, 0 AS place,
               coalesce(p.weight, 1) AS weight
             FROM tenants t LEFT JOIN tenant_plans p ON p.tenant_id = t.id WHERE t.id = $1
             UNION ALL
             SELECT 'API_KEY', k.id, k.predictions_per_month, array_position($2::text[], k.id), NULL
             FROM api_keys k WHERE k.tenant_id = $1 AND k.id = ANY ($2)
           ) s
           LEFT JOIN quota_counters c
             ON c.subject = s.subject AND c.subject_id = s.subject_id AND c.period_start = $3
           CROSS JOIN LATERAL (
             SELECT coalesce(sum(q.charged), 0) AS charged FROM quota_leases q
             WHERE q.tenant_id = $1 AND q.period_start = $3 AND (s.subject = 'TENANT' OR q.api_key_id = s.subject_id)
           ) l
           ORDER BY s.place`,
          [tenantId, apiKeyIds, period.start],
        ),
      );
    },

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

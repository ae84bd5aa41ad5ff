/** Publishers, plans and subscribers on the metering room's database, and events as charges and refunds write them. */
import { createAuditService } from '../../src/domain/audit/index.js';
import { createBillingService, type BillingService } from '../../src/domain/billing/index.js';
import type { PlanTerms } from '../../src/domain/marketplace/index.js';
import { newId } from '../../src/lib/ids.js';
import { openMeteringRoom, type MeteringRoom } from './metering-room.js';
import { silentLogger } from './silent-logger.js';

export interface SoldModel {
  readonly modelId: string;
  readonly ownerTenantId: string;
  readonly planId: string;
  readonly terms: PlanTerms;
}

export interface Taken {
  readonly tenantId: string;
  readonly subscriptionId: string;
  readonly model: SoldModel;
}

export interface EventFacts {
  /** An instant in the month that is charged. */
  readonly at: string | Date;
  readonly costMicros: number;
  readonly units?: number;
  readonly rows?: number;
  readonly computeUs?: number;
  /** The event that this one corrects; then it is a refund. */
  readonly refundOf?: string;
  readonly currency?: string;
}

export interface BillingRoom extends MeteringRoom {
  readonly billing: BillingService;
  sell(ownerTenantId: string, terms?: Partial<PlanTerms>): Promise<SoldModel>;
  take(tenantId: string, model: SoldModel, since?: string): Promise<Taken>;
  /** @returns the id of the event */
  event(taken: Taken, facts: EventFacts): Promise<string>;
}

const FREE: PlanTerms = {
  currency: 'EUR',
  pricePerThousandMicros: 0,
  pricePerComputeSecondMicros: 0,
  freePredictionsPerMonth: 0,
  tiers: [],
};

export async function openBillingRoom(start?: string): Promise<BillingRoom> {
  const room = await openMeteringRoom(start);
  const { db, clock } = room;
  const billing = createBillingService({
    database: db.database,
    clock,
    audit: createAuditService({ database: db.database, clock }),
    log: silentLogger(),
  });
  return {
    ...room,
    billing,
    async sell(ownerTenantId, more = {}) {
      const terms = { ...FREE, ...more };
      const [modelId, planId] = [newId('model'), newId('plan')];
      await db.asOwner(
        `INSERT INTO models (id, tenant_id, owner_slug, name, visibility, public_access)
         SELECT $1, id, slug, $3, 'PUBLIC', 'VIEW' FROM tenants WHERE id = $2`,
        [modelId, ownerTenantId, modelId.replace('_', '-')],
      );
      await db.asOwner(
        `INSERT INTO plans (id, tenant_id, model_id, name, currency, price_per_thousand_micros,
           price_per_compute_second_micros, free_predictions_per_month, tiers) VALUES ($1, $2, $3, 'standard', $4, $5, $6, $7, $8)`,
        [
          planId,
          ownerTenantId,
          modelId,
          terms.currency,
          terms.pricePerThousandMicros,
          terms.pricePerComputeSecondMicros,
          terms.freePredictionsPerMonth,
          JSON.stringify(terms.tiers),
        ],
      );
      return { modelId, ownerTenantId, planId, terms };
    },
    async take(tenantId, model, since = '2026-02-10T00:00:00.000Z') {
      const subscriptionId = newId('subscription');
      await db.asOwner(
        `INSERT INTO subscriptions (id, tenant_id, plan_id, model_id, owner_tenant_id, created_at, subscribed_at)
         VALUES ($1, $2, $3, $4, $5, $6, $6)`,
        [subscriptionId, tenantId, model.planId, model.modelId, model.ownerTenantId, since],
      );
      return { tenantId, subscriptionId, model };
    },
    async event({ tenantId, subscriptionId, model }, facts) {
      const isRefund = facts.refundOf !== undefined;
      const id = newId(isRefund ? 'usageEvent' : 'prediction');
      await db.asOwner(
        `INSERT INTO usage_events (id, kind, corrects_id, reason, tenant_id, request_id, owner_tenant_id, model_id, model_name,
           version_id, version_number, digest, runtime, worker, batch_size, batch_rows, rows, units, bytes, queue_ms, batch_ms,
           load_ms, compute_ms, compute_us, cost_micros, currency, subscription_id, period_start, created_at)
         VALUES ($1, $2, $3, $4, $5, 'req', $6, $7, 'acme/' || $7, 'ver', 1, 'd', 'onnx', 'w', 1, 1, $8, $9, 4, 0, 0, 0, 0, $10,
           $11, $12, $13, date_trunc('month', $14::timestamptz, 'UTC'), $14)`,
        [
          id,
          isRefund ? 'REFUND' : 'PREDICTION',
          facts.refundOf ?? null,
          isRefund ? 'It was wrong.' : null,
          tenantId,
          model.ownerTenantId,
          model.modelId,
          facts.rows ?? 1,
          facts.units ?? (isRefund ? -1 : 1),
          facts.computeUs ?? 0,
          facts.costMicros,
          facts.currency ?? model.terms.currency,
          subscriptionId,
          facts.at,
        ],
      );
      return id;
    },
  };
}
